//! Numbers as they are written: which texts of a column can be kept as numbers, because each is given back to the byte.

use polars::prelude::{
    ChunkedArray, Float64Chunked, Int64Chunked, IntoSeries, NewChunkedArray, PlSmallStr, Series,
    StringChunkedBuilder,
};

/// How a column of the engine stands for the values of a table's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// It is the values.
    Plain,
    /// Whole numbers stand for texts with so many digits after the point: `1.50` with two is 150. A gap stands for empty text.
    Fixed(u8),
    /// Numbers stand for the shortest text that reads back as the number, without an exponent: `2`, `0.25`. A gap stands for empty
    /// text.
    Short,
    /// Numbers stand for the same with a point in whole numbers, and an exponent for the very small and large: `2.0`, `1e-05`. A gap
    /// stands for empty text.
    Pointed,
}

/// Digits after the point up to which a power of ten is exact.
const MOST_DIGITS: u8 = 22;
/// Whole numbers below are exact in floating point, and so is what they come to divided by an exact power of ten.
const EXACT: u64 = 1 << 53;
/// Numbers of up to 15 digits are the shortest text of what they read as.
const SHORTEST: u64 = 1_000_000_000_000_000;

const POWERS: [f64; MOST_DIGITS as usize + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

impl Form {
    /// How a file calls it, behind a column's name.
    pub(crate) fn mark(self) -> String {
        match self {
            Form::Plain => String::new(),
            Form::Fixed(digits) => format!(":f{digits}"),
            Form::Short => ":s".to_owned(),
            Form::Pointed => ":p".to_owned(),
        }
    }

    /// The form that a file names.
    pub(crate) fn of_mark(mark: &str) -> Option<Self> {
        match mark {
            "" => Some(Form::Plain),
            ":s" => Some(Form::Short),
            ":p" => Some(Form::Pointed),
            _ => {
                let digits = mark.strip_prefix(":f")?.parse().ok()?;
                (digits <= MOST_DIGITS).then_some(Form::Fixed(digits))
            }
        }
    }
}

/// The power of ten that a number with these digits after the point is divided by.
#[allow(
    clippy::expect_used,
    reason = "a form has no more digits: texts with more are no fixed numbers, and marks that say so are refused"
)]
fn power(digits: u8) -> f64 {
    *POWERS
        .get(usize::from(digits))
        .expect("a form has at most 22 digits after the point")
}

/// What a fixed number is, correctly rounded: the same as reading its text gives.
#[allow(clippy::cast_precision_loss, reason = "it is below 2^53")]
pub(crate) fn fixed_value(number: i64, digits: u8) -> f64 {
    number as f64 / power(digits)
}

/// Reads a text as a whole number and the digits after its point, if exactly this text is written of them.
fn fixed(text: &str) -> Option<(i64, u8)> {
    let bytes = text.as_bytes();
    let (negative, bytes) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, bytes),
    };
    // A number below 2^53 has 16 digits at most; zeros before them may come after the point only.
    if bytes.len() > usize::from(MOST_DIGITS) + 2 {
        return None;
    }
    let (mut number, mut point) = (0_u64, None);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                number = number
                    .checked_mul(10)?
                    .checked_add(u64::from(byte - b'0'))?
            }
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let whole = point.unwrap_or(bytes.len());
    let after = point.map_or(0, |point| bytes.len() - point - 1);
    // "007" is a code and no number: it must come back with its zeros.
    let led_by_zero = whole > 1 && bytes.first() == Some(&b'0');
    let is_kept = whole > 0
        && (point.is_none() || after > 0)
        && !led_by_zero
        && number < EXACT
        // "-0" reads as a number and would come back as "0".
        && !(negative && number == 0);
    let (number, after) = (i64::try_from(number).ok()?, u8::try_from(after).ok()?);
    let signed = if negative { -number } else { number };
    (is_kept && after <= MOST_DIGITS).then_some((signed, after))
}

/// Writes a whole number with so many digits after the point.
pub(crate) fn push_fixed(number: i64, digits: u8, text: &mut String) {
    if number < 0 {
        text.push('-');
    }
    let (mut rest, mut places) = (number.unsigned_abs(), [b'0'; 48]);
    let (mut start, digits) = (places.len(), usize::from(digits.min(MOST_DIGITS)));
    let mut written = 0;
    while rest > 0 || written <= digits {
        if written == digits && digits > 0 {
            start -= 1;
            if let Some(place) = places.get_mut(start) {
                *place = b'.';
            }
        }
        start -= 1;
        if let Some(place) = places.get_mut(start) {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        }
        rest /= 10;
        written += 1;
    }
    let written = places.get(start..).unwrap_or_default();
    text.push_str(std::str::from_utf8(written).unwrap_or_default());
}

/// Writes a number in a form of shortest texts: of those that read back as it the closest, and of two that are as close the even one.
/// Files stand for what this writes: it may never write anything else.
pub(crate) fn push_short(number: f64, form: Form, text: &mut String) {
    with_short(number, form, |short| text.push_str(short));
}

