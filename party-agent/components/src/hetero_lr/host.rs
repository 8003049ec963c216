//! A host: it has columns, no labels; it sends scores under the arbiter's key and learns its own gradient.

use std::sync::Arc;

use component_kit::{Packed, Result, TaskContext};
use crypto::random::Random;
use futures_util::future::try_join;
use secure_compute::aligned_batches::{BatchShape, receive_rows};
use secure_compute::encrypted_gradient::{OpeningMessages, learn_sums};
use secure_compute::fixed::Scale;
use secure_compute::key_ceremony::{Encryptor, receive_key};
use secure_compute::{KeyUse, LinearScheme, Origin, VectorBytes, agreed_stop};
use vocabulary::{ErrorCode, Fault, Role};

use super::apply::check_alignment;
use super::checkpoints::Checkpoints;
use super::columns::{Columns, Selection};
use super::data::Rows;
use super::learner::Learner;
use super::messages::{
    BEST_EPOCH, COLUMNS, CONVERGED, EARLY_STOP, FORWARD, HOST_GRADIENT, HOST_LOSS_TERMS,
    HOST_SCALE, HOST_SCORE, HOST_STEP_LENGTH, MASKED_ROWS, OPENED_GRADIENT, PUBLIC_KEY, RESIDUAL,
    SCALE,
};
use super::model::{Model, Trained};
use super::params::Params;
use super::plan::{Course, Known};
use super::scales::{self, Scaling};
use super::{Scheme, predictions, steps, view};

/// What a host works with during all trainings.
struct Host {
    course: Course,
    encryptor: Encryptor<Scheme>,
    keys: KeyUse,
    columns: Columns,
    validate: Option<Columns>,
    /// Rows of the batches, where they stay the same.
    batches: Vec<Selection>,
    random: Random,
    checkpoints: Checkpoints,
    scaling: Scaling,
}

/// What a host sends of a batch.
struct Parts {
    halves: Vec<f64>,
    /// Empty where there is no loss.
    terms: Vec<f64>,
    /// The scale that both fit.
    need: Scale,
}

/// Trains, sends partial scores of the rows trained and validated on, and keeps its part of the model.
pub(super) async fn fit(task: &TaskContext, params: &Params) -> Result<()> {
    let before = Model::load_if_wired(task).await?;
    let names = before.as_ref().map(|model| model.columns.clone());
    let train = Rows::need(task, "train_data", names.as_deref()).await?;
    let validate = Rows::read(task, "validate_data", Some(&train.names)).await?;
    if train.names.is_empty() {
        return Err(Fault::new(
            ErrorCode::TableInvalid,
            "the host's table has no feature column",
        )
        .into());
    }

    let mut encryptor = receive_key::<Scheme>(task, &task.arbiter()?, &PUBLIC_KEY).await?;
    let (own, others) = (train.names.len(), task.hosts().len());
    task.all_of(&[Role::Guest, Role::Arbiter])
        .send(&COLUMNS, &Packed(own))
        .await?;
    let known = Known {
        columns: own + others..=usize::MAX,
        widest: own..=usize::MAX,
    };
    // What the other hosts have is between them, the guest and the arbiter.
    let course = Course::receive(task, params, others + 1, known).await?;
    check(task, &course, (&train, validate.as_ref()), before.as_ref()).await?;

    let random = encryptor.fork_random();
    let columns = Columns::new(&train.features, false)?;
    let validation = validate
        .as_ref()
        .map(|rows| Columns::new(&rows.features, false))
        .transpose()?;
    let classes = (0..).take(course.plan.models).collect();
    let mut frame = Model::new(train.names.clone(), false, classes, vec![]);
    frame.meta = Some(view::meta(params, &frame, course.plan.models > 1));
    let checkpoints = Checkpoints::new(task, params, &course, frame.clone());
    let (batches, scaling) = (Vec::new(), Scaling::default());
    let keys = KeyUse::new(course.limit);
    let mut host = Host {
        course,
        encryptor,
        keys,
        columns,
        validate: validation,
        batches,
        random,
        checkpoints,
        scaling,
    };
    let mut trained = Vec::new();
    for index in 0..host.course.plan.models {
        let scope = host.course.scope(task, index);
        let from = before.as_ref().and_then(|model| model.trained.get(index));
        let random = &mut host.random;
        let learner = Learner::start(params, (train.names.len(), false), from, &mut || {
            random.uniform_f64()
        });
        trained.push(host.train(&scope, learner, index).await?);
    }

    let model = Model { trained, ..frame };
    let turn = task.round("predict", 0);
    for (index, rows) in [Some(&train), validate.as_ref()]
        .into_iter()
        .flatten()
        .enumerate()
    {
        predictions::send(&turn.round("rows", index), &model, rows).await?;
    }
    view::report(task, params, &model, None);
    task.save_model(&model).await
}

