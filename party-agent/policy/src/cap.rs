//! A bound that may be absent: a number, or the word `any`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The word for no bound.
const ANY: &str = "any";

/// At most so many, or any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap(Option<u32>);

impl Cap {
    /// At most so many.
    pub const fn at(most: u32) -> Self {
        Self(Some(most))
    }

    /// Any number.
    pub const fn any() -> Self {
        Self(None)
    }

    /// The largest number that it allows.
    pub fn most(self) -> u64 {
        self.0.map_or(u64::MAX, u64::from)
    }

    /// Whether a number is not above it.
    pub fn allows(self, number: u64) -> bool {
        self.0.is_none_or(|most| number <= u64::from(most))
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(most) => most.fmt(f),
            None => f.write_str(ANY),
        }
    }
}

impl Serialize for Cap {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(most) => to.serialize_u32(most),
            None => to.serialize_str(ANY),
        }
    }
}

impl<'de> Deserialize<'de> for Cap {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct CapVisitor;
        impl de::Visitor<'_> for CapVisitor {
            type Value = Cap;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a number from 0 to {}, or \"{ANY}\"", u32::MAX)
            }
            // TOML gives whole numbers as i64, other formats as u64: both must read alike.
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Cap, E> {
                let most = u32::try_from(number);
                most.map(Cap::at)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Cap, E> {
                let most = u32::try_from(number);
                most.map(Cap::at)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Cap, E> {
                match word {
                    ANY => Ok(Cap::any()),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        from.deserialize_any(CapVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Rules {
        most: Cap,
    }

    fn read(text: &str) -> Result<Cap, String> {
        toml::from_str::<Rules>(&format!("most = {text}"))
            .map(|rules| rules.most)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn is_a_number_or_any() {
        assert_eq!(read("3"), Ok(Cap::at(3)));
        assert_eq!(read("'any'"), Ok(Cap::any()));
        for wrong in ["-1", "'3'", "'all'", "0.5", "4294967296", "true"] {
            assert!(
                read(wrong).is_err_and(|error| error.contains("a number from 0 to")),
                "{wrong}"
            );
        }
        for cap in [Cap::at(0), Cap::any()] {
            let text = toml::to_string(&Rules { most: cap }).expect("written");
            assert_eq!(
                toml::from_str::<Rules>(&text).expect("read"),
                Rules { most: cap }
            );
        }
    }

    #[test]
    fn allows_what_is_not_above_it() {
        assert!(Cap::at(3).allows(3) && !Cap::at(3).allows(4) && Cap::any().allows(u64::MAX));
        assert_eq!(
            (Cap::at(3).to_string(), Cap::any().to_string()),
            ("3".to_owned(), "any".to_owned())
        );
    }
}
