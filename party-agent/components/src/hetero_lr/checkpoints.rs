//! States of the model kept while it learns, where the job asks for them: whatever reads the model reads them, too.

use component_kit::{CheckpointAt, Result, TaskContext};

use super::learner::Learner;
use super::model::Model;
use super::params::Params;
use super::plan::Course;

/// Keeps a state after the epochs that are due.
pub(super) struct Checkpoints {
    /// Epochs from one state to the next; none when there are none to keep.
    every: Option<usize>,
    /// The model without anything learned.
    frame: Model,
}

impl Checkpoints {
    /// `frame` is the model that the training makes, with nothing learned yet. Trainings of several classes keep no
    /// states: the classes are learned one after the other, so that no moment has all of them.
    pub(super) fn new(task: &TaskContext, params: &Params, course: &Course, frame: Model) -> Self {
        let asked = params.checkpoint_epochs();
        if asked.is_some() && course.plan.models > 1 {
            task.warn("there are no checkpoints of one-vs-rest trainings");
        }
        Self {
            every: asked.filter(|_| course.plan.models == 1),
            frame,
        }
    }

    /// Keeps the state after an epoch, if it is due. `turn` is the epoch's.
    pub(super) async fn keep(
        &self,
        turn: &TaskContext,
        epoch: usize,
        learner: &Learner,
        is_converged: bool,
    ) -> Result<()> {
        let due = self.every.is_some_and(|every| epoch.is_multiple_of(every));
        let Some(step_index) = u32::try_from(epoch).ok().filter(|_| due) else {
            return Ok(());
        };
        let model = Model {
            trained: vec![learner.so_far(epoch + 1, is_converged)],
            ..self.frame.clone()
        };
        turn.save_checkpoint(
            CheckpointAt {
                step_index,
                step_name: format!("epoch_{epoch}"),
            },
            &model,
        )
        .await
    }
}
