//! Sets the rows of an encrypted vector that are no members of a batch to zero, so that a party that multiplies with
//! it cannot tell members from the rows they hide among. Packed ciphertexts cannot lose single rows, so the vector
//! goes under uniform masks to the key holder, which keeps the members and encrypts afresh.

use component_kit::{ComponentError, Message, Result, TaskContext};
use crypto::random::Random;
use vocabulary::ErrorCode;

use crate::encrypted_algebra::{LinearScheme, Origin, SchemeError, SchemeResult, VectorBytes};
use crate::key_ceremony::{Encryptor, KeyHolder};

/// The three messages of the detour.
#[derive(Clone, Copy)]
pub struct HidingMessages<'a> {
    /// The masked vector, to the key holder.
    pub masked: &'a Message<VectorBytes>,
    /// Where the members stand, to the key holder.
    pub positions: &'a Message<Vec<u32>>,
    /// Masked members and zeros, encrypted afresh, back.
    pub fresh: &'a Message<VectorBytes>,
}

/// Guest: gives the vector with everything but the positions set to zero; not yet re-randomised.
pub async fn keep_members<S: LinearScheme>(
    turn: &TaskContext,
    encryptor: &mut Encryptor<S>,
    messages: HidingMessages<'_>,
    vector: S::Vector,
    positions: &[usize],
) -> Result<S::Vector> {
    let mask =
        move |key: &S::PublicKey, random: &mut Random| -> SchemeResult<(VectorBytes, Vec<u64>)> {
            let (masked, masks) = S::mask_vector(key, &vector, random)?;
            Ok((VectorBytes::of::<S>(&masked), masks))
        };
    let (masked, masks) = encryptor.with(turn, mask).await??;
    let holder = turn.arbiter()?;
    holder.send(messages.masked, &masked).await?;
    let narrow: Option<Vec<u32>> = positions.iter().map(|at| u32::try_from(*at).ok()).collect();
    let too_many =
        || ComponentError::new(ErrorCode::NumericRange, "a batch has more than 2^32 rows");
    holder
        .send(messages.positions, &narrow.ok_or_else(too_many)?)
        .await?;
    // A flooded vector takes no further computation; this one is encrypted afresh and does.
    let fresh = holder.receive(messages.fresh).await?;
    let offsets = offsets_at(positions, &masks);
    let unmask = move || -> Result<S::Vector, SchemeError> {
        // Where no member stands there is a zero without a mask, and the offset is zero as well.
        S::add_plain(&fresh.read::<S>(offsets.len(), Origin::Fresh)?, &offsets)
    };
    Ok(turn.encrypt(unmask).await??)
}

/// What takes the masks off again where members stand.
#[allow(
    clippy::expect_used,
    reason = "a mask that stayed on would be a wrong residual"
)]
fn offsets_at(positions: &[usize], masks: &[u64]) -> Vec<i64> {
    let mut offsets = vec![0i64; masks.len()];
    for position in positions {
        let mask = masks.get(*position).expect("members are rows of the batch");
        let offset = offsets.get_mut(*position).expect("an offset for each mask");
        *offset = (*mask as i64).wrapping_neg();
    }
    offsets
}

/// Key holder: does its part for a vector of `length` rows of which `members` stay.
pub async fn serve<S: LinearScheme>(
    turn: &TaskContext,
    holder: &mut KeyHolder<S>,
    messages: HidingMessages<'_>,
    length: usize,
    members: usize,
) -> Result<()> {
    let guest = turn.guest()?;
    let masked = guest.receive(messages.masked).await?;
    let positions = guest.receive(messages.positions).await?;
    let mut values = holder.open_masked(turn, masked, length).await?;
    let mut kept = vec![false; length];
    for position in &positions {
        // One that does not exist leaves too few, which is refused below.
        if let Some(kept) = kept.get_mut(*position as usize) {
            *kept = true;
        }
    }
    // Both numbers: together they rule out positions that are named twice or do not exist.
    if positions.len() != members || kept.iter().filter(|kept| **kept).count() != members {
        return Err(ComponentError::protocol(format!(
            "the positions are not those of {members} of {length} rows"
        )));
    }
    values
        .iter_mut()
        .zip(&kept)
        .filter(|(_, kept)| !**kept)
        .for_each(|(value, _)| *value = 0);
    let fresh = holder.encryptor().seal(turn, values).await?;
    guest.send(messages.fresh, &fresh).await
}
