//! One batch as the guest plays it: residual, gradient, loss.

use std::sync::Arc;

use component_kit::{Result, TaskContext};
use crypto::random::Random;
use futures_util::future::try_join;
use learning::batches::Batch;
use secure_compute::encrypted_gradient::{OpeningMessages, learn_sums};
use secure_compute::fixed::Scale;
use secure_compute::hidden_members::{HidingMessages, keep_members};
use secure_compute::{LinearScheme, Origin, SchemeResult, SumsBytes, VectorBytes};

use super::guest::{Binary, Guest};
use super::messages::{
    BATCH_POSITIONS, FORWARD, FRESH_RESIDUAL, GUEST_GRADIENT, HOST_LOSS_TERMS, LOSS,
    MASKED_RESIDUAL, OPENED_GRADIENT, PUBLIC_KEY, RESIDUAL,
};
use super::plan::Course;
use super::scales::{self, Encoding};
use super::{Scheme, steps};

type Vector = <Scheme as LinearScheme>::Vector;
type PublicKey = <Scheme as LinearScheme>::PublicKey;

/// What the loss of a batch is made of, besides the guest's own scores.
struct LossParts {
    forward: Arc<Vector>,
    terms: VectorBytes,
    bits: i32,
    encoding: Encoding,
}

/// What hosts send of a batch.
struct Forward {
    scores: Vec<VectorBytes>,
    /// Empty where there is no loss.
    terms: Vec<VectorBytes>,
    scale: Scale,
    /// Where the batch goes on.
    at: TaskContext,
}

/// The guest's side of a batch: scores, labels and residual halves of the masked rows.
struct Halves {
    scores: Vec<f64>,
    signs: Vec<f64>,
    halves: Vec<f64>,
}

