//! States of the model kept while it learns, where the job asks for them: whatever reads the model reads them, too.

use component_kit::{CheckpointAt, Result, TaskContext};

use crate::model::LinearModel;
use crate::params::Training;
use crate::weights::LinearWeights;

/// Keeps a state after the epochs that are due.
pub struct Checkpoints {
    /// Epochs from one state to the next; none when there are none to keep.
    every: Option<usize>,
    /// The model without anything learned.
    frame: LinearModel,
}

impl Checkpoints {
    /// `frame` is the model that the training makes, with nothing learned yet. Trainings of several classes keep no
    /// states: the classes are learned one after the other, so that no moment has all of them.
    pub fn new(task: &TaskContext, training: &Training, frame: LinearModel, models: usize) -> Self {
        let asked = training.checkpoint_epochs;
        if asked.is_some() && models > 1 {
            task.warn("there are no checkpoints of one-vs-rest trainings");
        }
        Self {
            every: asked.filter(|_| models == 1),
            frame,
        }
    }

    /// Keeps the state after an epoch, if it is due. `turn` is the epoch's.
    pub async fn keep(
        &self,
        turn: &TaskContext,
        epoch: usize,
        weights: &LinearWeights,
        is_converged: bool,
    ) -> Result<()> {
        let due = self.every.is_some_and(|every| epoch.is_multiple_of(every));
        let Some(step_index) = u32::try_from(epoch).ok().filter(|_| due) else {
            return Ok(());
        };
        let model = LinearModel {
            trained: vec![weights.so_far(epoch + 1, is_converged)],
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
