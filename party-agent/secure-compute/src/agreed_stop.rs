//! How parties agree that training ends: flags that one role decides and all obey, and the length of the last steps
//! of all parties together, of which only the total is opened.

use component_kit::{ComponentError, Message, Packed, Peer, Peers, Result, TaskContext};
use crypto::random::Random;

use crate::encrypted_algebra::{
    LinearScheme, Origin, SchemeResult, SumsBytes, SumsShape, VectorBytes,
};
use crate::encrypted_gradient::receive_revealed;
use crate::fixed;
use crate::key_ceremony::{Encryptor, KeyHolder};

/// Fractional bits of a squared length: differences of a millionth still show after the root.
const LENGTH_BITS: i32 = 40;

/// Squared lengths above this count as this; no tolerance is so large.
const LENGTH_CAP: f64 = 65536.0;

/// Tells everybody whether to stop.
pub async fn announce(peers: &Peers, message: &Message<Packed<bool>>, stop: bool) -> Result<()> {
    peers.send(message, &Packed(stop)).await
}

/// Hears whether to stop.
pub async fn hear(peer: &Peer, message: &Message<Packed<bool>>) -> Result<bool> {
    Ok(peer.receive(message).await?.0)
}

/// The power of two by which lengths are divided before they are encoded, so that lengths around a tolerance keep their
/// digits and stay below the cap: a tolerance of a millionth or of a million is compared as exactly as one of a thousandth.
pub fn length_unit(tolerance: f64) -> i32 {
    // Between these a length needs no unit: its resolution is a millionth, and the cap 256.
    let (least, most) = (2f64.powi(-14), 64.0);
    (tolerance / tolerance.clamp(least, most)).log2().ceil() as i32
}

fn squared_length(steps: &[f64], unit: i32) -> Result<Vec<i64>> {
    let factor = f64::from(-unit).exp2();
    let total: f64 = steps.iter().map(|step| (step * factor).powi(2)).sum();
    Ok(fixed::encode(
        "length of the steps",
        // That it is longer than any tolerance is all that matters; a first step may leave the
        // range.
        &[total.min(LENGTH_CAP)],
        LENGTH_BITS,
        LENGTH_CAP,
    )?)
}

/// Host: sends the squared length of its steps to the guest, encrypted; `unit` is the same for all.
pub async fn send_length<S: LinearScheme>(
    turn: &TaskContext,
    encryptor: &mut Encryptor<S>,
    message: &Message<VectorBytes>,
    (steps, unit): (&[f64], i32),
) -> Result<()> {
    let sealed = encryptor.seal(turn, squared_length(steps, unit)?).await?;
    turn.guest()?.send(message, &sealed).await
}

/// Guest: adds the hosts' squared lengths to its own and shows the arbiter the total.
pub async fn reveal_length<S: LinearScheme>(
    turn: &TaskContext,
    encryptor: &mut Encryptor<S>,
    (part, total): (&Message<VectorBytes>, &Message<SumsBytes>),
    (steps, unit): (&[f64], i32),
) -> Result<()> {
    let parts = turn.hosts().receive_all(part).await?;
    let own = squared_length(steps, unit)?;
    let add = move |key: &S::PublicKey, random: &mut Random| -> SchemeResult<SumsBytes> {
        let parts = parts
            .iter()
            .map(|part| part.read::<S>(1, Origin::Fresh))
            .collect::<SchemeResult<Vec<_>>>()?;
        // A product with the number 1: only sums can be revealed, a vector cannot.
        let sums = S::transpose_times(&S::prepare(1, 1, &|_, _| 1)?, &S::sum(&parts)?)?;
        let hidden = S::reveal_sums(key, &S::add_plain_sums(&sums, &own)?, random)?;
        Ok(SumsBytes::of::<S>(&hidden, 1))
    };
    let revealed = encryptor.with(turn, add).await??;
    turn.arbiter()?.send(total, &revealed).await
}

/// Arbiter: the length of all parties' steps together.
pub async fn read_length<S: LinearScheme>(
    turn: &TaskContext,
    holder: &mut KeyHolder<S>,
    total: &Message<SumsBytes>,
    unit: i32,
) -> Result<f64> {
    let sums = receive_revealed(
        turn,
        holder,
        total,
        &turn.guest()?,
        SumsShape {
            rows: 1,
            columns: 1,
        },
    )
    .await?;
    let [sum] = sums.as_slice() else {
        return Err(ComponentError::protocol("the length of steps is one sum"));
    };
    // Rounding may leave a tiny negative number, of which there is no root.
    let length = fixed::decode(*sum, LENGTH_BITS).max(0.0).sqrt();
    Ok(length * f64::from(unit).exp2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_tolerances_need_no_unit_and_others_keep_their_digits() {
        for (tolerance, unit) in [(1e-4, 0), (1e-3, 0), (64.0, 0), (1e6, 14), (1e-9, -15)] {
            assert_eq!(length_unit(tolerance), unit, "{tolerance}");
            // Steps a little longer than the tolerance, and a little shorter.
            for factor in [1.01, 0.99] {
                let code = squared_length(&[factor * tolerance], unit).unwrap()[0];
                let length =
                    fixed::decode(code as u64, LENGTH_BITS).sqrt() * f64::from(unit).exp2();
                assert!(
                    (length / tolerance - factor).abs() < 1e-3,
                    "{length} {tolerance}"
                );
            }
        }
    }
}
