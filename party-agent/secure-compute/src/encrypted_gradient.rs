//! From an encrypted residual to sums in the clear at one party: the party multiplies with its own columns, hides the
//! sums under uniform masks, has them opened by the key holder and takes the masks off. The key holder learns nothing.

use std::ops::Range;
use std::sync::Arc;

use component_kit::{ComponentError, Message, Peer, Result, TaskContext};
use ndarray::Array2;

use crate::encrypted_algebra::{LinearScheme, SchemeResult, SumsBytes, SumsShape};
use crate::fixed::ColumnScales;
use crate::key_ceremony::{Encryptor, KeyHolder};

/// The two messages of an opening.
#[derive(Clone, Copy)]
pub struct OpeningMessages<'a> {
    /// Masked sums, to the key holder.
    pub masked: &'a Message<SumsBytes>,
    /// The same, decrypted, back.
    pub opened: &'a Message<Vec<u64>>,
}

/// Prepares the given rows (all of them for none) of some of a party's columns for products.
pub async fn prepare_columns<S: LinearScheme>(
    task: &TaskContext,
    columns: &Arc<Array2<f64>>,
    scales: &ColumnScales,
    rows: Option<Vec<usize>>,
    part: Range<usize>,
) -> Result<Arc<S::Matrix>> {
    let (columns, factors) = (columns.clone(), scales.factors());
    let prepare = move || {
        let count = rows.as_ref().map_or(columns.nrows(), Vec::len);
        #[allow(
            clippy::expect_used,
            reason = "a row or column that is not there would be a wrong gradient"
        )]
        let entry = |row: usize, column: usize| {
            let row = match &rows {
                None => row,
                Some(rows) => *rows.get(row).expect("a scheme asks for rows of the matrix"),
            };
            let column = part.start + column;
            let value = columns
                .get((row, column))
                .expect("batches and parts are of this table");
            let factor = factors.get(column).expect("each column has its factor");
            // Fits: `ColumnScales::fit` chose the factor so that even the sum over all rows stays
            // below 2^62.
            (value * factor).round() as i64
        };
        S::prepare(count, part.len(), &entry)
    };
    Ok(Arc::new(task.encrypt(prepare).await??))
}

/// Party: the sums over rows of each column times the encrypted residual, mod 2^64.
pub async fn learn_sums<S: LinearScheme>(
    turn: &TaskContext,
    encryptor: &mut Encryptor<S>,
    messages: OpeningMessages<'_>,
    matrix: Arc<S::Matrix>,
    residual: Arc<S::Vector>,
) -> Result<Vec<u64>> {
    let multiply = move |key: &S::PublicKey,
                         random: &mut crypto::random::Random|
          -> SchemeResult<(SumsBytes, Vec<u64>)> {
        let (hidden, masks) = S::mask_sums(key, &S::transpose_times(&matrix, &residual)?, random)?;
        Ok((SumsBytes::of::<S>(&hidden, masks.len()), masks))
    };
    let (hidden, masks) = encryptor.with(turn, multiply).await??;
    let holder = turn.arbiter()?;
    holder.send(messages.masked, &hidden).await?;
    let opened = holder.receive(messages.opened).await?;
    // Checked because `zip` would drop the rest in silence, and a gradient that is cut is a wrong
    // one.
    if opened.len() != masks.len() {
        let text = format!(
            "{} sums came back where {} were sent",
            opened.len(),
            masks.len()
        );
        return Err(ComponentError::protocol(text));
    }
    Ok(opened
        .iter()
        .zip(&masks)
        // Masks are uniform mod 2^64, so that to take one off wraps in half of all cases.
        .map(|(sum, mask)| sum.wrapping_sub(*mask))
        .collect())
}

/// Key holder: opens one party's masked sums and sends them back. Their number and their places come from the plan; sums of
/// another shape are refused. As many sums as rows would determine the vector: whoever plans them sees that they are fewer.
pub async fn open_sums<S: LinearScheme>(
    turn: &TaskContext,
    holder: &mut KeyHolder<S>,
    messages: OpeningMessages<'_>,
    party: &Peer,
    shape: SumsShape,
) -> Result<()> {
    let masked = party.receive(messages.masked).await?;
    let opened = holder
        .open(turn, party.participant(), masked, shape)
        .await?;
    party.send(messages.opened, &opened).await
}

/// Key holder: receives sums that the parties agreed to show it.
pub async fn receive_revealed<S: LinearScheme>(
    turn: &TaskContext,
    holder: &mut KeyHolder<S>,
    message: &Message<SumsBytes>,
    party: &Peer,
    shape: SumsShape,
) -> Result<Vec<u64>> {
    let revealed = party.receive(message).await?;
    holder
        .open(turn, party.participant(), revealed, shape)
        .await
}