impl Guest {
    /// Plays one batch and moves the weights.
    pub(super) async fn batch(
        &mut self,
        turn: &TaskContext,
        own: &mut Binary,
        batch: Batch,
        (epoch, index): (usize, usize),
    ) -> Result<()> {
        let is_all = batch.masked.len() == self.course.plan.rows;
        // All rows always stand in the table's order, so that one prepared matrix serves every batch.
        let batch = if is_all { in_table_order(batch) } else { batch };
        let rows = (!is_all).then(|| Arc::new(batch.masked.clone()));
        let halves = self.halves(turn, own, &batch, &rows).await?;
        let kept = (!self.course.is_mutable).then_some(index);
        self.keys
            .renew(
                turn,
                &mut self.encryptor,
                &PUBLIC_KEY,
                self.course.values(0),
            )
            .await?;
        let forward = self.forward(turn, own, &halves, index).await?;
        let (at, encoding) = (forward.at.clone(), self.course.encoding(forward.scale));
        let loss = self
            .loss_parts(turn, (&forward, halves.halves.len()), encoding)
            .await?;

        let residual = self
            .residual(turn, forward.scores, &halves, (&batch, encoding))
            .await?;
        let mut sums = self
            .gradient((turn, &at), residual, (&rows, kept), 0)
            .await?;
        if let Some(parts) = loss {
            self.reveal_loss(
                &at,
                parts,
                &halves,
                (&batch.positions, own.learner.penalty()),
            )
            .await?;
        }
        // The same residual under further keys, where the policy lets one key open few sums only.
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
            let scores = turn.hosts().receive_all(&FORWARD).await?;
            let residual = self
                .residual(&turn, scores, &halves, (&batch, encoding))
                .await?;
            sums.extend(
                self.gradient((&turn, &turn), residual, (&rows, kept), part)
                    .await?,
            );
        }
        let sums = self.columns.decode_sums(&sums, encoding.scale())?;
        own.learner.update(&sums, batch.members.len(), epoch);
        Ok(())
    }

    /// Sends the residual to hosts and learns the sums of one part of the own columns. The residual goes where the batch goes
    /// on, which is another turn after scores had to be sent again.
    async fn gradient(
        &mut self,
        (turn, at): (&TaskContext, &TaskContext),
        residual: Arc<Vector>,
        (rows, kept): (&super::columns::Selection, Option<usize>),
        part: usize,
    ) -> Result<Vec<u64>> {
        let bytes = turn.encrypt({
            let residual = residual.clone();
            move || VectorBytes::of::<Scheme>(&residual)
        });
        at.hosts().send(&RESIDUAL, &bytes.await?).await?;
        let columns = self.course.part(part, self.columns.count());
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let matrix = self.columns.matrix(turn, rows, kept, columns).await?;
        let messages = OpeningMessages {
            masked: &GUEST_GRADIENT,
            opened: &OPENED_GRADIENT,
        };
        learn_sums::<Scheme>(turn, &mut self.encryptor, messages, matrix, residual).await
    }

    async fn halves(
        &self,
        turn: &TaskContext,
        own: &Binary,
        batch: &Batch,
        rows: &super::columns::Selection,
    ) -> Result<Halves> {
        let scores = self
            .columns
            .scores(turn, rows, own.learner.weights())
            .await?;
        let signs: Vec<f64> = batch
            .masked
            .iter()
            .filter_map(|row| own.signs.get(*row).copied())
            .collect();
        let halves = steps::guest_half(&scores, &signs);
        Ok(Halves {
            scores,
            signs,
            halves,
        })
    }

    /// Receives the scores of a batch; where somebody's numbers do not fit the finest scale, the batch is begun again.
    async fn forward(
        &self,
        turn: &TaskContext,
        own: &mut Binary,
        halves: &Halves,
        index: usize,
    ) -> Result<Forward> {
        let has_loss = self.course.has_loss();
        let terms = if has_loss {
            steps::guest_loss_terms(&halves.scores, &halves.signs, own.learner.penalty())
        } else {
            Vec::new()
        };
        let need = self.course.needed(&halves.halves, &terms)?;
        if !own.scaling.is_silent() {
            return self.scaled_forward(turn, own, need, index).await;
        }
        let scores = turn.hosts().receive_all(&FORWARD).await?;
        let mut terms = Vec::new();
        for (host, _) in turn
            .hosts()
            .each()
            .zip(&scores)
            .filter(|(_, scores)| has_loss && !scores.is_empty())
        {
            terms.push(host.receive(&HOST_LOSS_TERMS).await?);
        }
        if need == Scale::FINEST && !scores.iter().any(VectorBytes::is_empty) {
            return Ok(Forward {
                scores,
                terms,
                scale: need,
                at: turn.clone(),
            });
        }
        turn.hosts().send(&RESIDUAL, &VectorBytes::empty()).await?;
        if has_loss {
            turn.arbiter()?.send(&LOSS, &SumsBytes::empty()).await?;
        }
        self.scaled_forward(&scales::again(turn), own, need, index)
            .await
    }

    /// Decides on the scale of a batch, tells it, and receives the scores at that scale.
    async fn scaled_forward(
        &self,
        turn: &TaskContext,
        own: &mut Binary,
        need: Scale,
        index: usize,
    ) -> Result<Forward> {
        let (is_last, has_loss) = (self.course.ends_epoch(index), self.course.has_loss());
        let mine = own.scaling.ask(need, is_last);
        let theirs = scales::asked(turn).await?;
        let all: Vec<Scale> = theirs
            .iter()
            .map(|(_, scale)| *scale)
            .chain([mine])
            .collect();
        let (before, decision) = (own.scaling.current(), own.scaling.decide(&all, is_last));
        let scale = own.scaling.take(decision, mine, turn.me())?;
        let receive = async {
            let mut from = turn.clone();
            if scale > before {
                turn.info(format!(
                    "scores grew: residuals have {} fractional bits",
                    scale.residual_bits()
                ));
                from = turn.round("scale", usize::from(scale.power()));
                // Sent before the host knew of the coarser scale.
                for (host, _) in theirs.iter().filter(|(_, asked)| *asked <= before) {
                    host.receive(&FORWARD).await?;
                    if has_loss {
                        host.receive(&HOST_LOSS_TERMS).await?;
                    }
                }
            }
            let scores = from.hosts().receive_all(&FORWARD).await?;
            let terms = if has_loss {
                from.hosts().receive_all(&HOST_LOSS_TERMS).await?
            } else {
                Vec::new()
            };
            Ok(Forward {
                scores,
                terms,
                scale,
                at: turn.clone(),
            })
        };
        // Nobody waits for the decision where scores need not be sent again.
        let (forward, ()) = try_join(receive, scales::announce(turn, decision, has_loss)).await?;
        Ok(forward)
    }

    async fn loss_parts(
        &self,
        turn: &TaskContext,
        (forward, length): (&Forward, usize),
        encoding: Encoding,
    ) -> Result<Option<LossParts>> {
        let (Some(bits), [scores], [terms]) = (
            encoding.loss_bits(),
            forward.scores.as_slice(),
            forward.terms.as_slice(),
        ) else {
            return Ok(None);
        };
        let (scores, terms) = (scores.clone(), terms.clone());
        let scores = turn
            .encrypt(move || scores.read::<Scheme>(length, Origin::Fresh))
            .await??;
        Ok(Some(LossParts {
            forward: Arc::new(scores),
            terms,
            bits,
            encoding,
        }))
    }

    /// Brings the residual together: zero outside the batch, and unlinkable to what hosts sent.
    async fn residual(
        &mut self,
        turn: &TaskContext,
        forward: Vec<VectorBytes>,
        halves: &Halves,
        (batch, encoding): (&Batch, Encoding),
    ) -> Result<Arc<Vector>> {
        let half = steps::encode_half(&halves.halves, encoding)?;
        let add = move || -> SchemeResult<Vector> {
            let read = |bytes: &VectorBytes| bytes.read::<Scheme>(half.len(), Origin::Fresh);
            let parts = forward.iter().map(read).collect::<SchemeResult<Vec<_>>>()?;
            Scheme::add_plain(&Scheme::sum(&parts)?, &half)
        };
        let mut residual = turn.encrypt(add).await??;
        if batch.members.len() < batch.masked.len() {
            let messages = HidingMessages {
                masked: &MASKED_RESIDUAL,
                positions: &BATCH_POSITIONS,
                fresh: &FRESH_RESIDUAL,
            };
            residual = keep_members::<Scheme>(
                turn,
                &mut self.encryptor,
                messages,
                residual,
                &batch.positions,
            )
            .await?;
        }
        let refresh =
            move |key: &PublicKey, random: &mut Random| Scheme::refresh(key, &residual, random);
        Ok(Arc::new(self.encryptor.with(turn, refresh).await??))
    }

    /// Shows the arbiter the sum of the loss over the batch, and nothing else.
    async fn reveal_loss(
        &mut self,
        turn: &TaskContext,
        parts: LossParts,
        halves: &Halves,
        (positions, penalty): (&[usize], f64),
    ) -> Result<()> {
        let length = halves.scores.len();
        let pick = |values: &[f64]| -> Vec<f64> {
            positions
                .iter()
                .filter_map(|at| values.get(*at).copied())
                .collect()
        };
        let terms = steps::guest_loss_terms(&pick(&halves.scores), &pick(&halves.signs), penalty);
        let plain = steps::guest_loss(&terms, parts.bits, parts.encoding)?;
        // z_h z_g / 4 - y z_h / 2 is a quarter of z_h times four halves.
        let mut factors = vec![0i64; length];
        let mut members = vec![0i64; length];
        let scale = f64::from(parts.bits - parts.encoding.scale().residual_bits()).exp2();
        for at in positions {
            if let (Some(factor), Some(member), Some(half)) = (
                factors.get_mut(*at),
                members.get_mut(*at),
                halves.halves.get(*at),
            ) {
                (*factor, *member) = ((4.0 * half * scale).round() as i64, 1);
            }
        }
        let reveal = move |key: &PublicKey, random: &mut Random| -> SchemeResult<SumsBytes> {
            let column = |values: &[i64], vector: &Vector| {
                let entry = |row: usize, _: usize| values.get(row).copied().unwrap_or(0);
                Scheme::transpose_times(&Scheme::prepare(length, 1, &entry)?, vector)
            };
            let crossed = column(&factors, &parts.forward)?;
            let squares = column(
                &members,
                &parts.terms.read::<Scheme>(length, Origin::Fresh)?,
            )?;
            let total = Scheme::add_plain_sums(&Scheme::add_sums(&crossed, &squares)?, &[plain])?;
            Ok(SumsBytes::of::<Scheme>(
                &Scheme::reveal_sums(key, &total, random)?,
                1,
            ))
        };
        let revealed = self.encryptor.with(turn, reveal).await??;
        turn.arbiter()?.send(&LOSS, &revealed).await
    }
}

/// The same batch with all rows in the table's order.
fn in_table_order(mut batch: Batch) -> Batch {
    batch.masked.sort_unstable();
    batch.positions.clone_from(&batch.members);
    batch
}
