//! How large the numbers of a batch may be. Nothing is said as long as they fit the finest scale. Otherwise parties tell
//! which scale their scores need and the guest decides for all; a scale becomes coarser as soon as one party needs it, and
//! finer after an epoch in which nobody did.

use component_kit::{ComponentError, Packed, Peer, Result, TaskContext};
use secure_compute::fixed::{self, RESIDUAL_BITS, RangeError, Scale};
use vocabulary::{Participant, Role};

use super::agreement::Decision;
use super::messages::{HOST_SCALE, SCALE};

/// Largest loss term of a party in one row at the finest scale: z^2/8 for |z| = 128, and as much again for its penalty.
const LOSS_TERM_LIMIT: f64 = 4096.0;

/// Base-2 logarithm of a bound on the mean loss, for scores within the limits of the finest scale.
const LOSS_RANGE_BITS: i32 = 14;

/// Fractional bits of the factors of a batch's loss at the finest scale, so that the sum over `members` rows stays below
/// 2^63.
pub(super) fn loss_bits(members: usize) -> i32 {
    let rows_bits = members.max(1).next_power_of_two().ilog2();
    (63 - LOSS_RANGE_BITS - RESIDUAL_BITS - rows_bits as i32).min(22)
}

/// How a batch is encoded: the bounds of the finest scale in the unit of the training, and the scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoding {
    scale: Scale,
    /// The power of two by which everything that grows with labels is divided.
    unit: i16,
    half_limit: f64,
    loss_bits: Option<i32>,
}

/// One party's view of the scale during a binary training.
#[derive(Debug, Default)]
pub(super) struct Scaling {
    current: Scale,
    /// The most that this party needed in this epoch.
    peak: Scale,
}

fn scale_of(power: u16, who: &Participant) -> Result<Scale> {
    let coarsest = Scale::COARSEST.power();
    let text = || {
        ComponentError::protocol(format!(
            "{who} names the scale {power}; the coarsest is {coarsest}"
        ))
    };
    Scale::new(power).ok_or_else(text)
}

impl Encoding {
    /// With these bounds at the finest scale.
    pub(super) fn new(scale: Scale, unit: i16, half_limit: f64, loss_bits: Option<i32>) -> Self {
        Self {
            scale,
            unit,
            half_limit,
            loss_bits,
        }
    }

    /// Fractional bits of a residual.
    pub(super) fn residual_bits(self) -> i32 {
        self.scale.residual_bits() - i32::from(self.unit)
    }

    /// What a bound of the finest scale is, for numbers that grow with labels.
    fn widen(self, limit: f64) -> f64 {
        self.scale.widen(limit) * f64::from(self.unit).exp2()
    }

    /// Largest magnitude of one party's half of a residual.
    pub(super) fn half_limit(self) -> f64 {
        self.widen(self.half_limit)
    }

    /// Fractional bits of the loss, whose terms grow with the square of scores.
    pub(super) fn loss_bits(self) -> Option<i32> {
        self.loss_bits
            // Twice: the loss grows with the square of what the scale and the unit divide.
            .map(|bits| bits - 2 * (i32::from(self.scale.power()) + i32::from(self.unit)))
    }

    /// Largest loss term of a row.
    pub(super) fn loss_limit(self) -> f64 {
        self.widen(self.widen(LOSS_TERM_LIMIT))
    }

    /// Arbiter: the mean loss behind a sum over `members` rows. Refuses what no scores within their bounds make.
    #[allow(clippy::expect_used, reason = "no loss is not a loss of 0")]
    pub(super) fn read_loss(self, sum: u64, members: usize) -> Result<f64> {
        let bits = self
            .loss_bits()
            .expect("a loss is read where the course has one");
        let mean = fixed::decode(sum, bits) / members as f64;
        if mean.abs() > self.widen(self.widen(f64::from(LOSS_RANGE_BITS).exp2())) {
            return Err(RangeError::Sum {
                what: "the loss of a batch".to_owned(),
            }
            .into());
        }
        Ok(mean)
    }

