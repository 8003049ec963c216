//! Reads the label: a training needs one in every row, an application takes what is there.

use vocabulary::Cell;
use vocabulary::cell::bare;

use crate::error::TableError;
use crate::instances::parse_integers;
use crate::table::Values;
use crate::transform::error::TransformError;
use crate::transform::layout::TextColumn;
use crate::transform::remark::Remark;
use crate::transform::settings::ValueKind;

type Result<T> = std::result::Result<T, TransformError>;

/// The labels, or why there are none.
pub(crate) enum Read {
    /// With what is to be said of rows that lack theirs.
    Labels(Values, Option<Remark>),
    LeftOut(Remark),
}

/// Labels of a kind. Where a model is applied, rows may lack theirs: they stay without, beside those that have one.
pub(crate) fn read((name, texts): &TextColumn, kind: ValueKind, applies: bool) -> Result<Read> {
    let is_gap = |text: &Option<String>| match kind {
        // Any word may be the name of a class.
        ValueKind::Text => text.as_deref().is_none_or(|text| bare(text).is_empty()),
        ValueKind::Float | ValueKind::Integer => {
            matches!(Cell::of(text.as_deref()), Cell::Missing | Cell::Infinite)
        }
    };
    let Some(first) = texts.iter().position(is_gap) else {
        let labels = match kind {
            ValueKind::Float => Values::Float(floats(name, texts)?),
            ValueKind::Integer => Values::Integer(parse_integers(name, texts).map_err(wrong)?),
            ValueKind::Text => Values::Text(texts.clone()),
        };
        return Ok(Read::Labels(labels, None));
    };
    let (gaps, rows) = (
        texts.iter().filter(|text| is_gap(text)).count(),
        texts.len(),
    );
    let column = name.clone();
    if !applies {
        return Err(TransformError::LabelGaps {
            column,
            gaps,
            first,
        });
    }
    if gaps == rows {
        return Ok(Read::LeftOut(Remark::LabelLeftOut { column, gaps, rows }));
    }
    let known: Vec<Option<String>> = texts
        .iter()
        .map(|text| text.clone().filter(|_| !is_gap(text)))
        .collect();
    let labels = match kind {
        ValueKind::Float => Values::Float(floats(name, &known)?),
        ValueKind::Integer => Values::Text(whole(name, &known)?),
        ValueKind::Text => Values::Text(known),
    };
    Ok(Read::Labels(
        labels,
        Some(Remark::LabelGaps { column, gaps, rows }),
    ))
}

fn wrong(error: TableError) -> TransformError {
    match error {
        TableError::NotANumber {
            column,
            row,
            wanted,
        } => TransformError::LabelNotANumber {
            column,
            row,
            wanted,
        },
        other => other.into(),
    }
}

/// Labels as numbers; where there is none, not-a-number stands, which every reader takes for missing.
fn floats(column: &str, texts: &[Option<String>]) -> Result<Vec<f64>> {
    let number = |(row, text): (usize, &Option<String>)| {
        let wrong = || TransformError::LabelNotANumber {
            column: column.to_owned(),
            row,
            wanted: "a number",
        };
        text.as_deref().map_or(Ok(f64::NAN), |text| {
            Cell::of(Some(text)).number().ok_or_else(wrong)
        })
    };
    texts.iter().enumerate().map(number).collect()
}

/// Whole numbers as texts: a column of whole numbers cannot lack one, a column of texts can.
fn whole(column: &str, texts: &[Option<String>]) -> Result<Vec<Option<String>>> {
    let number = |(row, text): (usize, &Option<String>)| {
        let Some(text) = text else { return Ok(None) };
        let read = parse_integers(column, &[Some(text.clone())])
            .ok()
            .and_then(|read| read.first().copied());
        let wrong = || TransformError::LabelNotANumber {
            column: column.to_owned(),
            row,
            wanted: "a whole number",
        };
        read.map(|number| Some(number.to_string()))
            .ok_or_else(wrong)
    };
    texts.iter().enumerate().map(number).collect()
}