/// Compares the guest's plan with what this host has, and refuses what would give labels away.
async fn check(
    task: &TaskContext,
    course: &Course,
    (train, validate): (&Rows, Option<&Rows>),
    before: Option<&Model>,
) -> Result<()> {
    let tables: Vec<(&Rows, &str)> = [
        Some((train, "train")),
        validate.map(|rows| (rows, "validate")),
    ]
    .into_iter()
    .flatten()
    .collect();
    check_alignment(task, &tables).await?;
    let plan = &course.plan;
    if before.map_or(0, Model::iters) != plan.first_epoch
        || before.is_some_and(|model| model.trained.len() != plan.models)
    {
        let text = "the models to go on from are not of one training";
        return Err(Fault::new(ErrorCode::DataMismatch, text)
            .next("wire the model of the same job at every party")
            .into());
    }
    if plan.rows != train.ids.len() || plan.validate_rows != validate.map(|rows| rows.ids.len()) {
        return Err(Fault::new(
            ErrorCode::DataMismatch,
            "the guest plans with other tables than this host has",
        )
        .into());
    }
    // The smallest batch, which is the last one, gives away as much as if all were so small.
    let smallest = course
        .shapes
        .iter()
        .map(|shape| shape.masked)
        .min()
        .unwrap_or(0);
    steps::check_columns(train.names.len(), smallest, smallest == plan.rows)
}

/// Shows a test how many rows train, the rows that this host knows them to be among, its scores of those, and the gradient.
#[cfg(test)]
fn observe(turn: &TaskContext, (rows, scores, sums): (&Selection, &[f64], &[f64]), members: usize) {
    let all = (0..scores.len()).collect();
    let rows: Vec<f64> = rows
        .as_ref()
        .map_or(all, |rows| rows.to_vec())
        .iter()
        .map(|row| *row as f64)
        .collect();
    turn.observe("members", &[members as f64]);
    turn.observe("rows", &rows);
    turn.observe("scores", scores);
    turn.observe("gradient", sums);
}

impl Host {
    async fn train(
        &mut self,
        scope: &TaskContext,
        mut learner: Learner,
        model: usize,
    ) -> Result<Trained> {
        let (mut iters, mut is_converged) = (self.course.plan.first_epoch, false);
        self.batches.clear();
        self.scaling = Scaling::default();
        for epoch in self.course.epochs() {
            let turn = scope.round("epoch", epoch);
            learner.begin_epoch();
            for (index, shape) in self.course.shapes.clone().into_iter().enumerate() {
                let turn = turn.round("batch", index);
                let rows = self.rows(&turn, shape, (epoch, index)).await?;
                self.batch(&turn, &mut learner, &rows, (epoch, index))
                    .await?;
            }
            if self.course.measures_steps() {
                self.keys
                    .renew(&turn, &mut self.encryptor, &PUBLIC_KEY, 1)
                    .await?;
                agreed_stop::send_length(
                    &turn,
                    &mut self.encryptor,
                    &HOST_STEP_LENGTH,
                    learner.moved(),
                )
                .await?;
            }
            is_converged = agreed_stop::hear(&turn.arbiter()?, &CONVERGED).await?;
            let is_stopped = self.validate(&turn, &mut learner, epoch).await?;
            self.checkpoints
                .keep(&turn, epoch, &learner, is_converged)
                .await?;
            self.course.progress(scope, model, epoch);
            iters = epoch + 1;
            if is_converged || is_stopped {
                break;
            }
        }
        let mut best = None;
        if self.course.stops_early() {
            Packed(best) = scope.guest()?.receive(&BEST_EPOCH).await?;
            best.iter().for_each(|epoch| learner.restore(*epoch));
        }
        Ok(learner.into_trained(iters, is_converged, best))
    }

