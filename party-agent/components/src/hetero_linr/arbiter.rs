//! The arbiter: it holds the key, opens what comes masked, and decides when training has converged.

use component_kit::{Result, TaskContext};
use learners::vertical::{self, Arbiter, Course};

use super::Scheme;
use super::loss::Squares as Loss;
use super::params::Params;

/// Serves every training; keeps nothing.
pub(super) async fn fit(task: &TaskContext, params: &Params) -> Result<()> {
    let training = params.training();

    let key = vertical::make_key::<Scheme>(task).await?;
    let (course, columns) = Course::oversee::<Loss, Scheme>(task, &training).await?;
    Arbiter::new(course, columns, key).train_all(task).await
}
