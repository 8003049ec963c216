//! A host: it has columns, no labels; it sends scores under the arbiter's key and learns its own gradient.

use component_kit::{Result, TaskContext};
use learners::inputs::Inputs;
use learners::vertical::{self, Course, Host, VerticalLoss};
use learners::view;

use super::Scheme;
use super::loss::Squares as Loss;
use super::params::Params;

/// Trains, sends partial scores of the rows trained and validated on, and keeps its part of the model.
pub(super) async fn fit(task: &TaskContext, params: &Params) -> Result<()> {
    let training = params.training();
    let inputs = Inputs::read(task, Loss::LABELS).await?;
    let mut model = inputs.host_frame(&training)?;

    let key = vertical::hear_key::<Scheme>(task).await?;
    let course = Course::join::<Loss, Scheme>(task, &training, model.columns.len()).await?;
    // Before any score leaves for rows that may not be the guest's.
    vertical::check_alignment(task, inputs.tables()).await?;
    let mut host = Host::<Loss, Scheme>::new(task, (&training, &inputs), (course, key), &model)?;
    model.trained = host.train_all(task).await?;

    let turn = task.round("predict", 0);
    vertical::send_predictions(&turn, &model, inputs.rows()).await?;
    view::report_single(task, &model, None);
    task.save_model(&model).await
}
