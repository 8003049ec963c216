//! What the value of a parameter may be: what stands after `in` in [`params!`](crate::params).
//!
//! A bound of a type bounds the same type where it may be null ([`Option`]: null passes) or where it matters whether it was
//! given ([`Given`]).

use std::fmt::Display;
use std::ops::{Range, RangeFrom, RangeInclusive};

use crate::given::Given;

/// Says what is wrong with a value, if anything is.
pub trait Bound<T> {
    /// Why the value is refused; none where it is fine.
    fn refusal(&self, value: &T) -> Option<String>;
}

/// A number that a parameter may be.
pub trait Number: PartialOrd + Display + Copy {
    /// Whether it can be computed with.
    fn is_usable(self) -> bool {
        true
    }
}

macro_rules! whole {
    ($($number:ty)*) => { $(impl Number for $number {})* };
}
whole!(u8 u16 u32 u64 usize i32 i64);

impl Number for f64 {
    fn is_usable(self) -> bool {
        self.is_finite()
    }
}

/// Bounds a type behind an option, behind a `Given`, and behind both.
macro_rules! reaching {
    ({$($of:ident: $is:ident)?} $value:ty, $bound:ty) => {
        impl$(<$of: $is>)? Bound<Option<$value>> for $bound {
            fn refusal(&self, value: &Option<$value>) -> Option<String> {
                value.as_ref().and_then(|value| self.refusal(value))
            }
        }

        impl$(<$of: $is>)? Bound<Given<$value>> for $bound {
            fn refusal(&self, value: &Given<$value>) -> Option<String> {
                self.refusal(value.value())
            }
        }

        impl$(<$of: $is>)? Bound<Given<Option<$value>>> for $bound {
            fn refusal(&self, value: &Given<Option<$value>>) -> Option<String> {
                self.refusal(value.value())
            }
        }
    };
}

impl<T: Number> Bound<T> for RangeInclusive<T> {
    fn refusal(&self, value: &T) -> Option<String> {
        // NaN is in no range anyway; infinity would be in an open one.
        let is_in = value.is_usable() && self.contains(value);
        (!is_in).then(|| format!("{value} is not in {} to {}", self.start(), self.end()))
    }
}
reaching!({T: Number} T, RangeInclusive<T>);

impl<T: Number> Bound<T> for Range<T> {
    fn refusal(&self, value: &T) -> Option<String> {
        let is_in = value.is_usable() && self.contains(value);
        let (from, to) = (self.start, self.end);
        (!is_in).then(|| format!("{value} is not at least {from} and below {to}"))
    }
}
reaching!({T: Number} T, Range<T>);

impl<T: Number> Bound<T> for RangeFrom<T> {
    fn refusal(&self, value: &T) -> Option<String> {
        let is_in = value.is_usable() && self.contains(value);
        (!is_in).then(|| format!("{value} is below {}", self.start))
    }
}
reaching!({T: Number} T, RangeFrom<T>);

/// Numbers above one that is not among them, up to one that is, if there is an end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Above<T> {
    over: T,
    up_to: Option<T>,
}

/// Numbers above this one.
pub const fn above<T>(over: T) -> Above<T>
where
    T: Copy,
{
    Above { over, up_to: None }
}

impl<T: Copy> Above<T> {
    /// The same up to a number, which is among them.
    #[must_use]
    pub const fn up_to(self, end: T) -> Self {
        Self {
            over: self.over,
            up_to: Some(end),
        }
    }
}

impl<T: Number> Bound<T> for Above<T> {
    fn refusal(&self, value: &T) -> Option<String> {
        let is_in = value.is_usable() && *value > self.over;
        match self.up_to {
            None => (!is_in).then(|| format!("{value} is not above {}", self.over)),
            Some(end) => (!is_in || *value > end)
                .then(|| format!("{value} is not above {} and up to {end}", self.over)),
        }
    }
}
reaching!({T: Number} T, Above<T>);

/// Any number that is one: neither infinite nor not-a-number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finite;

/// Any finite number.
pub const fn finite() -> Finite {
    Finite
}

impl Bound<f64> for Finite {
    fn refusal(&self, value: &f64) -> Option<String> {
        (!value.is_finite()).then(|| "not a finite number".to_owned())
    }
}
reaching!({} f64, Finite);

/// Words of which a text is one, whatever their case.
impl<const N: usize> Bound<String> for [&'static str; N] {
    fn refusal(&self, value: &String) -> Option<String> {
        self.as_slice().refusal(value)
    }
}

