//! The guest: it has the labels, plans the batches, brings the residuals together and keeps the predictions.

use component_kit::{Result, TaskContext};
use learners::inputs::{Inputs, rows_to_predict};
use learners::model::LinearModel;
use learners::predictions::numbers;
use learners::validation::Validator;
use learners::vertical::{self, Course, Guest, VerticalLoss};
use learners::view;

use super::Scheme;
use super::loss::Squares as Loss;
use super::params::Params;

/// Trains, predicts the rows trained and validated on, and keeps the model.
pub(super) async fn fit(task: &TaskContext, params: &Params) -> Result<()> {
    let training = params.training();
    let inputs = Inputs::read(task, Loss::LABELS).await?;
    let labels = inputs.train.need_labels()?;
    let mut model = inputs.guest_frame(task, &training)?;
    // Before the first message: what is refused should cost the other parties nothing.
    let validator = Validator::new(&training, Loss::LABELS, &inputs)?;

    let key = vertical::hear_key::<Scheme>(task).await?;
    let told = (&model, 1, labels.as_slice());
    let course = Course::announce::<Loss, Scheme>(task, &training, &inputs, told).await?;
    // Before any gradient: rows that do not match would train on others' labels.
    vertical::send_alignment(task, inputs.rows()).await?;
    let mut guest = Guest::<Loss, Scheme>::new(task, (&training, &inputs), (course, key), &model)?;
    let (trained, history) = guest.train(task, (0, labels), validator).await?;
    model.trained.push(trained);

    // A round of its own: validations have sent scores under the same names before.
    let turn = task.round("predict", 0);
    let table = vertical::predict_all::<Loss>(&turn, &model, &inputs, numbers).await?;
    view::report_single(task, &model, history);
    // The model first: predictions can be made again from it, and not the other way round.
    task.save_model(&model).await?;
    task.output(0, &table).await
}

/// Predicts with a saved model: hosts send partial scores, the guest adds them up.
pub(super) async fn apply(task: &TaskContext) -> Result<()> {
    let model = LinearModel::load(task).await?;
    let rows = rows_to_predict(task, &model, Loss::LABELS).await?;
    vertical::apply_as_guest::<Loss>(task, (&model, &rows), numbers).await
}