    /// The scale that these halves and loss terms (empty where there is no loss) need.
    pub(super) fn needed(self, halves: &[f64], terms: &[f64]) -> Result<Scale> {
        let finest = Self {
            scale: Scale::FINEST,
            ..self
        };
        let of_halves = Scale::holding(
            "a party's part of the scores",
            halves.iter().copied(),
            finest.half_limit(),
        )?;
        // The root of a term grows with the scale as a half does, so one rule finds both scales.
        let roots = terms.iter().map(|term| term.sqrt());
        let of_terms =
            Scale::holding("the root of a loss term", roots, finest.loss_limit().sqrt())?;
        Ok(of_halves.max(of_terms))
    }
}

impl Scaling {
    /// The scale in which scores are sent at first.
    pub(super) fn current(&self) -> Scale {
        self.current
    }

    /// Whether nothing is said of scales: who has numbers that do not fit sends nothing in their place.
    pub(super) fn is_silent(&self) -> bool {
        self.current == Scale::FINEST
    }

    /// What to tell of a batch that needs this scale: nothing new where it fits, but after an epoch the most that was needed.
    pub(super) fn ask(&mut self, need: Scale, is_last: bool) -> Scale {
        self.peak = self.peak.max(need);
        if is_last {
            std::mem::take(&mut self.peak)
        } else {
            need.max(self.current)
        }
    }

    /// Guest: what holds for all. A step of slack keeps a coarse scale from going up and down between epochs.
    pub(super) fn decide(&self, asked: &[Scale], is_last: bool) -> Decision {
        let most = asked.iter().copied().fold(Scale::FINEST, Scale::max);
        let now = self.current.max(most);
        let next = match is_last {
            true if most == Scale::FINEST => most,
            true if most.coarser(2) <= now => most.coarser(1),
            _ => now,
        };
        Decision {
            now: now.power(),
            next: next.power(),
        }
    }

    /// Goes on with what the guest decided, after this party had asked for a scale. In an epoch the
    /// scale only becomes coarser; its last batch may end with what [`Self::decide`] makes of the
    /// most that was needed.
    pub(super) fn take(
        &mut self,
        decision: Decision,
        asked: Scale,
        is_last: bool,
        guest: &Participant,
    ) -> Result<Scale> {
        let (now, next) = (
            scale_of(decision.now, guest)?,
            scale_of(decision.next, guest)?,
        );
        let needed = asked.max(self.current);
        // Too fine a scale would overflow, and a next one coarser than now was never asked for. A finer
        // one within an epoch would have this party say of each batch anew how large its scores are.
        let goes_on =
            next == now || is_last && now == self.current && self.may_end_with(asked, next, now);
        if now < needed || !goes_on {
            let text = format!(
                "{guest} decides on the scales {} and {} where {} is needed",
                now.power(),
                next.power(),
                needed.power()
            );
            return Err(ComponentError::protocol(text));
        }
        self.current = next;
        Ok(now)
    }
}

impl Scaling {
    /// Whether an epoch in which this party needed `peak` at most may go on with a finer scale: with
    /// the finest where nobody needs another, else with one step of slack to what is needed.
    fn may_end_with(&self, peak: Scale, next: Scale, now: Scale) -> bool {
        if next == Scale::FINEST {
            return peak == Scale::FINEST;
        }
        let least = peak.power().max(1) + 1;
        (least..now.power()).contains(&next.power())
    }
}

/// Where a batch is begun again because somebody's numbers did not fit the finest scale.
pub(super) fn again(turn: &TaskContext) -> TaskContext {
    turn.round("scaled", 0)
}

