//! The one idea of what a text says where a number is wanted: a number, no value, or an infinite one, which counts as none. Every
//! component reads numbers by it, so that no two of them see another table.

/// Words that mean "no value", whatever their case, the space around them, and the sign before `nan`.
const NO_VALUE: [&str; 5] = ["", "null", "none", "na", "nan"];

/// What a text says where a number is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// A finite number.
    Number(f64),
    /// No value: nothing at all, a word that means so, or not-a-number however it is written.
    Missing,
    /// A number beyond all bounds (`inf`, `-Infinity`, `1e999`). It counts as missing, and people are told of it.
    Infinite,
    /// Anything else.
    Text,
}

impl Cell {
    /// Reads a text; none is a missing value.
    pub fn of(text: Option<&str>) -> Self {
        match text {
            Some(text) if !means_no_value(text) => Self::spelled(text),
            _ => Self::Missing,
        }
    }

    /// Reads a text in which only not-a-number means "no value": where people list the words themselves.
    pub fn spelled(text: &str) -> Self {
        match bare(text).parse::<f64>() {
            Ok(number) => Self::of_number(number),
            Err(_) if is_nan(bare(text)) => Self::Missing,
            Err(_) => Self::Text,
        }
    }

    /// The same of what is a number already.
    pub fn of_number(number: f64) -> Self {
        if number.is_nan() {
            Self::Missing
        } else if number.is_infinite() {
            Self::Infinite
        } else {
            Self::Number(number)
        }
    }

    /// The number, where there is one.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Missing | Self::Infinite | Self::Text => None,
        }
    }
}

/// Whether a text means "no value".
pub fn means_no_value(text: &str) -> bool {
    let text = bare(text);
    NO_VALUE.iter().any(|word| word.eq_ignore_ascii_case(text)) || is_nan(text)
}

/// A text without the space around it; marks that files begin with, and that cannot be seen, are space.
pub fn bare(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace() || matches!(character, '\u{feff}' | '\u{200b}')
    })
}

/// `nan`, `-NaN`, `+nan`, and `nan(ind)` as some compilers print it.
fn is_nan(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (Some(head), Some(tail)) = (text.get(..3), text.get(3..)) else {
        return false;
    };
    let tail_fits = tail.is_empty() || (tail.starts_with('(') && tail.ends_with(')'));
    head.eq_ignore_ascii_case("nan") && tail_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_a_number_is_missing_however_it_is_written() {
        for text in [
            "NaN",
            "NAN",
            "Nan",
            "nan",
            "-nan",
            "+NaN",
            "-NAN",
            "nan ",
            "\tnan",
            "nan(ind)",
            "-nan(snan)",
        ] {
            assert_eq!(Cell::of(Some(text)), Cell::Missing, "{text:?}");
            assert_eq!(
                Cell::spelled(text),
                Cell::Missing,
                "{text:?} is not a number, whatever words are listed"
            );
        }
        for text in [
            "", " ", "NULL", "Null", "null", "NA", "na", "Na ", "none", "NONE", "\u{a0}NA",
            "\u{feff}",
        ] {
            assert_eq!(Cell::of(Some(text)), Cell::Missing, "{text:?}");
            assert_eq!(
                Cell::spelled(text),
                Cell::Text,
                "{text:?} is a word, which is missing where it is listed"
            );
        }
        assert_eq!(Cell::of(None), Cell::Missing);
    }

    #[test]
    fn infinite_is_what_no_number_holds() {
        for text in [
            "inf",
            "-inf",
            "+Inf",
            "INF ",
            "Infinity",
            "-infinity",
            "1e999",
            "-1e309",
        ] {
            assert_eq!(Cell::of(Some(text)), Cell::Infinite, "{text:?}");
            assert_eq!(Cell::of(Some(text)).number(), None);
        }
        assert_eq!(Cell::of_number(f64::NEG_INFINITY), Cell::Infinite);
        assert_eq!(Cell::of_number(f64::NAN), Cell::Missing);
    }

    #[test]
    fn everything_else_is_a_number_or_text() {
        for (text, number) in [
            ("1", 1.0),
            (" -2.5 ", -2.5),
            ("+1e3", 1000.0),
            (".5", 0.5),
            ("1e-999", 0.0),
        ] {
            assert_eq!(Cell::of(Some(text)), Cell::Number(number), "{text:?}");
        }
        for text in [
            "nano", "nan1", "infinite", "1,5", "N/A", "?", "näh", "1 2", "0x1f", "na n",
        ] {
            assert_eq!(Cell::of(Some(text)), Cell::Text, "{text:?}");
        }
    }
}
