//! One batch as a host plays it: scores out, residual in, its own gradient.

use std::sync::Arc;

use component_kit::{Packed, Result, TaskContext};
use futures_util::future::try_join;
use secure_compute::encrypted_gradient::{OpeningMessages, learn_sums};
use secure_compute::fixed::Scale;
use secure_compute::{LinearScheme, Origin, VectorBytes};

use super::VerticalLoss;
use super::host::Host;
use super::messages::{
    FORWARD, HOST_GRADIENT, HOST_LOSS_TERMS, HOST_SCALE, OPENED_GRADIENT, PUBLIC_KEY, RESIDUAL,
    SCALE,
};
use super::plan::Course;
use super::scales;
use super::steps;
use crate::columns::Selection;
use crate::weights::LinearWeights;

/// What a host sends of a batch.
struct Parts {
    halves: Vec<f64>,
    /// Empty where there is no loss.
    terms: Vec<f64>,
    /// The scale that both fit.
    need: Scale,
}

/// Shows a test how many rows train, the rows that this host knows them to be among, its scores of those, and the gradient.
#[cfg(feature = "harness")]
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

impl<L: VerticalLoss, S: LinearScheme> Host<'_, L, S> {
    pub(super) async fn batch(
        &mut self,
        turn: &TaskContext,
        weights: &mut LinearWeights,
        rows: &Selection,
        (epoch, index): (usize, usize),
    ) -> Result<()> {
        let scores = self.columns.scores(turn, rows, weights.weights()).await?;
        let parts = self.parts(&scores, weights.penalty())?;
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
            // An empty vector and not its own message: the usual case, all that fits, then costs
            // none.
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
            // The residual is received all the same: the guest sends it to every host alike.
            if !columns.is_empty() {
                let matrix = self.columns.matrix(&turn, rows, kept, columns).await?;
                sums.extend(self.gradient(&turn, bytes, scores.len(), matrix).await?);
            }
        }
        let members = self.course.shapes[index].members;
        let bits = self.course.encoding(scale).residual_bits();
        let sums = self.columns.decode_sums(&sums, bits)?;
        // For the attacker among the tests: what any host can see of itself.
        #[cfg(feature = "harness")]
        observe(turn, (rows, &scores, &sums), members);
        weights.update(&sums, members, epoch);
        Ok(())
    }

    /// The sums of the residual over some columns.
    async fn gradient(
        &mut self,
        turn: &TaskContext,
        residual: VectorBytes,
        length: usize,
        matrix: Arc<S::Matrix>,
    ) -> Result<Vec<u64>> {
        // An upper bound of all that was added: what the guest really did is not seen in the
        // bytes.
        let origin = Origin::SumOf(self.course.residual_terms());
        let residual = turn
            .encrypt(move || residual.read::<S>(length, origin))
            .await??;
        let messages = OpeningMessages {
            masked: &HOST_GRADIENT,
            opened: &OPENED_GRADIENT,
        };
        learn_sums::<S>(
            turn,
            &mut self.encryptor,
            messages,
            matrix,
            Arc::new(residual),
        )
        .await
    }

    fn parts(&self, scores: &[f64], penalty: f64) -> Result<Parts> {
        let halves = steps::host_half::<L>(scores);
        let terms = if self.course.has_loss() {
            steps::host_loss_terms::<L>(scores, penalty)
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
        let is_last = self.course.ends_epoch(index);
        let asked = self.scaling.ask(parts.need, is_last);
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
        let now = self
            .scaling
            .take(decision, asked, is_last, guest.participant())?;
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
}
