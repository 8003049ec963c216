//! Reads the label: a training needs one in every row, an application takes what is there.

use vocabulary::Cell;
use vocabulary::cell::bare;

use crate::error::TableError;
use crate::frame::Cells;
use crate::instances::parse_integers;
use crate::schema::ColumnKind;
use crate::transform::error::TransformError;
use crate::transform::remark::Remark;
use crate::transform::settings::ValueKind;
use crate::values::Values;

type Result<T> = std::result::Result<T, TransformError>;

/// A label column, once all of it was looked at.
pub(crate) struct Label<'a> {
    name: &'a str,
    kind: ValueKind,
    rows: usize,
    gaps: usize,
    first: usize,
}

impl<'a> Label<'a> {
    pub(crate) fn new(name: &'a str, kind: ValueKind) -> Self {
        Self {
            name,
            kind,
            rows: 0,
            gaps: 0,
            first: 0,
        }
    }

    fn is_gap(&self, text: Option<&str>) -> bool {
        match self.kind {
            // Any word may be the name of a class.
            ValueKind::Text => text.is_none_or(|text| bare(text).is_empty()),
            ValueKind::Float | ValueKind::Integer => {
                matches!(Cell::of(text), Cell::Missing | Cell::Infinite)
            }
        }
    }

    /// Counts the rows without a label in the next piece.
    pub(crate) fn look(&mut self, cells: &Cells<'_>) {
        let mut row = self.rows;
        let mut note = |is_gap: bool| {
            if is_gap {
                self.first = if self.gaps == 0 { row } else { self.first };
                self.gaps += 1;
            }
            row += 1;
        };
        match cells.numbers() {
            // A number is a label of any kind, and nothing else is.
            Some(numbers) => numbers.for_each(|number| note(number.is_none())),
            None => {
                let gaps: Vec<bool> = cells
                    .texts()
                    .map(|text| {
                        let probe = Label::new(self.name, self.kind);
                        probe.is_gap(text.as_deref())
                    })
                    .collect();
                gaps.into_iter().for_each(note);
            }
        }
        self.rows = row;
    }

    /// Whether instances have the label, with what is to be said of rows that lack theirs. Where a model is applied, rows may: they
    /// stay without, beside those that have one.
    pub(crate) fn judge(&self, applies: bool) -> Result<(bool, Option<Remark>)> {
        let Self {
            name,
            rows,
            gaps,
            first,
            ..
        } = *self;
        let column = name.to_owned();
        if gaps == 0 {
            return Ok((true, None));
        }
        // To learn without a label is a mistake; to predict rows without one is what predicting is
        // for.
        if !applies {
            return Err(TransformError::LabelGaps {
                column,
                gaps,
                first,
            });
        }
        if gaps == rows {
            return Ok((false, Some(Remark::LabelLeftOut { column, gaps, rows })));
        }
        Ok((true, Some(Remark::LabelGaps { column, gaps, rows })))
    }

    /// How the labels are kept: a column of whole numbers cannot lack one, a column of texts can.
    pub(crate) fn column_kind(&self) -> ColumnKind {
        match self.kind {
            ValueKind::Float => ColumnKind::Float,
            // Integers have no missing value: with gaps the column is text.
            ValueKind::Integer if self.gaps == 0 => ColumnKind::Integer,
            ValueKind::Integer | ValueKind::Text => ColumnKind::Text,
        }
    }

    /// The labels of a piece, after `before` rows.
    pub(crate) fn read(&self, cells: &Cells<'_>, before: usize) -> Result<Values> {
        if let (ValueKind::Float, Some(numbers)) = (self.kind, cells.all_numbers()) {
            return Ok(Values::Float(numbers));
        }
        let known: Vec<Option<String>> = cells
            .texts()
            .map(|text| {
                text.filter(|text| !self.is_gap(Some(text)))
                    .map(|text| text.into_owned())
            })
            .collect();
        Ok(match self.kind {
            ValueKind::Text => Values::Text(known),
            ValueKind::Float => Values::Float(self.floats(&known, before)?),
            ValueKind::Integer if self.gaps == 0 => {
                let wrong = |error| self.wrong(error, before);
                Values::Integer(parse_integers(self.name, &known).map_err(wrong)?)
            }
            ValueKind::Integer => Values::Text(self.whole(&known, before)?),
        })
    }

    fn wrong(&self, error: TableError, before: usize) -> TransformError {
        match error {
            TableError::NotANumber { row, wanted, .. } => self.no_number(before + row, wanted),
            other => other.into(),
        }
    }

    fn no_number(&self, row: usize, wanted: &'static str) -> TransformError {
        TransformError::LabelNotANumber {
            column: self.name.to_owned(),
            row,
            wanted,
        }
    }

    /// Labels as numbers; where there is none, not-a-number stands, which every reader takes for missing.
    fn floats(&self, texts: &[Option<String>], before: usize) -> Result<Vec<f64>> {
        let number = |(row, text): (usize, &Option<String>)| {
            text.as_deref().map_or(Ok(f64::NAN), |text| {
                let number = Cell::of(Some(text)).number();
                number.ok_or_else(|| self.no_number(before + row, "a number"))
            })
        };
        texts.iter().enumerate().map(number).collect()
    }

    /// Whole numbers as texts.
    fn whole(&self, texts: &[Option<String>], before: usize) -> Result<Vec<Option<String>>> {
        let number = |(row, text): (usize, &Option<String>)| {
            let Some(text) = text else { return Ok(None) };
            let read = parse_integers(self.name, &[Some(text.clone())])
                .ok()
                .and_then(|read| read.first().copied());
            read.map(|number| Some(number.to_string()))
                .ok_or_else(|| self.no_number(before + row, "a whole number"))
        };
        texts.iter().enumerate().map(number).collect()
    }
}