impl Bound<String> for &[&'static str] {
    fn refusal(&self, value: &String) -> Option<String> {
        not_among(value, self)
    }
}
reaching!({} String, &[&'static str]);

impl<const N: usize> Bound<Option<String>> for [&'static str; N] {
    fn refusal(&self, value: &Option<String>) -> Option<String> {
        self.as_slice().refusal(value)
    }
}

/// Why a text is not one of these words, if it is none.
pub(crate) fn not_among(text: &str, words: &[&str]) -> Option<String> {
    // In any case, as FATE's documents write words in several.
    let is_known = words.iter().any(|word| word.eq_ignore_ascii_case(text));
    (!is_known).then(|| format!("{text:?} is not one of {}", words.join(", ")))
}

/// A text that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled(&'static str);

/// A text that is not empty; `otherwise` says what is missing.
pub const fn filled(otherwise: &'static str) -> Filled {
    Filled(otherwise)
}

impl Bound<String> for Filled {
    fn refusal(&self, value: &String) -> Option<String> {
        value.is_empty().then(|| self.0.to_owned())
    }
}
reaching!({} String, Filled);

/// A text of one ASCII character, or one of a few others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneAscii(&'static [&'static str]);

/// One ASCII character: what separates columns.
pub const fn one_ascii() -> OneAscii {
    OneAscii(&[])
}

/// One ASCII character, or one of these texts.
pub const fn one_ascii_or(others: &'static [&'static str]) -> OneAscii {
    OneAscii(others)
}

impl Bound<String> for OneAscii {
    fn refusal(&self, value: &String) -> Option<String> {
        let is_one = value.len() == 1 && value.is_ascii();
        let is_taken = is_one || self.0.contains(&value.as_str());
        (!is_taken).then(|| format!("{value:?} is not one ASCII character"))
    }
}
reaching!({} String, OneAscii);

/// A flag that must be false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotServed(&'static str);

/// A flag of FATE's for what this program does not do; `why` says so.
pub const fn not_served(why: &'static str) -> NotServed {
    NotServed(why)
}

impl Bound<bool> for NotServed {
    fn refusal(&self, value: &bool) -> Option<String> {
        value.then(|| self.0.to_owned())
    }
}
reaching!({} bool, NotServed);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_says_what_it_lets_through() {
        assert_eq!((1..=3).refusal(&3), None);
        assert_eq!((1..=3).refusal(&4).as_deref(), Some("4 is not in 1 to 3"));
        assert_eq!(
            (0..3).refusal(&3).as_deref(),
            Some("3 is not at least 0 and below 3")
        );
        assert_eq!(
            (0.0..).refusal(&f64::INFINITY).as_deref(),
            Some("inf is below 0")
        );
        assert!((0.0..=1.0).refusal(&f64::NAN).is_some());
        assert_eq!(
            above(0.0).refusal(&0.0).as_deref(),
            Some("0 is not above 0")
        );
        let share = above(0.0).up_to(0.5);
        assert_eq!(
            (share.refusal(&0.5), share.refusal(&0.6).is_some()),
            (None, true)
        );
        assert_eq!(["L1", "L2"].refusal(&"l2".to_owned()), None);
        assert_eq!(
            ["L1", "L2"].refusal(&"l3".to_owned()).as_deref(),
            Some("\"l3\" is not one of L1, L2")
        );
        assert_eq!(
            filled("it has no name").refusal(&String::new()).as_deref(),
            Some("it has no name")
        );
        assert_eq!(one_ascii().refusal(&"\t".to_owned()), None);
        assert!(one_ascii().refusal(&"é".to_owned()).is_some());
        assert!(one_ascii().refusal(&String::new()).is_some());
        assert_eq!(one_ascii_or(&["", "\\t"]).refusal(&"\\t".to_owned()), None);
        assert_eq!(
            not_served("not built").refusal(&true).as_deref(),
            Some("not built")
        );
    }

    #[test]
    fn null_passes_and_what_is_given_is_judged_like_the_default() {
        assert_eq!((1..=3).refusal(&None::<u32>), None);
        assert!((1..=3).refusal(&Some(4_u32)).is_some());
        assert!(finite().refusal(&Given::default_of(f64::NAN)).is_some());
        assert!(above(0).refusal(&Given::default_of(Some(0_i64))).is_some());
    }
}
