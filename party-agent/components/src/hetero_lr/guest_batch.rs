//! One batch as the guest plays it: residual, gradient, loss.

use std::sync::Arc;

use component_kit::{Result, TaskContext};
use crypto::random::Random;
use learning::batches::Batch;
use secure_compute::encrypted_gradient::{OpeningMessages, learn_sums};
use secure_compute::fixed::{self, RESIDUAL_BITS};
use secure_compute::hidden_members::{HidingMessages, keep_members};
use secure_compute::{LinearScheme, Origin, SchemeResult, SumsBytes, VectorBytes};

use super::guest::{Binary, Guest};
use super::messages::{
    BATCH_POSITIONS, FORWARD, FRESH_RESIDUAL, GUEST_GRADIENT, HOST_LOSS_TERMS, LOSS, MASKED_RESIDUAL, OPENED_GRADIENT,
    RESIDUAL,
};
use super::{Scheme, steps};

type Vector = <Scheme as LinearScheme>::Vector;
type PublicKey = <Scheme as LinearScheme>::PublicKey;

/// What the loss of a batch is made of, besides the guest's own scores.
struct LossParts {
    forward: Arc<Vector>,
    terms: VectorBytes,
    bits: i32,
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
        let forward = turn.hosts().receive_all(&FORWARD).await?;
        let loss = self.loss_parts(turn, &forward, batch.masked.len()).await?;

        let residual = self.residual(turn, forward, &halves, &batch).await?;
        let bytes = turn.encrypt({
            let residual = residual.clone();
            move || VectorBytes::of::<Scheme>(&residual)
        });
        turn.hosts().send(&RESIDUAL, &bytes.await?).await?;

        let kept = (!self.course.is_mutable).then_some(index);
        let matrix = self.columns.matrix(turn, &rows, kept).await?;
        let messages = OpeningMessages { masked: &GUEST_GRADIENT, opened: &OPENED_GRADIENT };
        let sums = learn_sums::<Scheme>(turn, &mut self.encryptor, messages, matrix, residual).await?;
        if let Some(parts) = loss {
            self.reveal_loss(turn, parts, &halves, (&batch.positions, own.learner.penalty())).await?;
        }
        own.learner.update(&self.columns.decode_sums(&sums), batch.members.len(), epoch);
        Ok(())
    }

    async fn halves(
        &self,
        turn: &TaskContext,
        own: &Binary,
        batch: &Batch,
        rows: &super::columns::Selection,
    ) -> Result<Halves> {
        let scores = self.columns.scores(turn, rows, own.learner.weights()).await?;
        let signs: Vec<f64> = batch.masked.iter().filter_map(|row| own.signs.get(*row).copied()).collect();
        let halves = steps::guest_half(&scores, &signs);
        Ok(Halves { scores, signs, halves })
    }

    async fn loss_parts(
        &self,
        turn: &TaskContext,
        forward: &[VectorBytes],
        length: usize,
    ) -> Result<Option<LossParts>> {
        let (Some(bits), [forward]) = (self.course.loss_bits, forward) else { return Ok(None) };
        let terms = turn.hosts().receive_all(&HOST_LOSS_TERMS).await?;
        let forward = forward.clone();
        let forward = turn.encrypt(move || forward.read::<Scheme>(length, Origin::Fresh)).await??;
        Ok(terms.into_iter().next().map(|terms| LossParts { forward: Arc::new(forward), terms, bits }))
    }

    /// Brings the residual together: zero outside the batch, and unlinkable to what hosts sent.
    async fn residual(
        &mut self,
        turn: &TaskContext,
        forward: Vec<VectorBytes>,
        halves: &Halves,
        batch: &Batch,
    ) -> Result<Arc<Vector>> {
        let half =
            fixed::encode("the guest's half of the residual", &halves.halves, RESIDUAL_BITS, self.course.half_limit)?;
        let add = move || -> SchemeResult<Vector> {
            let read = |bytes: &VectorBytes| bytes.read::<Scheme>(half.len(), Origin::Fresh);
            let parts = forward.iter().map(read).collect::<SchemeResult<Vec<_>>>()?;
            Scheme::add_plain(&Scheme::sum(&parts)?, &half)
        };
        let mut residual = turn.encrypt(add).await??;
        if batch.members.len() < batch.masked.len() {
            let messages =
                HidingMessages { masked: &MASKED_RESIDUAL, positions: &BATCH_POSITIONS, fresh: &FRESH_RESIDUAL };
            residual = keep_members::<Scheme>(turn, &mut self.encryptor, messages, residual, &batch.positions).await?;
        }
        let refresh = move |key: &PublicKey, random: &mut Random| Scheme::refresh(key, &residual, random);
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
        let pick =
            |values: &[f64]| -> Vec<f64> { positions.iter().filter_map(|at| values.get(*at).copied()).collect() };
        let plain = steps::guest_loss(&pick(&halves.scores), &pick(&halves.signs), penalty, parts.bits)?;
        // z_h z_g / 4 - y z_h / 2 is a quarter of z_h times four halves.
        let mut factors = vec![0i64; length];
        let mut members = vec![0i64; length];
        let scale = f64::from(parts.bits - RESIDUAL_BITS).exp2();
        for at in positions {
            if let (Some(factor), Some(member), Some(half)) =
                (factors.get_mut(*at), members.get_mut(*at), halves.halves.get(*at))
            {
                (*factor, *member) = ((4.0 * half * scale).round() as i64, 1);
            }
        }
        let reveal = move |key: &PublicKey, random: &mut Random| -> SchemeResult<SumsBytes> {
            let column = |values: &[i64], vector: &Vector| {
                let entry = |row: usize, _: usize| values.get(row).copied().unwrap_or(0);
                Scheme::transpose_times(&Scheme::prepare(length, 1, &entry)?, vector)
            };
            let crossed = column(&factors, &parts.forward)?;
            let squares = column(&members, &parts.terms.read::<Scheme>(length, Origin::Fresh)?)?;
            let total = Scheme::add_plain_sums(&Scheme::add_sums(&crossed, &squares)?, &[plain])?;
            Ok(SumsBytes::of::<Scheme>(&Scheme::reveal_sums(key, &total, random)?, 1))
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
