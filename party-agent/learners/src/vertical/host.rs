//! A host's loops: it has columns and no labels; what it learns of a batch is its own gradient.

use std::sync::Arc;

use component_kit::{ComponentError, Packed, Result, TaskContext};
use crypto::random::Random;
use secure_compute::aligned_batches::{BatchShape, receive_rows};
use secure_compute::{Encryptor, KeyUse, LinearScheme, agreed_stop};
use vocabulary::{ErrorCode, Fault};

use super::VerticalLoss;
use super::messages::{
    BEST_EPOCH, CONVERGED, EARLY_STOP, HOST_SCORE, HOST_STEP_LENGTH, MASKED_ROWS, PUBLIC_KEY,
};
use super::plan::Course;
use super::scales::Scaling;
use super::steps;
use crate::checkpoints::Checkpoints;
use crate::columns::{Columns, Selection};
use crate::inputs::Inputs;
use crate::model::{LinearModel, Trained};
use crate::params::Training;
use crate::weights::LinearWeights;

/// What a host works with during all trainings.
pub struct Host<'a, L: VerticalLoss, S: LinearScheme> {
    pub(super) course: Course,
    pub(super) encryptor: Encryptor<S>,
    pub(super) keys: KeyUse,
    pub(super) columns: Columns<S>,
    validate: Option<Columns<S>>,
    /// Rows of the batches, where they stay the same.
    batches: Vec<Selection>,
    random: Random,
    checkpoints: Checkpoints,
    pub(super) scaling: Scaling,
    inputs: &'a Inputs,
    training: &'a Training,
    loss: std::marker::PhantomData<L>,
}

/// Compares the guest's plan with what this host has, and refuses what would give labels away.
fn check(course: &Course, inputs: &Inputs) -> Result<()> {
    let (plan, train) = (&course.plan, &inputs.train);
    let before = inputs.before.as_ref();
    if inputs.first_epoch() != plan.first_epoch
        || before.is_some_and(|model| model.trained.len() != plan.models)
    {
        let text = "the models to go on from are not of one training";
        return Err(Fault::new(ErrorCode::DataMismatch, text)
            .next("wire the model of the same job at every party")
            .into());
    }
    let validate_rows = inputs.validate.as_ref().map(|rows| rows.ids.len());
    if plan.rows != train.ids.len() || plan.validate_rows != validate_rows {
        let text = "the guest plans with other tables than this host has";
        return Err(Fault::new(ErrorCode::DataMismatch, text).into());
    }
    // The smallest batch, which is the last one, gives away as much as if all were so small.
    let sizes = course.shapes.iter().map(|shape| shape.masked);
    let smallest = sizes.fold(plan.rows, usize::min);
    steps::check_columns(train.names.len(), smallest, smallest == plan.rows)
}

impl<'a, L: VerticalLoss, S: LinearScheme> Host<'a, L, S> {
    /// `frame` is the model that the trainings make, with nothing learned yet.
    ///
    /// # Errors
    /// A plan that does not fit what this host has, or that would give labels away.
    pub fn new(
        task: &TaskContext,
        (training, inputs): (&'a Training, &'a Inputs),
        (course, mut encryptor): (Course, Encryptor<S>),
        frame: &LinearModel,
    ) -> Result<Self> {
        // Before any ciphertext leaves: what a plan gives away cannot be called back.
        check(&course, inputs)?;
        let random = encryptor.fork_random();
        let columns = Columns::new(&inputs.train.features, false)?;
        let validate = inputs.validate.as_ref();
        let validate = validate.map(|rows| Columns::new(&rows.features, false));
        let checkpoints = Checkpoints::new(task, training, frame.clone(), course.plan.models);
        Ok(Self {
            keys: KeyUse::new(course.limit),
            course,
            encryptor,
            columns,
            validate: validate.transpose()?,
            batches: Vec::new(),
            random,
            checkpoints,
            scaling: Scaling::default(),
            inputs,
            training,
            loss: std::marker::PhantomData,
        })
    }

