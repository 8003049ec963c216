//! What all roles must agree on before the first epoch, and what follows from it for each of them.

use std::ops::RangeInclusive;

use component_kit::{ComponentError, LabelRules, Packed, Result, TaskContext};
use learning::batches::{BatchPlan, BatchSettings};
use learning::convergence::EarlyStop;
use learning::validation::ValidationEpochs;
use secure_compute::Limit;
use secure_compute::LinearScheme;
use secure_compute::aligned_batches::{BatchShape, shapes};
use secure_compute::fixed::{RESIDUAL_BITS, RESIDUAL_LIMIT, Scale};
use secure_compute::label_protection::judge;
use serde::{Deserialize, Serialize};
use vocabulary::{ErrorCode, Fault, Role};

use super::Scheme;
use super::messages::{COLUMNS, PLAN};
use super::params::Params;
use super::scales::{Encoding, loss_bits};

/// Most classes of a one-vs-rest training.
const MOST_MODELS: usize = 1000;

/// Most columns of one host.
const MOST_COLUMNS: usize = 1 << 24;

/// Most rows that one encrypted product takes.
const MOST_ROWS: usize = 1 << 27;

/// Parameters that change who says what when: they must be the same everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Agreed {
    batches: BatchSettings,
    max_iter: usize,
    early_stop: EarlyStop,
    tol: f64,
    validation: Option<ValidationEpochs>,
    stops_early: bool,
}

/// What the guest tells everybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Rows to train on.
    pub(super) rows: usize,
    /// Rows to validate on, if there is such a table.
    pub(super) validate_rows: Option<usize>,
    /// Binary models to train: 1, or one for each of more than two classes.
    pub(super) models: usize,
    /// The first epoch; above 0 when training goes on from a model.
    pub(super) first_epoch: usize,
    /// Columns of all hosts together.
    pub(super) columns: usize,
    /// Columns of the host that has most of them.
    pub(super) widest_host: usize,
    /// Columns of the guest, its intercept counted.
    pub(super) guest_columns: usize,
    /// What the guest's policy asks, so that its labels stay its own.
    pub(super) labels: LabelRules,
    /// Parameters that must be the same everywhere.
    pub(super) agreed: Agreed,
}

impl Agreed {
    /// As one role's parameters have it.
    pub(super) fn of(params: &Params) -> Self {
        let validation = params.validation();
        Self {
            batches: params.batches(),
            max_iter: params.max_iter,
            early_stop: params.early_stop(),
            tol: params.tol,
            stops_early: validation
                .as_ref()
                .is_some_and(|validation| validation.stop_after.is_some()),
            validation: validation.map(|validation| validation.epochs),
        }
    }
}

/// The course of a training as it follows from the plan and the number of hosts.
#[derive(Debug, Clone)]
pub(super) struct Course {
    /// The plan.
    pub(super) plan: Plan,
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
    pub(super) limit: Limit,
}

/// What a role knows of the hosts' columns before the guest plans with them.
pub(super) struct Known {
    /// Of all hosts together.
    pub(super) columns: RangeInclusive<usize>,
    /// Of the host with most.
    pub(super) widest: RangeInclusive<usize>,
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

/// Guest, arbiter: hears how many columns each host has, in cast order.
pub(super) async fn hear_columns(task: &TaskContext) -> Result<Vec<usize>> {
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

impl Course {
    /// Works the course out; refuses what cannot be done with these hosts.
    pub(super) fn new(task: &TaskContext, plan: Plan, hosts: usize) -> Result<Self> {
        if hosts == 0 {
            return Err(Fault::new(
                ErrorCode::DocumentInvalid,
                "hetero_lr needs at least one host",
            )
            .into());
        }
        warn_of_double_roles(task)?;
        let Agreed {
            batches,
            early_stop,
            ..
        } = &plan.agreed;
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
            return Err(impossible(format!(
                "{} classes are not between 1 and {MOST_MODELS}",
                plan.models
            ))
            .into());
        }
        if plan.rows > MOST_ROWS {
            return Err(impossible(format!("{} rows are more than {MOST_ROWS}", plan.rows)).into());
        }
        // Everybody judges by the same numbers, so that nobody need be told what to do, and nobody can say otherwise.
        if !(1..=MOST_COLUMNS).contains(&plan.guest_columns) {
            let text = format!(
                "the guest plans with {} columns of its own",
                plan.guest_columns
            );
            return Err(ComponentError::protocol(text));
        }
        let judged = judge(plan.rows, plan.columns, batches, plan.labels)?;
        judged.note(task);
        let dealing = judged.plan;
        let shapes = shapes(&dealing);
        let largest = shapes.iter().map(|shape| shape.members).max().unwrap_or(1);
        task.info(format!(
            "{} rows in {} batches an epoch, encrypted by {}",
            plan.rows,
            shapes.len(),
            Scheme::NAME
        ));
        let limit = Limit::of::<Scheme>(plan.labels.malicious_hosts);
        let course = Self {
            limit,
            shapes,
            is_mutable: dealing.is_mutable(),
            dealing,
            loss_bits: (hosts == 1).then(|| loss_bits(largest) + RESIDUAL_BITS),
            half_limit: RESIDUAL_LIMIT / (hosts + 1) as f64,
            hosts,
            plan,
        };
        course.judge_keys(task)?;
        Ok(course)
    }

    /// Host, arbiter: receives the plan and compares it with its own parameters, and with how many columns all hosts
    /// have as far as it knows.
    pub(super) async fn receive(
        task: &TaskContext,
        params: &Params,
        hosts: usize,
        known: Known,
    ) -> Result<Self> {
        let Packed(plan) = task.guest()?.receive(&PLAN).await?;
        if plan.agreed != Agreed::of(params) {
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
        Self::new(task, plan, hosts)
    }

    /// The epochs.
    pub(super) fn epochs(&self) -> std::ops::Range<usize> {
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
    pub(super) fn has_loss(&self) -> bool {
        self.loss_bits.is_some()
    }

    /// How a batch is encoded at a scale.
    pub(super) fn encoding(&self, scale: Scale) -> Encoding {
        Encoding::new(scale, self.half_limit, self.loss_bits)
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
    pub(super) fn scope(&self, task: &TaskContext, model: usize) -> TaskContext {
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
