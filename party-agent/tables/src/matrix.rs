//! Columns out of a table: as numbers, as text, as a matrix for mathematics.

use ndarray::Array2;
use vocabulary::Cell;

use crate::error::{Result, TableError};
use crate::frame::Cells;
use crate::instances::{Missing, parse_float};
use crate::table::Table;

impl Table {
    /// A column as numbers, in row order: NaN is missing, and what is infinite is missing, too; text is read with the usual markers.
    pub fn floats(&self, column: &str) -> Result<Vec<f64>> {
        self.floats_with(column, &Missing::default())
    }

    /// A column as numbers; in a text column these markers mean missing.
    pub fn floats_with(&self, column: &str, missing: &Missing) -> Result<Vec<f64>> {
        let wanted = [self.position(column)? + 1];
        let mut numbers = Vec::with_capacity(self.rows());
        for part in 0..self.pieces() {
            let frame = self.load(part, &wanted)?;
            append_floats(&frame.cells(0)?, column, missing, &mut numbers)?;
        }
        Ok(numbers)
    }

    /// A column as text, in row order; numbers are rendered so that they read back the same, missing gives none.
    pub fn texts(&self, column: &str) -> Result<Vec<Option<String>>> {
        let wanted = [self.position(column)? + 1];
        let mut texts = Vec::with_capacity(self.rows());
        for part in 0..self.pieces() {
            let frame = self.load(part, &wanted)?;
            texts.extend(
                frame
                    .cells(0)?
                    .texts()
                    .map(|text| text.map(|text| text.into_owned())),
            );
        }
        Ok(texts)
    }

    /// Several columns as text, each as `texts` gives it. Each partition is opened once for all of them.
    pub fn texts_of(&self, columns: &[&str]) -> Result<Vec<Vec<Option<String>>>> {
        let wanted: Result<Vec<usize>> = columns
            .iter()
            .map(|column| Ok(self.position(column)? + 1))
            .collect();
        let wanted = wanted?;
        let mut all: Vec<_> = columns
            .iter()
            .map(|_| Vec::with_capacity(self.rows()))
            .collect();
        for part in 0..self.pieces() {
            let frame = self.load(part, &wanted)?;
            for (at, texts) in all.iter_mut().enumerate() {
                texts.extend(
                    frame
                        .cells(at)?
                        .texts()
                        .map(|text| text.map(|text| text.into_owned())),
                );
            }
        }
        Ok(all)
    }

    /// Columns as a row-major matrix, rows × columns in the order given; missing is NaN.
    pub fn matrix(&self, columns: &[&str]) -> Result<Array2<f64>> {
        let positions: Result<Vec<usize>> = columns
            .iter()
            .map(|column| Ok(self.position(column)? + 1))
            .collect();
        let (wanted, missing) = (positions?, Missing::default());
        let mut cells = vec![0.0; self.rows() * columns.len()];
        let mut first_row = 0;
        for part in 0..self.pieces() {
            let frame = self.load(part, &wanted)?;
            for (at, column) in columns.iter().enumerate() {
                let mut numbers = Vec::with_capacity(frame.rows());
                append_floats(&frame.cells(at)?, column, &missing, &mut numbers)
                    // A partition counts its rows from 0; people look for the row of the table.
                    .map_err(|error| error.below(first_row))?;
                let places = cells
                    .iter_mut()
                    .skip(first_row * columns.len() + at)
                    .step_by(columns.len().max(1));
                places
                    .zip(numbers)
                    .for_each(|(place, number)| *place = number);
            }
            first_row += frame.rows();
        }
        Array2::from_shape_vec((self.rows(), columns.len()), cells).map_err(|error| {
            TableError::Engine {
                reason: error.to_string(),
            }
        })
    }

    /// The feature columns as a row-major matrix, rows × features; missing is NaN.
    pub fn features_matrix(&self) -> Result<Array2<f64>> {
        self.matrix(&self.schema().features())
    }

    /// The label column as numbers, if there is one.
    pub fn labels(&self) -> Result<Option<Vec<f64>>> {
        self.schema()
            .label()
            .map(|column| self.floats(&column.name))
            .transpose()
    }

    /// The label column as text, if there is one.
    pub fn label_texts(&self) -> Result<Option<Vec<Option<String>>>> {
        self.schema()
            .label()
            .map(|column| self.texts(&column.name))
            .transpose()
    }

    /// The weight column, if there is one.
    pub fn weights(&self) -> Result<Option<Vec<f64>>> {
        self.schema()
            .weight()
            .map(|column| self.floats(&column.name))
            .transpose()
    }
}

fn append_floats(
    cells: &Cells<'_>,
    column: &str,
    missing: &Missing,
    numbers: &mut Vec<f64>,
) -> Result<()> {
    match cells {
        Cells::Float(cells) => {
            let number = |cell: Option<f64>| {
                cell.and_then(|cell| Cell::of_number(cell).number())
                    .unwrap_or(f64::NAN)
            };
            numbers.extend(cells.iter().map(number));
        }
        #[allow(
            clippy::cast_precision_loss,
            reason = "mathematics is done in floating point"
        )]
        Cells::Integer(cells) => numbers.extend(
            cells
                .iter()
                .map(|cell| cell.map_or(f64::NAN, |value| value as f64)),
        ),
        Cells::Text(cells) => {
            for text in cells.iter() {
                let wrong = not_a_number(column, numbers.len());
                numbers.push(parse_float(text, missing).ok_or_else(wrong)?);
            }
        }
        Cells::Fixed(..) | Cells::Short(..) => {
            // The usual case, a plain copy: no marker is a number, so no number can be missing.
            if let Some(all) = cells.all_numbers().filter(|_| !missing.names_numbers()) {
                numbers.extend(all);
                return Ok(());
            }
            let empty = parse_float(Some(""), missing);
            for cell in cells.numbers().into_iter().flatten() {
                let wrong = not_a_number(column, numbers.len());
                numbers.push(match cell {
                    Some(number) if missing.marks_number(number) => f64::NAN,
                    Some(number) => number,
                    None => empty.ok_or_else(wrong)?,
                });
            }
        }
    }
    Ok(())
}

fn not_a_number(column: &str, row: usize) -> impl FnOnce() -> TableError + '_ {
    move || TableError::NotANumber {
        column: column.to_owned(),
        row,
        wanted: "a number",
    }
}
