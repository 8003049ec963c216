//! What all roles must agree on before the first epoch, and what follows from it for each of them.

use std::ops::RangeInclusive;

use component_kit::{ComponentError, Packed, Result, TaskContext};
use learning::batches::BatchPlan;
use learning::convergence::EarlyStop;
use learning::labels::LabelKind;
use secure_compute::Limit;
use secure_compute::LinearScheme;
use secure_compute::agreed_stop::length_unit;
use secure_compute::aligned_batches::{BatchShape, shapes};
use secure_compute::fixed::{MOST_UNIT, RESIDUAL_BITS, RESIDUAL_LIMIT, RangeError, Scale, unit_of};
use secure_compute::label_protection::judge;
use vocabulary::{ErrorCode, Fault, Role};

use super::VerticalLoss;
use super::agreement::{Agreed, Plan};
use super::messages::{COLUMNS, PLAN};
use super::scales::{Encoding, loss_bits};
use crate::inputs::Inputs;
use crate::model::LinearModel;
use crate::params::Training;

/// Most classes of a one-vs-rest training.
const MOST_MODELS: usize = 1000;

/// Most columns of one host.
const MOST_COLUMNS: usize = 1 << 24;

/// Most rows that one encrypted product takes.
// 2^14 chunks of 2^13 rows, the bound of a prepared matrix.
const MOST_ROWS: usize = 1 << 27;

/// Most batches of an epoch: what each role keeps of them grows with their number.
const MOST_BATCHES: usize = 1 << 20;

/// The course of a training as it follows from the plan and the number of hosts.
#[derive(Debug, Clone)]
pub struct Course {
    /// The plan.
    pub plan: Plan,
    /// The batches of each epoch.
    pub(super) shapes: Vec<BatchShape>,
    /// How rows are dealt into them.
    pub(super) dealing: BatchPlan,
    /// Whether batches differ from epoch to epoch.
    pub(super) is_mutable: bool,
    /// Fractional bits of the loss at the finest scale; none when it cannot be computed, with several hosts.
    loss_bits: Option<i32>,
    /// Largest magnitude of one party's half of a residual at the finest scale.
    half_limit: f64,
    hosts: usize,
    /// Most values that a key opens for a party.
    pub limit: Limit,
    /// The power of two by which lengths of steps are divided.
    pub(super) length_unit: i32,
}

/// What a role knows of the hosts' columns before the guest plans with them.
pub struct ColumnBounds {
    /// Of all hosts together.
    pub columns: RangeInclusive<usize>,
    /// Of the host with most.
    pub widest: RangeInclusive<usize>,
}

impl ColumnBounds {
    /// Arbiter: what hosts told.
    #[must_use]
    pub fn told(columns: &[usize]) -> Self {
        let total = columns.iter().sum();
        let widest = columns.iter().copied().fold(0, usize::max);
        Self {
            columns: total..=total,
            widest: widest..=widest,
        }
    }

    /// Host: it has so many itself, and each of the others has one at least; what they have is between them, the guest and the
    /// arbiter.
    #[must_use]
    pub fn own(columns: usize, others: usize) -> Self {
        Self {
            columns: columns + others..=usize::MAX,
            widest: columns..=usize::MAX,
        }
    }
}

/// Warns when the party that holds the key also holds data: it could open what others send encrypted.
fn warn_of_double_roles(task: &TaskContext) -> Result<()> {
    let arbiter = task.arbiter()?.participant().party.clone();
    if arbiter == task.me().party {
        return Ok(());
    }
    for peer in task
        .all_of(&[Role::Guest, Role::Host])
        .each()
        .filter(|peer| peer.participant().party == arbiter)
    {
        let role = peer.participant().role;
        task.warn(format!(
            "party {arbiter} plays {role} and arbiter: it could open residuals, and so learn labels"
        ));
    }
    Ok(())
}

/// Host: tells guest and arbiter how many columns it has.
async fn tell_columns(task: &TaskContext, columns: usize) -> Result<()> {
    task.all_of(&[Role::Guest, Role::Arbiter])
        .send(&COLUMNS, &Packed(columns))
        .await
}

