//! The guest's loops: it has the labels, deals the batches and measures the model.

use component_kit::{Packed, Result, TaskContext};
use crypto::random::Random;
use learning::batches::Batch;
use secure_compute::aligned_batches::send_rows;
use secure_compute::{Encryptor, KeyUse, LinearScheme, agreed_stop};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, Role};

use super::VerticalLoss;
use super::messages::{
    BEST_EPOCH, CONVERGED, EARLY_STOP, HOST_STEP_LENGTH, MASKED_ROWS, PUBLIC_KEY, STEP_LENGTH,
};
use super::plan::Course;
use super::scales::Scaling;
use super::scores::gather;
use crate::checkpoints::Checkpoints;
use crate::columns::Columns;
use crate::inputs::Inputs;
use crate::model::{LinearModel, Trained};
use crate::params::Training;
use crate::rows::Rows;
use crate::validation::Validator;
use crate::weights::LinearWeights;

/// What the guest works with during all trainings.
pub struct Guest<'a, L: VerticalLoss, S: LinearScheme> {
    pub(super) course: Course,
    pub(super) encryptor: Encryptor<S>,
    pub(super) keys: KeyUse,
    pub(super) columns: Columns<S>,
    random: Random,
    checkpoints: Checkpoints,
    has_intercept: bool,
    inputs: &'a Inputs,
    training: &'a Training,
    loss: std::marker::PhantomData<L>,
}

/// The state of one training.
pub(super) struct Run<S: LinearScheme> {
    pub(super) weights: LinearWeights,
    /// One for each row, as the loss has them.
    pub(super) labels: Vec<f64>,
    pub(super) scaling: Scaling,
    validator: Option<Validator>,
    measured: Vec<Measured<S>>,
}

/// One table to measure on.
struct Measured<S: LinearScheme> {
    /// `train` or `validate`.
    kind: &'static str,
    /// The rows that have a label.
    rows: Vec<usize>,
    /// Their labels.
    labels: Vec<f64>,
    /// The guest's columns of it; none for those it trains on.
    columns: Option<Columns<S>>,
}

impl<'a, L: VerticalLoss, S: LinearScheme> Guest<'a, L, S> {
    /// `frame` is the model that the trainings make, with nothing learned yet.
    pub fn new(
        task: &TaskContext,
        (training, inputs): (&'a Training, &'a Inputs),
        (course, mut encryptor): (Course, Encryptor<S>),
        frame: &LinearModel,
    ) -> Result<Self> {
        let random = encryptor.fork_random();
        let columns = Columns::new(&inputs.train.features, frame.has_intercept)?;
        let checkpoints = Checkpoints::new(task, training, frame.clone(), course.plan.models);
        Ok(Self {
            keys: KeyUse::new(course.limit),
            course,
            encryptor,
            columns,
            random,
            checkpoints,
            has_intercept: frame.has_intercept,
            inputs,
            training,
            loss: std::marker::PhantomData,
        })
    }

    /// One training with these labels, the `index`-th; gives what was learned and what validations measured.
    pub async fn train(
        &mut self,
        task: &TaskContext,
        (index, labels): (usize, Vec<f64>),
        validator: Option<Validator>,
    ) -> Result<(Trained, Option<Value>)> {
        let own = self.start(index, labels, validator)?;
        let scope = self.course.scope(task, index);
        self.epochs(&scope, own, index).await
    }

    fn start(
        &mut self,
        index: usize,
        labels: Vec<f64>,
        validator: Option<Validator>,
    ) -> Result<Run<S>> {
        let from = self.inputs.before.as_ref();
        let from = from.and_then(|model| model.trained.get(index));
        let shape = (self.inputs.train.names.len(), self.has_intercept);
        let random = &mut self.random;
        let weights =
            LinearWeights::start(self.training, shape, from, &mut || random.uniform_f64());
        let measured = if validator.is_some() {
            self.inputs
                .tables()
                .map(|table| self.measured(table))
                .collect::<Result<_>>()?
        } else {
            Vec::new()
        };
        Ok(Run {
            weights,
            labels,
            scaling: Scaling::default(),
            validator,
            measured,
        })
    }

