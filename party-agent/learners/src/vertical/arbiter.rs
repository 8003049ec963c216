//! The arbiter's loops: it holds the key, opens what comes masked, and decides when training has converged.

use component_kit::{ComponentError, Result, TaskContext};
use learning::convergence::Convergence;
use secure_compute::aligned_batches::BatchShape;
use secure_compute::encrypted_gradient::{OpeningMessages, open_sums};
use secure_compute::fixed::Scale;
use secure_compute::hidden_members::{HidingMessages, serve};
use secure_compute::key_ceremony::make_keys;
use secure_compute::{KeyHolder, KeyUse, LinearScheme, SumsBytes, SumsShape, agreed_stop};
use vocabulary::{Role, Tells};

use super::messages::{
    BATCH_POSITIONS, CONVERGED, EARLY_STOP, FRESH_RESIDUAL, GUEST_GRADIENT, HOST_GRADIENT, LOSS,
    MASKED_RESIDUAL, OPENED_GRADIENT, PUBLIC_KEY, STEP_LENGTH,
};
use super::plan::Course;
use super::scales;

/// The key in use, and whom it serves.
pub struct Arbiter<S: LinearScheme> {
    course: Course,
    /// Columns of each host, in cast order.
    columns: Vec<usize>,
    holder: KeyHolder<S>,
    keys: KeyUse,
}

impl<S: LinearScheme> Arbiter<S> {
    /// Serves trainings of this course with this key, of hosts with so many columns.
    pub fn new(course: Course, columns: Vec<usize>, mut holder: KeyHolder<S>) -> Self {
        // From the plan that this arbiter checked itself, not from what a later message says.
        holder.limit(course.limit);
        let keys = KeyUse::new(course.limit);
        Self {
            course,
            columns,
            holder,
            keys,
        }
    }

    /// Serves every training.
    pub async fn train_all(&mut self, task: &TaskContext) -> Result<()> {
        for model in 0..self.course.plan.models {
            self.train(&self.course.scope(task, model), model).await?;
        }
        Ok(())
    }

    async fn train(&mut self, scope: &TaskContext, model: usize) -> Result<()> {
        let (rule, tolerance) = self.course.rule();
        let mut scale = Scale::FINEST;
        let mut convergence = Convergence::new(rule, tolerance);
        for epoch in self.course.epochs() {
            let turn = scope.round("epoch", epoch);
            let mut loss = 0.0;
            for (index, shape) in self.course.shapes.clone().into_iter().enumerate() {
                let turn = turn.round("batch", index);
                loss += self.batch(&turn, shape, &mut scale).await?;
            }
            let mut is_converged = false;
            if self.course.has_loss() {
                loss /= self.course.shapes.len() as f64;
                is_converged = convergence.loss(loss);
                self.report(&turn, epoch, loss);
            }
            if self.course.measures_steps() {
                self.renew(&turn, 1).await?;
                let unit = self.course.length_unit;
                let length =
                    agreed_stop::read_length(&turn, &mut self.holder, &STEP_LENGTH, unit).await?;
                is_converged |= convergence.weights(&[length]);
            }
            let others = turn.all_of(&[Role::Guest, Role::Host]);
            // Told after every epoch, also where it is no: nobody goes on or stops alone.
            agreed_stop::announce(&others, &CONVERGED, is_converged).await?;
            let hears_stop = self.course.stops_early() && self.course.validates(epoch);
            let is_stopped = hears_stop && agreed_stop::hear(&turn.guest()?, &EARLY_STOP).await?;
            self.course.progress(scope, model, epoch);
            if is_converged || is_stopped {
                break;
            }
        }
        Ok(())
    }

    fn report(&self, turn: &TaskContext, epoch: usize, loss: f64) {
        // One curve cannot hold the losses of several classes.
        if self.course.plan.models == 1 {
            // The arbiter reads no table: its figures are of the rows of the plan.
            turn.metrics(&[Tells::Joint])
                .over(self.course.plan.rows)
                .loss(epoch, loss, "iters");
        }
        turn.info(format!("loss after epoch {epoch}: {loss}"));
    }