/// Hands out the same text.
pub(crate) fn with_short<T>(number: f64, form: Form, take: impl FnOnce(&str) -> T) -> T {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(number);
    // Where both forms, and what was written, have a point and no exponent.
    if number == 0.0 || (1e-4..1e15).contains(&number.abs()) {
        let whole = text.strip_suffix(".0").filter(|_| form == Form::Short);
        take(whole.unwrap_or(text))
    } else {
        take(&laid_out(text, form))
    }
}

/// The digits of a very small or large number as a form has them.
fn laid_out(text: &str, form: Form) -> String {
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text), |text| ("-", text));
    let (digits, power) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    let digits = all.trim_start_matches('0');
    // The number is 0.digits times ten to this power.
    let point = [whole.len(), all.len() - digits.len()].map(|length| length as i64);
    let point = point[0] - point[1] + power.parse::<i64>().unwrap_or_default();
    let digits = digits.trim_end_matches('0');
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let (first, others) = digits.split_at(digits.len().min(1));
    let length = digits.len() as i64;
    let is_large = point > 0 && (form == Form::Short || point <= 16);
    match form {
        Form::Pointed if !is_large => {
            let dot = if others.is_empty() { "" } else { "." };
            let way = if point > 0 { '+' } else { '-' };
            format!("{sign}{first}{dot}{others}e{way}{:02}", (point - 1).abs())
        }
        _ if point <= 0 => format!("{sign}0.{}{digits}", zeros(-point)),
        _ if point >= length => {
            let end = if form == Form::Pointed { ".0" } else { "" };
            format!("{sign}{digits}{}{end}", zeros(point - length))
        }
        _ => {
            let (whole, part) = digits.split_at(usize::try_from(point).unwrap_or_default());
            format!("{sign}{whole}.{part}")
        }
    }
}

/// Reads a text as a number, if exactly this text is written of it in a form of shortest texts.
fn short(text: &str, form: Form) -> Option<f64> {
    /// Texts of more are of more than 15 digits, or of zeros before them.
    const FEW: usize = 17;
    let pointed = form == Form::Pointed;
    if text.len() <= FEW
        && let Some((number, digits)) = fixed(text)
        && number.unsigned_abs() < SHORTEST
    {
        let value = fixed_value(number, digits);
        let trailing_zero = number % 10 == 0;
        let is_shortest = match (pointed, digits) {
            (false, 0) | (true, 1) => true,
            (true, 0) => false,
            _ => !trailing_zero,
        };
        let is_small = pointed && number != 0 && value.abs() < 1e-4;
        return (is_shortest && !is_small).then_some(value);
    }
    if text.len() > 32 || !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Written again and compared: a text is kept as a number only where not one byte is lost.
    let is_same = value.is_finite() && with_short(value, form, |again| again == text);
    is_same.then_some(value)
}

/// The values of a column that is being built.
enum Values {
    Fixed(Vec<i64>, u8),
    Short(Vec<f64>, Form),
    Text(StringChunkedBuilder),
}

/// Takes the texts of a column and keeps them as numbers as long as that gives each of them back.
pub(crate) struct ColumnBuilder {
    capacity: usize,
    rows: usize,
    /// Empty texts before the first that is not.
    values: Option<Values>,
    /// Which rows are empty, once one among numbers is.
    gaps: Option<Vec<bool>>,
}