/// Guest, arbiter: hears how many columns each host has, in cast order.
async fn hear_columns(task: &TaskContext) -> Result<Vec<usize>> {
    let told: Vec<usize> = task
        .hosts()
        .receive_all(&COLUMNS)
        .await?
        .into_iter()
        .map(|Packed(count)| count)
        .collect();
    if told.iter().any(|count| !(1..=MOST_COLUMNS).contains(count)) {
        return Err(ComponentError::protocol(format!(
            "hosts have {told:?} columns"
        )));
    }
    Ok(told)
}

/// Largest magnitude of one party's half of a residual at the finest scale.
fn half_limit(hosts: usize) -> f64 {
    // The parties' halves add up: each may use its share, and the sum keeps the bound.
    RESIDUAL_LIMIT / (hosts + 1) as f64
}

/// Refuses what cannot be done with so many hosts. Everybody judges by the same numbers, so that nobody need be told what to do,
/// and nobody can say otherwise.
fn check_plan(plan: &Plan, labels: LabelKind, hosts: usize) -> Result<()> {
    if hosts == 0 {
        let text = "a training over the columns of several parties needs at least one host";
        return Err(Fault::new(ErrorCode::DocumentInvalid, text).into());
    }
    let early_stop = plan.agreed.early_stop;
    if hosts > 1 && early_stop.needs_loss() {
        let text = format!(
            "the loss cannot be computed with {hosts} hosts, so {:?} never stops",
            early_stop.as_str()
        );
        let fault = Fault::new(ErrorCode::ParameterInvalid, text)
            .path("early_stop")
            .next("use weight_diff");
        return Err(fault.into());
    }
    let impossible = |text: String| Fault::new(ErrorCode::DataMismatch, text);
    if plan.models == 0 || plan.models > MOST_MODELS {
        let text = format!(
            "{} classes are not between 1 and {MOST_MODELS}",
            plan.models
        );
        return Err(impossible(text).into());
    }
    if plan.rows > MOST_ROWS {
        return Err(impossible(format!("{} rows are more than {MOST_ROWS}", plan.rows)).into());
    }
    if !(1..=MOST_COLUMNS).contains(&plan.guest_columns) {
        let text = format!(
            "the guest plans with {} columns of its own",
            plan.guest_columns
        );
        return Err(ComponentError::protocol(text));
    }
    let most = MOST_COLUMNS.saturating_mul(hosts);
    if plan.columns > most || plan.widest_host > MOST_COLUMNS.min(plan.columns) {
        return Err(ComponentError::protocol(format!(
            "the guest plans with {} columns of {hosts} hosts, {} of one of them",
            plan.columns, plan.widest_host
        )));
    }
    let batches = usize::try_from(plan.agreed.batches.batch_size)
        .map_or(1, |size| plan.rows.div_ceil(size.max(1)));
    if batches > MOST_BATCHES {
        let text = format!("{batches} batches of an epoch are more than {MOST_BATCHES}");
        return Err(impossible(text).into());
    }
    // Classes need none. A unit far below the scores would have hosts tell how large theirs are, batch
    // by batch, as a scale grows with them.
    let units = match labels {
        LabelKind::Classes => 0..=0,
        LabelKind::Numbers => -MOST_UNIT..=MOST_UNIT,
    };
    if !units.contains(&plan.unit) {
        return Err(ComponentError::protocol(format!(
            "the guest plans with residuals in units of 2^{}",
            plan.unit
        )));
    }
    Ok(())
}