    /// Makes another key where the one in use may not open so many values more.
    async fn renew(&mut self, turn: &TaskContext, values: usize) -> Result<()> {
        if self.keys.is_over(values) {
            self.holder =
                make_keys::<S>(turn, &turn.all_of(&[Role::Guest, Role::Host]), &PUBLIC_KEY).await?;
            // A new key begins without a limit.
            self.holder.limit(self.course.limit);
        }
        Ok(())
    }

    /// The residual and the gradients of one batch; gives its loss, where there is one.
    async fn batch(
        &mut self,
        turn: &TaskContext,
        shape: BatchShape,
        scale: &mut Scale,
    ) -> Result<f64> {
        let mut loss = 0.0;
        for part in 0..self.course.parts() {
            let turn = Course::part_turn(turn, part);
            self.renew(&turn, self.course.values(part)).await?;
            self.part(&turn, part, shape).await?;
            // Once a batch: the parts differ in columns, and the loss has none.
            if part == 0 && self.course.has_loss() {
                loss = self.read_loss(&turn, shape, scale).await?;
            }
        }
        Ok(loss)
    }

    /// One part of the columns. What is opened for whom follows from the plan, which stands for the whole training.
    async fn part(&mut self, turn: &TaskContext, part: usize, shape: BatchShape) -> Result<()> {
        if shape.members < shape.masked {
            let messages = HidingMessages {
                masked: &MASKED_RESIDUAL,
                positions: &BATCH_POSITIONS,
                fresh: &FRESH_RESIDUAL,
            };
            serve(
                turn,
                &mut self.holder,
                messages,
                shape.masked,
                shape.members,
            )
            .await?;
        }
        let own = (
            turn.guest()?,
            self.course.plan.guest_columns,
            &GUEST_GRADIENT,
        );
        let others = turn.hosts();
        let hosts = others
            .each()
            .zip(self.columns.clone())
            .map(|(host, columns)| (host, columns, &HOST_GRADIENT));
        for (party, columns, masked) in [own].into_iter().chain(hosts) {
            let role = party.participant().role;
            // The guest is not held to it: the residuals are made of its own labels.
            if role == Role::Host && columns >= shape.masked {
                // As many as the rows among which the batch is hidden would determine the residuals.
                let text = format!(
                    "{} asks to open {columns} sums over {} rows",
                    party.participant(),
                    shape.masked
                );
                return Err(ComponentError::protocol(text));
            }
            let sums = SumsShape {
                rows: shape.masked,
                columns: self.course.part(part, columns).len(),
            };
            if sums.columns > 0 {
                let messages = OpeningMessages {
                    masked,
                    opened: &OPENED_GRADIENT,
                };
                open_sums(turn, &mut self.holder, messages, &party, sums).await?;
            }
        }
        Ok(())
    }

    /// The mean loss of a batch; `scale` is the one in use, and becomes that of the next batch.
    async fn read_loss(
        &mut self,
        turn: &TaskContext,
        shape: BatchShape,
        scale: &mut Scale,
    ) -> Result<f64> {
        let (mut at, mut now) = (turn.clone(), Scale::FINEST);
        let mut loss = SumsBytes::empty();
        // At the finest scale nobody announces one; an empty loss says that the batch is begun
        // again.
        if *scale == Scale::FINEST {
            loss = at.guest()?.receive(&LOSS).await?;
            at = scales::again(turn);
        }
        if loss.is_empty() {
            (now, *scale) = scales::hear(&at).await?;
            loss = at.guest()?.receive(&LOSS).await?;
        }
        let sums = SumsShape {
            rows: shape.masked,
            columns: 1,
        };
        let guest = turn.guest()?;
        let opened = self
            .holder
            .open(turn, guest.participant(), loss, sums)
            .await?;
        let [sum] = opened.as_slice() else {
            return Err(ComponentError::protocol("the loss of a batch is one sum"));
        };
        self.course.encoding(now).read_loss(*sum, shape.members)
    }
}
