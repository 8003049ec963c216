//! What the macros of [`params!`](crate::params) and [`words!`](crate::words) call. Not for other use.

use std::fmt::Display;

pub use {schemars, serde};

use serde::{Deserialize, Deserializer, de};

use crate::bounds::{Bound, not_among};
use crate::given::Given;
use crate::lenient::Flag;
use crate::params::{Check, Problems};
use crate::word::Word;

/// What a default may be written as: the value itself, or what stands for it in source.
pub trait DefaultOf<T> {
    /// The value.
    fn value(self) -> T;
}

impl<T> DefaultOf<T> for T {
    fn value(self) -> T {
        self
    }
}

impl DefaultOf<String> for &'static str {
    fn value(self) -> String {
        self.to_owned()
    }
}

impl DefaultOf<Option<String>> for &'static str {
    fn value(self) -> Option<String> {
        Some(self.to_owned())
    }
}

impl<const N: usize> DefaultOf<Vec<String>> for [&'static str; N] {
    fn value(self) -> Vec<String> {
        self.map(str::to_owned).into()
    }
}

impl<T> DefaultOf<Given<T>> for T {
    fn value(self) -> Given<T> {
        Given::default_of(self)
    }
}

impl<T> DefaultOf<Word<T>> for T {
    fn value(self) -> Word<T> {
        Word(self)
    }
}

impl<T> DefaultOf<Option<Word<T>>> for T {
    fn value(self) -> Option<Word<T>> {
        Some(Word(self))
    }
}

impl<const NULL: bool> DefaultOf<Flag<NULL>> for bool {
    fn value(self) -> Flag<NULL> {
        Flag(self)
    }
}

/// The value that a default stands for.
pub fn value<T>(default: impl DefaultOf<T>) -> T {
    default.value()
}

/// A field that may be an object which checks itself. Which of the two traits below applies is found by the compiler: the one
/// with fewer references, if it can.
pub struct Field<'a, T>(pub &'a T);

/// A field that checks itself.
pub trait ChecksItself {
    /// Checks it under its name.
    fn check_field(&self, name: &str, problems: &mut Problems);
}

impl<T: Check> ChecksItself for Field<'_, T> {
    fn check_field(&self, name: &str, problems: &mut Problems) {
        problems.within(name, |problems| self.0.check(problems));
    }
}

/// A field that has no check of its own.
pub trait ChecksNothing {
    /// Checks nothing.
    fn check_field(&self, _name: &str, _problems: &mut Problems) {}
}

// A reference further away than the trait above: a call finds this one only where the type has no
// checks.
impl<T> ChecksNothing for &Field<'_, T> {}

impl<T: Check> Check for Given<T> {
    fn check(&self, problems: &mut Problems) {
        self.value().check(problems);
    }
}

impl<T: Check> Check for Option<T> {
    fn check(&self, problems: &mut Problems) {
        self.iter().for_each(|value| value.check(problems));
    }
}

impl<T: Check> Check for Vec<T> {
    fn check(&self, problems: &mut Problems) {
        for (at, value) in self.iter().enumerate() {
            problems.within(&format!("[{at}]"), |problems| value.check(problems));
        }
    }
}

impl Problems {
    /// Notes what a bound refuses.
    pub fn bounded<T>(&mut self, path: &str, value: &T, bound: &impl Bound<T>) {
        if let Some(refusal) = bound.refusal(value) {
            self.expect(false, path, || refusal);
        }
    }

    /// Notes what a check of one value finds.
    pub fn judged<T, U, E: Display>(
        &mut self,
        path: &str,
        value: &T,
        judge: impl Fn(&T) -> Result<U, E>,
    ) {
        if let Err(error) = judge(value) {
            self.expect(false, path, || error.to_string());
        }
    }
}

/// Reads one of these words, in any case.
pub fn word<'de, T: Copy, D: Deserializer<'de>>(
    from: D,
    words: &[(&str, T)],
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    let found = words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(&text));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        de::Error::custom(not_among(&text, &words).unwrap_or_default())
    })
}