impl ColumnBuilder {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            rows: 0,
            values: None,
            gaps: None,
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        let fits = match &mut self.values {
            Some(Values::Text(texts)) => {
                texts.append_value(text);
                true
            }
            _ if text.is_empty() => {
                self.gap();
                true
            }
            Some(Values::Fixed(numbers, digits)) => match fixed(text) {
                Some((number, found)) if found == *digits => {
                    numbers.push(number);
                    true
                }
                _ => false,
            },
            Some(Values::Short(numbers, form)) => match short(text, *form) {
                Some(number) => {
                    numbers.push(number);
                    true
                }
                None => false,
            },
            None => false,
        };
        if !fits {
            self.values = Some(self.widened(text));
        }
        self.rows += 1;
        if let (Some(gaps), true) = (&mut self.gaps, !(fits && text.is_empty())) {
            gaps.resize(self.rows, false);
        }
    }

    /// The same of a value that may be missing. Missing is not empty text, and so what follows is kept as text.
    pub(crate) fn push_option(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            return self.push(text);
        }
        if !matches!(self.values, Some(Values::Text(_))) {
            self.values = Some(Values::Text(self.spelled_out()));
        }
        if let Some(Values::Text(texts)) = &mut self.values {
            texts.append_null();
        }
        self.rows += 1;
    }

    /// Notes an empty text.
    fn gap(&mut self) {
        let gaps = self
            .gaps
            .get_or_insert_with(|| Vec::with_capacity(self.capacity));
        gaps.resize(self.rows, false);
        gaps.push(true);
        match &mut self.values {
            Some(Values::Fixed(numbers, _)) => numbers.push(0),
            Some(Values::Short(numbers, _)) => numbers.push(0.0),
            Some(Values::Text(_)) | None => {}
        }
    }

    /// The values so far and one more, in the first form that fits all.
    fn widened(&self, text: &str) -> Values {
        if self.values.is_none()
            && let Some((number, digits)) = fixed(text)
        {
            let mut numbers = Vec::with_capacity(self.capacity);
            numbers.resize(self.rows, 0);
            numbers.push(number);
            return Values::Fixed(numbers, digits);
        }
        for form in [Form::Short, Form::Pointed] {
            let numbers = short(text, form).and_then(|last| {
                let mut numbers = self.numbers_in(form)?;
                numbers.push(last);
                Some(numbers)
            });
            if let Some(numbers) = numbers {
                return Values::Short(numbers, form);
            }
        }
        let mut texts = self.spelled_out();
        texts.append_value(text);
        Values::Text(texts)
    }

    /// The values so far as text.
    fn spelled_out(&self) -> StringChunkedBuilder {
        let mut texts = StringChunkedBuilder::new(PlSmallStr::EMPTY, self.capacity);
        let mut buffer = String::new();
        for row in 0..self.rows {
            self.text_at(row, &mut buffer);
            texts.append_value(&buffer);
        }
        texts
    }

    /// The numbers so far in a form of shortest texts, if all fit.
    fn numbers_in(&self, form: Form) -> Option<Vec<f64>> {
        let mut numbers = Vec::with_capacity(self.capacity);
        let mut buffer = String::new();
        for row in 0..self.rows {
            self.text_at(row, &mut buffer);
            numbers.push(if buffer.is_empty() {
                0.0
            } else {
                short(&buffer, form)?
            });
        }
        Some(numbers)
    }

    /// The text of a row among numbers.
    fn text_at(&self, row: usize, text: &mut String) {
        text.clear();
        let is_gap = self.gaps.as_ref().and_then(|gaps| gaps.get(row)).copied();
        match &self.values {
            _ if is_gap == Some(true) => {}
            Some(Values::Fixed(numbers, digits)) => {
                numbers
                    .get(row)
                    .into_iter()
                    .for_each(|number| push_fixed(*number, *digits, text));
            }
            Some(Values::Short(numbers, form)) => {
                numbers
                    .get(row)
                    .into_iter()
                    .for_each(|number| push_short(*number, *form, text));
            }
            Some(Values::Text(_)) | None => {}
        }
    }

    /// The column in a form; none where that does not give each text back. A column of empty texts fits any.
    pub(crate) fn finish_as(self, form: Form) -> Option<(Series, Form)> {
        let found = match &self.values {
            Some(Values::Text(_)) => Form::Plain,
            Some(Values::Fixed(_, digits)) => Form::Fixed(*digits),
            Some(Values::Short(_, form)) => *form,
            None => {
                let gaps = vec![true; self.rows];
                let series = match form {
                    Form::Plain => return None,
                    Form::Fixed(_) => integers(vec![0; self.rows], Some(&gaps)),
                    Form::Short | Form::Pointed => floats(vec![0.0; self.rows], Some(&gaps)),
                };
                return Some((series, form));
            }
        };
        if form != found && matches!(form, Form::Short | Form::Pointed) && found != Form::Plain {
            let numbers = self.numbers_in(form)?;
            return Some((floats(numbers, self.gaps.as_deref()), form));
        }
        (form == found).then(|| self.finish())
    }

    /// The column, and how it stands for its texts.
    pub(crate) fn finish(self) -> (Series, Form) {
        let gaps = self.gaps.as_deref();
        match self.values {
            Some(Values::Text(texts)) => (texts.finish().into_series(), Form::Plain),
            Some(Values::Fixed(numbers, digits)) => (integers(numbers, gaps), Form::Fixed(digits)),
            Some(Values::Short(numbers, form)) => (floats(numbers, gaps), form),
            None => {
                let none = std::iter::repeat_n(None, self.rows);
                let none: Int64Chunked = ChunkedArray::from_iter_options(PlSmallStr::EMPTY, none);
                (none.into_series(), Form::Fixed(0))
            }
        }
    }
}

fn integers(numbers: Vec<i64>, gaps: Option<&[bool]>) -> Series {
    match gaps {
        None => Int64Chunked::from_vec(PlSmallStr::EMPTY, numbers).into_series(),
        Some(gaps) => {
            Int64Chunked::from_iter_options(PlSmallStr::EMPTY, kept(numbers, gaps)).into_series()
        }
    }
}

fn floats(numbers: Vec<f64>, gaps: Option<&[bool]>) -> Series {
    match gaps {
        None => Float64Chunked::from_vec(PlSmallStr::EMPTY, numbers).into_series(),
        Some(gaps) => {
            Float64Chunked::from_iter_options(PlSmallStr::EMPTY, kept(numbers, gaps)).into_series()
        }
    }
}

fn kept<T>(numbers: Vec<T>, gaps: &[bool]) -> impl Iterator<Item = Option<T>> {
    let gaps = gaps.iter().copied().chain(std::iter::repeat(false));
    numbers
        .into_iter()
        .zip(gaps)
        .map(|(number, is_gap)| (!is_gap).then_some(number))
}

#[cfg(test)]
#[path = "written_tests.rs"]
mod tests;
