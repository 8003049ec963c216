//! Numbers that can be told: JSON has no word for NaN and infinity, and nobody can draw them.

use serde::{Deserialize, Serialize};

/// A number that is neither NaN nor infinite. What is read is judged too: a text or a frame with another number is refused.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Finite(f64);

/// A number is NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number is not finite")]
pub struct NotFinite;

impl Finite {
    /// The number, if it is finite.
    pub fn new(value: f64) -> Result<Self, NotFinite> {
        if value.is_finite() {
            Ok(Self(value))
        } else {
            Err(NotFinite)
        }
    }

    /// A share of a whole, drawn into the bounds of 0 and 1; what is no number is none of it.
    pub fn share(value: f64) -> Self {
        Self(if value.is_nan() {
            0.0
        } else {
            value.clamp(0.0, 1.0)
        })
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Finite {
    type Error = NotFinite;

    fn try_from(value: f64) -> Result<Self, NotFinite> {
        Self::new(value)
    }
}

impl From<Finite> for f64 {
    fn from(value: Finite) -> Self {
        value.0
    }
}

impl PartialEq<f64> for Finite {
    fn eq(&self, other: &f64) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_is_finite_alone() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Finite::new(odd), Err(NotFinite));
            assert!(
                serde_json::from_value::<Finite>(serde_json::json!(odd)).is_err(),
                "JSON writes it as null"
            );
        }
        let read: Finite = serde_json::from_str("-0.25").expect("reads");
        assert_eq!(
            (
                read.get(),
                serde_json::to_string(&read).expect("writes").as_str()
            ),
            (-0.25, "-0.25")
        );
        assert_eq!(
            [f64::NAN, -1.0, 0.5, f64::INFINITY].map(|at| Finite::share(at).get()),
            [0.0, 0.0, 0.5, 1.0]
        );
    }
}