    /// Every training; gives what was learned.
    pub async fn train_all(&mut self, task: &TaskContext) -> Result<Vec<Trained>> {
        let mut trained = Vec::new();
        for index in 0..self.course.plan.models {
            let from = self.inputs.before.as_ref();
            let from = from.and_then(|model| model.trained.get(index));
            let random = &mut self.random;
            let shape = (self.inputs.train.names.len(), false);
            let weights =
                LinearWeights::start(self.training, shape, from, &mut || random.uniform_f64());
            let scope = self.course.scope(task, index);
            trained.push(self.train(&scope, weights, index).await?);
        }
        Ok(trained)
    }

    async fn train(
        &mut self,
        scope: &TaskContext,
        mut weights: LinearWeights,
        model: usize,
    ) -> Result<Trained> {
        let (mut iters, mut is_converged) = (self.course.plan.first_epoch, false);
        // Each training deals its own batches, and begins at the finest scale.
        self.batches.clear();
        self.scaling = Scaling::default();
        for epoch in self.course.epochs() {
            let turn = scope.round("epoch", epoch);
            weights.begin_epoch();
            for (index, shape) in self.course.shapes.clone().into_iter().enumerate() {
                let turn = turn.round("batch", index);
                let rows = self.rows(&turn, shape, (epoch, index)).await?;
                self.batch(&turn, &mut weights, &rows, (epoch, index))
                    .await?;
            }
            if self.course.measures_steps() {
                self.keys
                    .renew(&turn, &mut self.encryptor, &PUBLIC_KEY, 1)
                    .await?;
                let steps = (weights.moved(), self.course.length_unit);
                agreed_stop::send_length(&turn, &mut self.encryptor, &HOST_STEP_LENGTH, steps)
                    .await?;
            }
            is_converged = agreed_stop::hear(&turn.arbiter()?, &CONVERGED).await?;
            let is_stopped = self.validate(&turn, &mut weights, epoch).await?;
            self.checkpoints
                .keep(&turn, epoch, &weights, is_converged)
                .await?;
            self.course.progress(scope, model, epoch);
            iters = epoch + 1;
            if is_converged || is_stopped {
                break;
            }
        }
        let mut best = None;
        if self.course.stops_early() {
            let guest = scope.guest()?;
            Packed(best) = guest.receive(&BEST_EPOCH).await?;
            if let Some(epoch) = best.filter(|epoch| !weights.restore(*epoch)) {
                let who = guest.participant();
                return Err(ComponentError::protocol(format!(
                    "{who} says in best_epoch that epoch {epoch} was the best, which was not validated"
                )));
            }
        }
        Ok(weights.into_trained(iters, is_converged, best))
    }

    /// The rows of a batch: all, newly named ones, or those of the epoch before.
    async fn rows(
        &mut self,
        turn: &TaskContext,
        shape: BatchShape,
        (epoch, index): (usize, usize),
    ) -> Result<Selection> {
        if !self.course.names_rows(shape, epoch) {
            // All rows, or those that were named in the first epoch.
            return Ok(self.batches.get(index).cloned().flatten());
        }
        let rows = Some(Arc::new(
            receive_rows(turn, &MASKED_ROWS, shape.masked, self.course.plan.rows).await?,
        ));
        if !self.course.is_mutable {
            // Batches are named in order, in the first epoch.
            self.batches.push(rows.clone());
        }
        Ok(rows)
    }

    /// Sends partial scores where an epoch is due; true when training must stop.
    async fn validate(
        &self,
        turn: &TaskContext,
        weights: &mut LinearWeights,
        epoch: usize,
    ) -> Result<bool> {
        if !self.course.validates(epoch) {
            return Ok(false);
        }
        for (index, columns) in [Some(&self.columns), self.validate.as_ref()]
            .into_iter()
            .flatten()
            .enumerate()
        {
            let turn = turn.round("rows", index);
            let scores = columns.scores(&turn, &None, weights.weights()).await?;
            turn.guest()?.send(&HOST_SCORE, &scores).await?;
        }
        if !self.course.stops_early() {
            return Ok(false);
        }
        // Every validated epoch: which one was best is known to the guest alone.
        weights.keep(epoch);
        agreed_stop::hear(&turn.guest()?, &EARLY_STOP).await
    }
}