impl Course {
    /// Works the course out; refuses what cannot be done with these hosts.
    fn new<L: VerticalLoss, S: LinearScheme>(
        task: &TaskContext,
        plan: Plan,
        hosts: usize,
    ) -> Result<Self> {
        warn_of_double_roles(task)?;
        check_plan(&plan, L::LABELS, hosts)?;
        let judged = judge(
            L::LABELS,
            (plan.rows, plan.columns),
            &plan.agreed.batches,
            plan.labels,
        )?;
        judged.note(task);
        let dealing = judged.plan;
        let shapes = shapes(&dealing);
        let largest = shapes.iter().map(|shape| shape.members).fold(1, usize::max);
        task.info(format!(
            "{} rows in {} batches an epoch, encrypted by {}",
            plan.rows,
            shapes.len(),
            S::NAME
        ));
        let course = Self {
            limit: Limit::of::<S>(plan.labels.malicious_hosts),
            shapes,
            is_mutable: dealing.is_mutable(),
            dealing,
            // With several hosts the loss has products of two hosts' parts, which only ciphertexts
            // hold.
            loss_bits: (hosts == 1).then(|| loss_bits(largest) + RESIDUAL_BITS),
            half_limit: half_limit(hosts),
            length_unit: match L::LABELS {
                // Steps of a classifier are of no size that a job chooses.
                LabelKind::Classes => 0,
                LabelKind::Numbers => length_unit(plan.agreed.tol),
            },
            hosts,
            plan,
        };
        course.judge_keys::<S>(task)?;
        Ok(course)
    }

    /// Guest: works the course out and tells everybody. `frame` is the model that so many trainings make; `labels` are those to
    /// learn where they are numbers.
    ///
    /// # Errors
    /// Labels beyond every unit, and what cannot be done with these hosts.
    pub async fn announce<L: VerticalLoss, S: LinearScheme>(
        task: &TaskContext,
        training: &Training,
        inputs: &Inputs,
        (frame, models, labels): (&LinearModel, usize, &[f64]),
    ) -> Result<Self> {
        let columns = hear_columns(task).await?;
        let hosts = columns.len();
        let unit = match L::LABELS {
            LabelKind::Classes => 0,
            LabelKind::Numbers => unit_of(labels, half_limit(hosts)).ok_or(RangeError::Growth {
                what: "a label",
                limit: f64::from(MOST_UNIT).exp2(),
            })?,
        };
        let plan = Plan {
            rows: inputs.train.ids.len(),
            validate_rows: inputs.validate.as_ref().map(|rows| rows.ids.len()),
            models,
            first_epoch: inputs.first_epoch(),
            columns: columns.iter().sum(),
            widest_host: columns.iter().copied().fold(0, usize::max),
            guest_columns: frame.columns.len() + usize::from(frame.has_intercept),
            // The guest's rules for all: its labels are what they protect.
            labels: task.label_rules(),
            agreed: Agreed::of(training),
            unit,
        };
        let course = Self::new::<L, S>(task, plan, hosts)?;
        course.note::<S>(task, training);
        let plan = Packed(course.plan.clone());
        task.hosts().send(&PLAN, &plan).await?;
        task.arbiter()?.send(&PLAN, &plan).await?;
        Ok(course)
    }

    /// Says in the log where this training differs from what a job may expect.
    fn note<S: LinearScheme>(&self, task: &TaskContext, training: &Training) {
        let method = training.encryption.as_deref().unwrap_or("no encryption");
        task.info(format!("{method} asked for: {} serves it", S::NAME));
        if self.epochs().is_empty() {
            task.warn(format!(
                "the model has {} epochs already: nothing is trained",
                self.plan.first_epoch
            ));
        }
        if self.plan.models > 1 && training.validation.is_some() {
            task.warn("there is no validation during one-vs-rest trainings");
        }
    }
    /// Host: tells how many columns it has, and takes the guest's plan over.
    ///
    /// # Errors
    /// A plan that does not fit its parameters and columns.
    pub async fn join<L: VerticalLoss, S: LinearScheme>(
        task: &TaskContext,
        training: &Training,
        columns: usize,
    ) -> Result<Self> {
        tell_columns(task, columns).await?;
        let others = task.hosts().len();
        let known = ColumnBounds::own(columns, others);
        Self::receive::<L, S>(task, training, others + 1, known).await
    }

    /// Arbiter: takes the guest's plan over, and says how many columns each host has, in cast order.
    ///
    /// # Errors
    /// A plan that does not fit its parameters and what hosts told.
    pub async fn oversee<L: VerticalLoss, S: LinearScheme>(
        task: &TaskContext,
        training: &Training,
    ) -> Result<(Self, Vec<usize>)> {
        let columns = hear_columns(task).await?;
        let known = ColumnBounds::told(&columns);
        let course = Self::receive::<L, S>(task, training, columns.len(), known).await?;
        Ok((course, columns))
    }