    /// The rows of a batch: all, newly named ones, or those of the epoch before.
    async fn rows(
        &mut self,
        turn: &TaskContext,
        shape: BatchShape,
        (epoch, index): (usize, usize),
    ) -> Result<Selection> {
        if !self.course.names_rows(shape, epoch) {
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

    async fn batch(
        &mut self,
        turn: &TaskContext,
        learner: &mut Learner,
        rows: &Selection,
        (epoch, index): (usize, usize),
    ) -> Result<()> {
        let scores = self.columns.scores(turn, rows, learner.weights()).await?;
        let parts = self.parts(&scores, learner.penalty())?;
        self.keys
            .renew(
                turn,
                &mut self.encryptor,
                &PUBLIC_KEY,
                self.course.values(0),
            )
            .await?;
        let (is_silent, mut scale) = (self.scaling.is_silent(), Scale::FINEST);
        if !is_silent {
            scale = self.send_scaled(turn, &parts, index).await?;
        } else if parts.need == scale {
            self.send_encoded(turn, &parts, scale).await?;
        } else {
            turn.guest()?.send(&FORWARD, &VectorBytes::empty()).await?;
        }
        // The matrix is prepared while the guest works.
        let kept = (!self.course.is_mutable).then_some(index);
        let matrix = self
            .columns
            .matrix(turn, rows, kept, self.course.part(0, self.columns.count()))
            .await?;
        let mut bytes = turn.guest()?.receive(&RESIDUAL).await?;
        if is_silent && bytes.is_empty() {
            let again = scales::again(turn);
            scale = self.send_scaled(&again, &parts, index).await?;
            bytes = again.guest()?.receive(&RESIDUAL).await?;
        }
        let mut sums = self.gradient(turn, bytes, scores.len(), matrix).await?;
        // The same scores under further keys, where the guest's policy lets one key open few sums only.
        for part in 1..self.course.parts() {
            let turn = Course::part_turn(turn, part);
            self.keys
                .renew(
                    &turn,
                    &mut self.encryptor,
                    &PUBLIC_KEY,
                    self.course.values(part),
                )
                .await?;
            let half = steps::encode_half(&parts.halves, self.course.encoding(scale))?;
            turn.guest()?
                .send(&FORWARD, &self.encryptor.seal(&turn, half).await?)
                .await?;
            let bytes = turn.guest()?.receive(&RESIDUAL).await?;
            let columns = self.course.part(part, self.columns.count());
            if !columns.is_empty() {
                let matrix = self.columns.matrix(&turn, rows, kept, columns).await?;
                sums.extend(self.gradient(&turn, bytes, scores.len(), matrix).await?);
            }
        }
        let members = self
            .course
            .shapes
            .get(index)
            .map_or(scores.len(), |shape| shape.members);
        let sums = self.columns.decode_sums(&sums, scale)?;
        // For the attacker among the tests: what any host can see of itself.
        #[cfg(test)]
        observe(turn, (rows, &scores, &sums), members);
        learner.update(&sums, members, epoch);
        Ok(())
    }

    /// The sums of the residual over some columns.
    async fn gradient(
        &mut self,
        turn: &TaskContext,
        residual: VectorBytes,
        length: usize,
        matrix: Arc<<Scheme as LinearScheme>::Matrix>,
    ) -> Result<Vec<u64>> {
        let origin = Origin::SumOf(self.course.residual_terms());
        let residual = turn
            .encrypt(move || residual.read::<Scheme>(length, origin))
            .await??;
        let messages = OpeningMessages {
            masked: &HOST_GRADIENT,
            opened: &OPENED_GRADIENT,
        };
        learn_sums::<Scheme>(
            turn,
            &mut self.encryptor,
            messages,
            matrix,
            Arc::new(residual),
        )
        .await
    }

    fn parts(&self, scores: &[f64], penalty: f64) -> Result<Parts> {
        let halves = steps::host_half(scores);
        let terms = if self.course.has_loss() {
            steps::host_loss_terms(scores, penalty)
        } else {
            Vec::new()
        };
        let need = self.course.needed(&halves, &terms)?;
        Ok(Parts {
            halves,
            terms,
            need,
        })
    }

    /// Tells the guest which scale the scores need, and sends them if they fit the one in use; sends them again where the
    /// guest decides on a coarser one. Gives the scale of the batch.
    async fn send_scaled(
        &mut self,
        turn: &TaskContext,
        parts: &Parts,
        index: usize,
    ) -> Result<Scale> {
        let asked = self.scaling.ask(parts.need, self.course.ends_epoch(index));
        let (guest, before) = (turn.guest()?, self.scaling.current());
        let ask = Packed(asked.power());
        if asked <= before {
            // The guest knows what comes before it is there.
            try_join(
                guest.send(&HOST_SCALE, &ask),
                self.send_encoded(turn, parts, before),
            )
            .await?;
        } else {
            guest.send(&HOST_SCALE, &ask).await?;
        }
        let Packed(decision) = guest.receive(&SCALE).await?;
        let now = self.scaling.take(decision, asked, guest.participant())?;
        if now > before {
            self.send_encoded(&turn.round("scale", usize::from(now.power())), parts, now)
                .await?;
        }
        Ok(now)
    }

    async fn send_encoded(
        &mut self,
        turn: &TaskContext,
        parts: &Parts,
        scale: Scale,
    ) -> Result<()> {
        let (guest, encoding) = (turn.guest()?, self.course.encoding(scale));
        let forward = self
            .encryptor
            .seal(turn, steps::encode_half(&parts.halves, encoding)?)
            .await?;
        guest.send(&FORWARD, &forward).await?;
        let Some(bits) = encoding.loss_bits() else {
            return Ok(());
        };
        let terms = self
            .encryptor
            .seal(turn, steps::encode_terms(&parts.terms, bits, encoding)?)
            .await?;
        guest.send(&HOST_LOSS_TERMS, &terms).await
    }

    /// Sends partial scores where an epoch is due; true when training must stop.
    async fn validate(
        &self,
        turn: &TaskContext,
        learner: &mut Learner,
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
            let scores = columns.scores(&turn, &None, learner.weights()).await?;
            turn.guest()?.send(&HOST_SCORE, &scores).await?;
        }
        if !self.course.stops_early() {
            return Ok(false);
        }
        learner.keep(epoch);
        agreed_stop::hear(&turn.guest()?, &EARLY_STOP).await
    }
}