/// Guest: what each host asks for.
pub(super) async fn asked(turn: &TaskContext) -> Result<Vec<(Peer, Scale)>> {
    let hosts = turn.hosts();
    let powers = hosts.receive_all(&HOST_SCALE).await?;
    let scale = |(host, Packed(power)): (Peer, Packed<u16>)| {
        let scale = scale_of(power, host.participant())?;
        Ok((host, scale))
    };
    hosts.each().zip(powers).map(scale).collect()
}

/// Guest: tells the others; the arbiter only where it reads a loss.
pub(super) async fn announce(turn: &TaskContext, decision: Decision, has_loss: bool) -> Result<()> {
    let to: &[Role] = if has_loss {
        &[Role::Host, Role::Arbiter]
    } else {
        &[Role::Host]
    };
    turn.all_of(to).send(&SCALE, &Packed(decision)).await
}

/// Arbiter: the scales of a batch and of the next one.
pub(super) async fn hear(turn: &TaskContext) -> Result<(Scale, Scale)> {
    let guest = turn.guest()?;
    let Packed(decision) = guest.receive(&SCALE).await?;
    Ok((
        scale_of(decision.now, guest.participant())?,
        scale_of(decision.next, guest.participant())?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(power: u16) -> Scale {
        Scale::new(power).unwrap()
    }

    fn guest() -> Participant {
        Participant::new(Role::Guest, vocabulary::PartyId::new("9999").unwrap())
    }

    #[test]
    fn a_scale_grows_at_once_and_shrinks_after_an_epoch() {
        let mut own = Scaling::default();
        let mut batch = |need: u16, other: u16, is_last: bool| {
            let asked = own.ask(scale(need), is_last);
            let decision = own.decide(&[asked, scale(other)], is_last);
            own.take(decision, asked, is_last, &guest()).unwrap();
            (asked.power(), decision.now, decision.next)
        };
        assert_eq!(batch(0, 0, false), (0, 0, 0));
        assert_eq!(batch(1, 5, false), (1, 5, 5));
        assert_eq!(batch(2, 5, false), (5, 5, 5), "what fits tells nothing");
        assert_eq!(batch(0, 5, true), (2, 5, 5), "the most of the epoch");
        assert_eq!(batch(0, 5, false), (5, 5, 5));
        assert_eq!(batch(1, 2, true), (1, 5, 3), "one step of slack");
        assert_eq!(batch(2, 0, true), (2, 3, 3), "not for a single step");
        assert_eq!(batch(1, 0, true), (1, 3, 2));
        assert_eq!(batch(0, 0, true), (0, 2, 0), "nothing is said any more");
    }

    #[test]
    fn decisions_of_a_peer_are_judged() {
        let own = || Scaling {
            current: scale(3),
            peak: Scale::FINEST,
        };
        let take = |now, next| own().take(Decision { now, next }, scale(5), false, &guest());
        assert!(take(5, 5).is_ok() && take(7, 7).is_ok());
        for (now, next) in [
            (4, 4),
            (5, 6),
            (201, 201),
            (u16::MAX, 0),
            (0, 0),
            (7, 2),
            (5, 4),
        ] {
            let fault = take(now, next).unwrap_err().into_fault();
            assert_eq!(
                fault.code,
                vocabulary::ErrorCode::ProtocolViolation,
                "{now} {next}"
            );
            assert!(fault.message.contains("9999"), "{fault}");
        }
        let low = Scaling {
            current: scale(3),
            peak: Scale::FINEST,
        }
        .take(Decision { now: 2, next: 2 }, scale(1), false, &guest());
        assert!(
            low.is_err(),
            "what was sent at a scale is not read at a finer one"
        );
    }

    #[test]
    fn an_epoch_ends_with_no_finer_scale_than_its_peak_allows() {
        let end = |peak: u16, now: u16, next: u16| {
            let mut own = Scaling {
                current: scale(6),
                peak: Scale::FINEST,
            };
            own.take(Decision { now, next }, scale(peak), true, &guest())
                .is_ok()
        };
        assert!(end(0, 6, 0) && end(0, 6, 2) && end(3, 6, 4) && end(3, 6, 5) && end(3, 6, 6));
        for (peak, now, next) in [
            (1, 6, 0),
            (3, 6, 3),
            (3, 6, 0),
            (0, 6, 1),
            (7, 7, 0),
            (3, 8, 5),
        ] {
            assert!(!end(peak, now, next), "{peak} {now} {next}");
        }
        // Whatever a guest decides by the rule is taken by every party that asked.
        for current in 0..12 {
            for asked in (0..14).flat_map(|one| (0..14).map(move |other| (one, other))) {
                for is_last in [false, true] {
                    let own = || Scaling {
                        current: scale(current),
                        peak: Scale::FINEST,
                    };
                    let asked = [scale(asked.0), scale(asked.1)];
                    let decision = own().decide(&asked, is_last);
                    for one in asked {
                        let taken = own().take(decision, one, is_last, &guest());
                        assert!(taken.is_ok(), "{current} {asked:?} {is_last}");
                    }
                }
            }
        }
    }

    #[test]
    fn integers_are_as_large_at_every_scale() {
        for members in [1, 320, 40_000_000] {
            let bits = loss_bits(members) + RESIDUAL_BITS;
            let at = |power, unit| Encoding::new(scale(power), unit, 32.0, Some(bits));
            let sizes = |encoding: Encoding| {
                let unit = |bits: i32| f64::from(bits).exp2();
                let (residual, loss) = (encoding.residual_bits(), encoding.loss_bits().unwrap());
                let factor = 4.0 * encoding.half_limit() * unit(loss - residual);
                [
                    encoding.half_limit() * unit(residual),
                    encoding.loss_limit() * unit(loss),
                    factor,
                ]
            };
            for (power, unit) in [
                (1, 0),
                (7, 0),
                (26, 0),
                (200, 0),
                (0, -200),
                (3, 18),
                (200, 200),
            ] {
                let own = sizes(at(power, unit));
                assert_eq!(own, sizes(at(0, 0)), "{members} {power} {unit}");
            }
        }
    }

    #[test]
    fn the_largest_loss_stays_in_range() {
        for members in [1, 320, 569, 100_000, 40_000_000] {
            let bits = RESIDUAL_BITS + loss_bits(members);
            assert!(
                members as f64 * f64::from(bits + LOSS_RANGE_BITS).exp2() <= 63f64.exp2(),
                "{members}"
            );
            for scale in [Scale::FINEST, scale(9)] {
                let encoding = Encoding::new(scale, 0, 32.0, Some(bits));
                let most = 3.0 * encoding.loss_limit();
                let sum = (most * f64::from(encoding.loss_bits().unwrap()).exp2() * members as f64)
                    as u64;
                let mean = encoding.read_loss(sum, members).unwrap();
                assert!((mean / most - 1.0).abs() < 1e-9, "{mean} is not {most}");
            }
        }
        let encoding = Encoding::new(scale(1), 0, 32.0, Some(RESIDUAL_BITS + loss_bits(1)));
        assert!(
            encoding
                .read_loss(3 << 61, 1)
                .unwrap_err()
                .into_fault()
                .message
                .contains("left their bounds")
        );
    }

    #[test]
    fn the_need_is_that_of_the_largest_number() {
        let encoding = Encoding::new(scale(9), 0, 32.0, Some(40));
        let needed =
            |halves: &[f64], terms: &[f64]| encoding.needed(halves, terms).map(Scale::power);
        assert_eq!(needed(&[1.0, -32.0], &[4096.0]).unwrap(), 0);
        assert_eq!(needed(&[1.0, -33.0], &[]).unwrap(), 1);
        assert_eq!(needed(&[0.0], &[4096.0 * 16.1]).unwrap(), 3);
        let fault = needed(&[f64::INFINITY], &[]).unwrap_err().into_fault();
        assert!(fault.message.contains("grow without bound"), "{fault}");
        assert!(needed(&[0.0], &[f64::NAN]).is_err());
    }
}