    /// Host, arbiter: receives the plan and compares it with its own parameters, and with how many columns all hosts
    /// have as far as it knows.
    pub async fn receive<L: VerticalLoss, S: LinearScheme>(
        task: &TaskContext,
        training: &Training,
        hosts: usize,
        known: ColumnBounds,
    ) -> Result<Self> {
        let Packed(plan) = task.guest()?.receive(&PLAN).await?;
        // Compared, not taken over: a host runs what its own parameters say, or not at all.
        if plan.agreed != Agreed::of(training) {
            let text =
                "batches, max_iter, early_stop, tol and callbacks must be the same at every party";
            return Err(Fault::new(ErrorCode::DataMismatch, text)
                .next("give them in the common parameters")
                .into());
        }
        if !known.columns.contains(&plan.columns) || !known.widest.contains(&plan.widest_host) {
            let text = format!(
                "the guest plans with {} columns of the hosts, which have others",
                plan.columns
            );
            return Err(ComponentError::protocol(text));
        }
        Self::new::<L, S>(task, plan, hosts)
    }

    /// The epochs.
    pub fn epochs(&self) -> std::ops::Range<usize> {
        self.plan.first_epoch..self.plan.agreed.max_iter
    }

    /// Whether an epoch is validated; never with several classes, as their figures would mix.
    pub(super) fn validates(&self, epoch: usize) -> bool {
        self.plan.models == 1
            && self
                .plan
                .agreed
                .validation
                .as_ref()
                .is_some_and(|epochs| epochs.is_due(epoch))
    }

    /// Whether validations may stop the training.
    pub(super) fn stops_early(&self) -> bool {
        self.plan.models == 1 && self.plan.agreed.stops_early
    }

    /// Whether the rule looks at the steps of an epoch.
    pub(super) fn measures_steps(&self) -> bool {
        self.plan.agreed.early_stop == EarlyStop::WeightDiff
    }

    /// The convergence rule and its tolerance.
    pub(super) fn rule(&self) -> (EarlyStop, f64) {
        (self.plan.agreed.early_stop, self.plan.agreed.tol)
    }

    /// Whether a batch's rows are named to hosts in this epoch: not when they are all rows, nor twice when they stay.
    pub(super) fn names_rows(&self, shape: BatchShape, epoch: usize) -> bool {
        shape.masked < self.plan.rows && (self.is_mutable || epoch == self.plan.first_epoch)
    }

    /// Encryptions that a residual may be made of: one for each host, one for the guest's half, one for refreshing,
    /// rounded up.
    pub(super) fn residual_terms(&self) -> usize {
        4 * self.hosts
    }

    /// Whether the loss can be computed.
    pub fn has_loss(&self) -> bool {
        self.loss_bits.is_some()
    }

    /// How a batch is encoded at a scale.
    pub(super) fn encoding(&self, scale: Scale) -> Encoding {
        Encoding::new(scale, self.plan.unit, self.half_limit, self.loss_bits)
    }

    /// The scale that one party's halves and loss terms need.
    pub(super) fn needed(&self, halves: &[f64], terms: &[f64]) -> Result<Scale> {
        self.encoding(Scale::FINEST).needed(halves, terms)
    }

    /// Whether a batch is the last of its epoch.
    pub(super) fn ends_epoch(&self, batch: usize) -> bool {
        batch + 1 == self.shapes.len()
    }

    /// The scope of one binary model.
    pub fn scope(&self, task: &TaskContext, model: usize) -> TaskContext {
        if self.plan.models > 1 {
            task.round("class", model)
        } else {
            task.clone()
        }
    }

    /// Reports how far the training is.
    pub(super) fn progress(&self, task: &TaskContext, model: usize, epoch: usize) {
        let epochs = self.epochs().len().max(1);
        let done = model * epochs + (epoch + 1 - self.plan.first_epoch);
        task.progress(
            done as f64 / (epochs * self.plan.models) as f64,
            format!("epoch {epoch} done"),
        );
    }
}