    fn measured(&self, (rows, kind): (&Rows, &'static str)) -> Result<Measured<S>> {
        let is_own = kind == "train";
        let columns = (!is_own).then(|| Columns::new(&rows.features, self.has_intercept));
        let (at, labels) = rows.labelled().into_iter().unzip();
        Ok(Measured {
            kind,
            rows: at,
            labels,
            columns: columns.transpose()?,
        })
    }

    async fn epochs(
        &mut self,
        scope: &TaskContext,
        mut own: Run<S>,
        model: usize,
    ) -> Result<(Trained, Option<Value>)> {
        let mut dealing = self.course.dealing.clone();
        let (mut iters, mut is_converged) = (self.course.plan.first_epoch, false);
        for epoch in self.course.epochs() {
            let turn = scope.round("epoch", epoch);
            own.weights.begin_epoch();
            let random = &mut self.random;
            let batches = dealing.epoch(&mut |rows| random.shuffle(rows));
            for (index, batch) in batches.into_iter().enumerate() {
                let turn = turn.round("batch", index);
                self.name_rows(&turn, &batch, (epoch, index)).await?;
                self.batch(&turn, &mut own, batch, (epoch, index)).await?;
            }
            if self.course.measures_steps() {
                self.reveal_steps(&turn, &own).await?;
            }
            // Before the validation, in the order in which all roles send and wait.
            is_converged = agreed_stop::hear(&turn.arbiter()?, &CONVERGED).await?;
            let is_stopped = self.validate(&turn, &mut own, epoch).await?;
            self.checkpoints
                .keep(&turn, epoch, &own.weights, is_converged)
                .await?;
            self.course.progress(scope, model, epoch);
            iters = epoch + 1;
            if is_converged || is_stopped {
                break;
            }
        }
        let best = own.validator.as_ref().and_then(Validator::best_epoch);
        if self.course.stops_early() {
            // Hosts keep weights of all validated epochs, since only the guest sees which one was
            // best.
            scope.hosts().send(&BEST_EPOCH, &Packed(best)).await?;
            if let Some(epoch) = best.filter(|epoch| !own.weights.restore(*epoch)) {
                let text = format!("the weights of epoch {epoch}, the best, were not kept");
                return Err(Fault::new(ErrorCode::Internal, text).into());
            }
        }
        let history = own.validator.map(Validator::into_history);
        Ok((own.weights.into_trained(iters, is_converged, best), history))
    }

    async fn name_rows(
        &self,
        turn: &TaskContext,
        batch: &Batch,
        (epoch, index): (usize, usize),
    ) -> Result<()> {
        if !self.course.names_rows(self.course.shapes[index], epoch) {
            return Ok(());
        }
        send_rows(&turn.hosts(), &MASKED_ROWS, &batch.masked).await
    }

    async fn reveal_steps(&mut self, turn: &TaskContext, own: &Run<S>) -> Result<()> {
        self.keys
            .renew(turn, &mut self.encryptor, &PUBLIC_KEY, 1)
            .await?;
        let steps = (own.weights.moved(), self.course.length_unit);
        let messages = (&HOST_STEP_LENGTH, &STEP_LENGTH);
        agreed_stop::reveal_length(turn, &mut self.encryptor, messages, steps).await
    }

    /// Measures the model where an epoch is due; true when training must stop.
    async fn validate(&self, turn: &TaskContext, own: &mut Run<S>, epoch: usize) -> Result<bool> {
        let Some(validator) = own
            .validator
            .as_mut()
            .filter(|_| self.course.validates(epoch))
        else {
            return Ok(false);
        };
        let mut stop = false;
        for (index, table) in own.measured.iter().enumerate() {
            let turn = turn.round("rows", index);
            let columns = table.columns.as_ref().unwrap_or(&self.columns);
            let scores = columns.scores(&turn, &None, own.weights.weights()).await?;
            let scores = gather(&turn, scores).await?;
            let of = |row: &usize| L::prediction(scores[*row]);
            let predictions: Vec<f64> = table.rows.iter().map(of).collect();
            let rows = (table.labels.as_slice(), predictions.as_slice());
            // No shortcut: every table is measured even when one says stop, since hosts sent
            // scores for all.
            stop |= validator.measure(&turn, (epoch, table.kind), rows)?;
        }
        if self.course.stops_early() {
            own.weights.keep(epoch);
            let others = turn.all_of(&[Role::Host, Role::Arbiter]);
            agreed_stop::announce(&others, &EARLY_STOP, stop).await?;
        }
        Ok(stop)
    }
}
