//! The guest: it has the labels, plans the batches, brings the residuals together and keeps the predictions.

use component_kit::{Result, TaskContext};
use learners::classes::{self, outcomes};
use learners::inputs::{Inputs, rows_to_predict};
use learners::model::LinearModel;
use learners::validation::Validator;
use learners::vertical::{self, Course, Guest, VerticalLoss};

use super::loss::TaylorLogistic as Loss;
use super::params::Params;
use super::{Scheme, view};

/// Trains, predicts the rows trained and validated on, and keeps the model.
pub(super) async fn fit(task: &TaskContext, params: &Params) -> Result<()> {
    let training = params.training();
    let inputs = Inputs::read(task, Loss::LABELS).await?;
    // Before the first message: labels that cannot be learned should cost nobody a key.
    let own = classes::read(task, &inputs)?;
    let mut model = inputs.guest_frame(task, &training)?;
    own.name_in(&mut model);
    let models = model.classes.len();
    model.threshold = params.threshold(inputs.before.as_ref());
    view::add_meta(&mut model, models > 1);
    let validator = Validator::new(&training, Loss::LABELS, &inputs)?;
    // The figures of several classes would mix.
    let mut validator = validator.filter(|_| models == 1);

    let key = vertical::hear_key::<Scheme>(task).await?;
    let told = (&model, models, own.values.as_slice());
    let course = Course::announce::<Loss, Scheme>(task, &training, &inputs, told).await?;
    vertical::send_alignment(task, inputs.rows()).await?;
    let mut guest = Guest::<Loss, Scheme>::new(task, (&training, &inputs), (course, key), &model)?;
    let mut history = None;
    for (index, class) in model.classes.clone().into_iter().enumerate() {
        let labels = (index, own.signs(class));
        let (trained, measured) = guest.train(task, labels, validator.take()).await?;
        model.trained.push(trained);
        history = measured.or(history);
    }

    let turn = task.round("predict", 0);
    let table = vertical::predict_all::<Loss>(&turn, &model, &inputs, outcomes).await?;
    view::report(task, &model, history);
    task.save_model(&model).await?;
    task.output(0, &table).await
}

/// Predicts with a saved model: hosts send partial scores, the guest adds them up.
pub(super) async fn apply(task: &TaskContext, params: &Params) -> Result<()> {
    let mut model = LinearModel::load(task).await?;
    if let Some(threshold) = params.predict_param.threshold.if_given() {
        model.threshold = *threshold;
    }
    let rows = rows_to_predict(task, &model, Loss::LABELS).await?;
    classes::note_unknown(task, &model, &rows);
    vertical::apply_as_guest::<Loss>(task, (&model, &rows), outcomes).await
}
