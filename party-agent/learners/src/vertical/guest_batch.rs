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

use super::VerticalLoss;
use super::guest::{Guest, Run};
use super::messages::{
    BATCH_POSITIONS, FORWARD, FRESH_RESIDUAL, GUEST_GRADIENT, HOST_LOSS_TERMS, LOSS,
    MASKED_RESIDUAL, OPENED_GRADIENT, PUBLIC_KEY, RESIDUAL,
};
use super::plan::Course;
use super::scales::{self, Encoding};
use super::steps;
use crate::columns::Selection;

/// What the loss of a batch is made of, besides the guest's own scores.
struct LossParts<S: LinearScheme> {
    forward: Arc<S::Vector>,
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

/// The guest's side of a batch: scores, labels and parts of the residuals of the masked rows.
struct Halves {
    scores: Vec<f64>,
    labels: Vec<f64>,
    halves: Vec<f64>,
}

impl<L: VerticalLoss, S: LinearScheme> Guest<'_, L, S> {
    /// Plays one batch and moves the weights.
    pub(super) async fn batch(
        &mut self,
        turn: &TaskContext,
        own: &mut Run<S>,
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
                (&batch.positions, own.weights.penalty()),
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
        let sums = self.columns.decode_sums(&sums, encoding.residual_bits())?;
        own.weights.update(&sums, batch.members.len(), epoch);
        Ok(())
    }

    /// Sends the residual to hosts and learns the sums of one part of the own columns. The residual goes where the batch goes
    /// on, which is another turn after scores had to be sent again.
    async fn gradient(
        &mut self,
        (turn, at): (&TaskContext, &TaskContext),
        residual: Arc<S::Vector>,
        (rows, kept): (&Selection, Option<usize>),
        part: usize,
    ) -> Result<Vec<u64>> {
        let bytes = turn.encrypt({
            let residual = residual.clone();
            // 50 bytes a row are packed here, which is no work for an async thread.
            move || VectorBytes::of::<S>(&residual)
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
        learn_sums::<S>(turn, &mut self.encryptor, messages, matrix, residual).await
    }

    async fn halves(
        &self,
        turn: &TaskContext,
        own: &Run<S>,
        batch: &Batch,
        rows: &Selection,
    ) -> Result<Halves> {
        let scores = self
            .columns
            .scores(turn, rows, own.weights.weights())
            .await?;
        let labels: Vec<f64> = batch.masked.iter().map(|row| own.labels[*row]).collect();
        let halves = steps::guest_half::<L>(&scores, &labels);
        Ok(Halves {
            scores,
            labels,
            halves,
        })
    }

    /// Receives the scores of a batch; where somebody's numbers do not fit the finest scale, the batch is begun again.
    async fn forward(
        &self,
        turn: &TaskContext,
        own: &mut Run<S>,
        halves: &Halves,
        index: usize,
    ) -> Result<Forward> {
        let has_loss = self.course.has_loss();
        let terms = if has_loss {
            steps::guest_loss_terms::<L>(&halves.scores, &halves.labels, own.weights.penalty())
        } else {
            Vec::new()
        };
        // Found before hosts are heard: the guest's own numbers may be those that do not fit.
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
        // Hosts and arbiter already wait for these messages: empty ones tell them to begin again.
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
        own: &mut Run<S>,
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
        let scale = own.scaling.take(decision, mine, is_last, turn.me())?;
        let receive = async {
            let mut from = turn.clone();
            if scale > before {
                let bits = self.course.encoding(scale).residual_bits();
                turn.info(format!(
                    "scores grew: residuals have {bits} fractional bits"
                ));
                // A turn of its own, since the same message may have been sent in this one.
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
    ) -> Result<Option<LossParts<S>>> {
        let (Some(bits), [scores], [terms]) = (
            encoding.loss_bits(),
            forward.scores.as_slice(),
            forward.terms.as_slice(),
        ) else {
            return Ok(None);
        };
        let (scores, terms) = (scores.clone(), terms.clone());
        let scores = turn
            .encrypt(move || scores.read::<S>(length, Origin::Fresh))
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
    ) -> Result<Arc<S::Vector>> {
        let half = steps::encode_half(&halves.halves, encoding)?;
        let add = move || -> SchemeResult<S::Vector> {
            let read = |bytes: &VectorBytes| bytes.read::<S>(half.len(), Origin::Fresh);
            let parts = forward.iter().map(read).collect::<SchemeResult<Vec<_>>>()?;
            // Added in plain: the refresh below hides what it was made of.
            S::add_plain(&S::sum(&parts)?, &half)
        };
        let mut residual = turn.encrypt(add).await??;
        if batch.members.len() < batch.masked.len() {
            let messages = HidingMessages {
                masked: &MASKED_RESIDUAL,
                positions: &BATCH_POSITIONS,
                fresh: &FRESH_RESIDUAL,
            };
            residual = keep_members::<S>(
                turn,
                &mut self.encryptor,
                messages,
                residual,
                &batch.positions,
            )
            .await?;
        }
        let refresh =
            move |key: &S::PublicKey, random: &mut Random| S::refresh(key, &residual, random);
        Ok(Arc::new(self.encryptor.with(turn, refresh).await??))
    }

    /// Shows the arbiter the sum of the loss over the batch, and nothing else.
    async fn reveal_loss(
        &mut self,
        turn: &TaskContext,
        parts: LossParts<S>,
        halves: &Halves,
        (positions, penalty): (&[usize], f64),
    ) -> Result<()> {
        let length = halves.scores.len();
        let pick = |values: &[f64]| positions.iter().map(|at| values[*at]).collect::<Vec<_>>();
        let (scores, labels) = (pick(&halves.scores), pick(&halves.labels));
        let terms = steps::guest_loss_terms::<L>(&scores, &labels, penalty);
        let plain = steps::guest_loss(&terms, parts.bits, parts.encoding)?;
        // Of every row that trains the host's part is multiplied with the guest's, and its own term is added.
        let (mut factors, mut members) = (vec![0i64; length], vec![0i64; length]);
        let scale = f64::from(parts.bits - parts.encoding.residual_bits()).exp2();
        for at in positions {
            // Only the difference of scales: the host's part it is multiplied with has its own
            // bits already.
            factors[*at] = (L::factor(halves.halves[*at]) * scale).round() as i64;
            members[*at] = 1;
        }
        let reveal = move |key: &S::PublicKey, random: &mut Random| -> SchemeResult<SumsBytes> {
            let column = |values: &[i64], vector: &S::Vector| {
                let entry = |row: usize, _: usize| values[row];
                S::transpose_times(&S::prepare(length, 1, &entry)?, vector)
            };
            let crossed = column(&factors, &parts.forward)?;
            let squares = column(&members, &parts.terms.read::<S>(length, Origin::Fresh)?)?;
            let total = S::add_plain_sums(&S::add_sums(&crossed, &squares)?, &plain)?;
            Ok(SumsBytes::of::<S>(&S::reveal_sums(key, &total, random)?, 1))
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
