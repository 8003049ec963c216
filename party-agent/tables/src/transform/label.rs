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
    Labels(Values),
    LeftOut(Remark),
}

/// Labels of a kind. Where a model is applied, rows may lack theirs: then the instances have no label.
pub(crate) fn read((name, texts): &TextColumn, kind: ValueKind, applies: bool) -> Result<Read> {
    let is_gap = |text: &Option<String>| match kind {
        // Any word may be the name of a class.
        ValueKind::Text => text.as_deref().is_none_or(|text| bare(text).is_empty()),
        ValueKind::Float | ValueKind::Integer => matches!(Cell::of(text.as_deref()), Cell::Missing | Cell::Infinite),
    };
    if let Some(first) = texts.iter().position(is_gap) {
        let gaps = texts.iter().filter(|text| is_gap(text)).count();
        if applies {
            let column = name.clone();
            return Ok(Read::LeftOut(Remark::LabelLeftOut { column, gaps, rows: texts.len() }));
        }
        return Err(TransformError::LabelGaps { column: name.clone(), gaps, first });
    }
    let wrong = |error| match error {
        TableError::NotANumber { column, row, wanted } => TransformError::LabelNotANumber { column, row, wanted },
        other => other.into(),
    };
    Ok(Read::Labels(match kind {
        ValueKind::Float => Values::Float(floats(name, texts).map_err(wrong)?),
        ValueKind::Integer => Values::Integer(parse_integers(name, texts).map_err(wrong)?),
        ValueKind::Text => Values::Text(texts.clone()),
    }))
}

fn floats(column: &str, texts: &[Option<String>]) -> std::result::Result<Vec<f64>, TableError> {
    let number = |(row, text): (usize, &Option<String>)| {
        let wrong = || TableError::NotANumber { column: column.to_owned(), row, wanted: "a number" };
        Cell::of(text.as_deref()).number().ok_or_else(wrong)
    };
    texts.iter().enumerate().map(number).collect()
}
