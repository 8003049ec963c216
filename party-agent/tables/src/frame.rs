//! Columns of equal length in the engine's layout: what a partition is in memory. With `parquet.rs`, the only file that
//! names polars.

use std::borrow::Cow;

use polars::prelude::{
    BooleanChunked, ChunkedArray, DataType, Float64Chunked, IdxCa, IdxSize, Int64Chunked,
    IntoSeries, NewChunkedArray, PlSmallStr, PolarsError, Series, StringChunked,
    StringChunkedBuilder,
};

use crate::error::{Result, TableError};
use crate::schema::ColumnKind;
use crate::table::Values;

pub(crate) fn engine(error: PolarsError) -> TableError {
    TableError::Engine {
        reason: error.to_string(),
    }
}

/// Some columns of some consecutive rows. Columns are known by position; a clone shares the data.
#[derive(Clone)]
pub(crate) struct Frame {
    rows: usize,
    columns: Vec<Series>,
}

/// A column's values, borrowed.
pub(crate) enum Cells<'a> {
    Text(&'a StringChunked),
    Float(&'a Float64Chunked),
    Integer(&'a Int64Chunked),
}

/// Writes a number as text so that reading it gives the same number; missing gives none.
fn float_text(value: f64) -> Option<String> {
    (!value.is_nan()).then(|| format!("{value:?}"))
}

impl Cells<'_> {
    /// Each value as text; missing gives none.
    pub(crate) fn texts(&self) -> Box<dyn Iterator<Item = Option<Cow<'_, str>>> + '_> {
        match self {
            Cells::Text(cells) => Box::new(cells.iter().map(|cell| cell.map(Cow::Borrowed))),
            Cells::Float(cells) => Box::new(
                cells
                    .iter()
                    .map(|cell| cell.and_then(float_text).map(Cow::Owned)),
            ),
            Cells::Integer(cells) => Box::new(
                cells
                    .iter()
                    .map(|cell| cell.map(|value| Cow::Owned(value.to_string()))),
            ),
        }
    }
}

fn series_of(values: Values) -> Series {
    match values {
        Values::Text(texts) => {
            StringChunked::from_slice_options(PlSmallStr::EMPTY, &texts).into_series()
        }
        Values::Float(floats) => Float64Chunked::from_vec(PlSmallStr::EMPTY, floats).into_series(),
        Values::Integer(integers) => {
            Int64Chunked::from_vec(PlSmallStr::EMPTY, integers).into_series()
        }
    }
}

fn indices(rows: &[usize]) -> Result<IdxCa> {
    let numbers: std::result::Result<Vec<IdxSize>, _> =
        rows.iter().map(|row| IdxSize::try_from(*row)).collect();
    let numbers = numbers.map_err(|_| TableError::TooManyRows { rows: rows.len() })?;
    Ok(ChunkedArray::from_vec(PlSmallStr::EMPTY, numbers))
}

impl Frame {
    /// A frame of these columns, which must be equally long.
    pub(crate) fn from_series(rows: usize, columns: Vec<Series>) -> Result<Self> {
        match columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.len() != rows)
        {
            Some((at, column)) => Err(TableError::LengthMismatch {
                column: format!("number {at}"),
                expected: rows,
                found: column.len(),
            }),
            None => Ok(Self { rows, columns }),
        }
    }

    /// A frame of values, which must be equally long.
    pub(crate) fn from_values(rows: usize, values: Vec<Values>) -> Result<Self> {
        Self::from_series(rows, values.into_iter().map(series_of).collect())
    }

    /// A frame without rows.
    pub(crate) fn empty(kinds: &[ColumnKind]) -> Self {
        Self {
            rows: 0,
            columns: kinds
                .iter()
                .map(|kind| series_of(Values::empty(*kind)))
                .collect(),
        }
    }

    /// Bytes that the values take.
    pub(crate) fn bytes(&self) -> u64 {
        self.columns
            .iter()
            .map(|column| column.estimated_size() as u64)
            .sum()
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn series(&self) -> &[Series] {
        &self.columns
    }

    /// How each column is kept.
    pub(crate) fn kinds(&self) -> Result<Vec<ColumnKind>> {
        self.columns.iter().map(kind_of).collect()
    }

    /// A column's values.
    pub(crate) fn cells(&self, column: usize) -> Result<Cells<'_>> {
        let missing = || TableError::Engine {
            reason: format!("column {column} of {} was asked for", self.columns.len()),
        };
        let series = self.columns.get(column).ok_or_else(missing)?;
        match kind_of(series)? {
            ColumnKind::Text => series.str().map(Cells::Text).map_err(engine),
            ColumnKind::Float => series.f64().map(Cells::Float).map_err(engine),
            ColumnKind::Integer => series.i64().map(Cells::Integer).map_err(engine),
        }
    }

    /// The columns at these positions, in this order.
    pub(crate) fn pick(&self, wanted: &[usize]) -> Result<Self> {
        let missing = |at: usize| TableError::Engine {
            reason: format!("column {at} of {} was asked for", self.columns.len()),
        };
        let columns: Result<Vec<Series>> = wanted
            .iter()
            .map(|at| self.columns.get(*at).cloned().ok_or_else(|| missing(*at)))
            .collect();
        Ok(Self {
            rows: self.rows,
            columns: columns?,
        })
    }

    /// Replaces the column at a position by the only column of `other`, or appends it when there is none there.
    pub(crate) fn put(&mut self, at: usize, other: Frame) -> Result<()> {
        if other.rows != self.rows {
            return Err(TableError::LengthMismatch {
                column: format!("number {at}"),
                expected: self.rows,
                found: other.rows,
            });
        }
        match (self.columns.get_mut(at), other.columns.into_iter().next()) {
            (Some(column), Some(series)) => *column = series,
            (None, Some(series)) => self.columns.push(series),
            (_, None) => {}
        }
        Ok(())
    }

    /// Consecutive rows; shares the data.
    pub(crate) fn slice(&self, start: usize, rows: usize) -> Self {
        let start = start.min(self.rows);
        let rows = rows.min(self.rows - start);
        let offset = i64::try_from(start).unwrap_or(i64::MAX);
        Self {
            rows,
            columns: self
                .columns
                .iter()
                .map(|column| column.slice(offset, rows))
                .collect(),
        }
    }

    /// The rows of these numbers, in this order; numbers must be below `rows()`.
    pub(crate) fn take(&self, rows: &[usize]) -> Result<Self> {
        if let Some(row) = rows.iter().find(|row| **row >= self.rows) {
            return Err(TableError::RowMissing {
                row: *row,
                rows: self.rows,
            });
        }
        let numbers = indices(rows)?;
        let columns: std::result::Result<Vec<Series>, _> = self
            .columns
            .iter()
            .map(|column| column.rechunk().take(&numbers))
            .collect();
        Ok(Self {
            rows: rows.len(),
            columns: columns.map_err(engine)?,
        })
    }

    /// The rows for which `keep` is true; `keep` must be as long as the frame.
    pub(crate) fn filter(&self, keep: &[bool]) -> Result<Self> {
        let mask = BooleanChunked::from_slice(PlSmallStr::EMPTY, keep);
        let columns: std::result::Result<Vec<Series>, _> = self
            .columns
            .iter()
            .map(|column| column.filter(&mask))
            .collect();
        Self::from_series(
            keep.iter().filter(|kept| **kept).count(),
            columns.map_err(engine)?,
        )
    }

    /// Appends the rows of a frame with the same columns.
    pub(crate) fn append(&mut self, other: &Frame) -> Result<()> {
        if self.columns.len() != other.columns.len() {
            return Err(TableError::Engine {
                reason: format!(
                    "{} columns under {}",
                    other.columns.len(),
                    self.columns.len()
                ),
            });
        }
        for (own, more) in self.columns.iter_mut().zip(&other.columns) {
            own.append(more).map_err(engine)?;
        }
        self.rows += other.rows;
        Ok(())
    }
}

/// How a column of the engine is kept in our words.
pub(crate) fn kind_of(series: &Series) -> Result<ColumnKind> {
    match series.dtype() {
        DataType::String => Ok(ColumnKind::Text),
        DataType::Float64 => Ok(ColumnKind::Float),
        DataType::Int64 => Ok(ColumnKind::Integer),
        other => Err(TableError::Damaged {
            reason: format!("a column is kept as {other}"),
        }),
    }
}

/// Collects rows of text without one allocation per value.
pub(crate) struct TextBuilder {
    rows: usize,
    columns: Vec<StringChunkedBuilder>,
}

impl TextBuilder {
    pub(crate) fn new(columns: usize, capacity: usize) -> Self {
        let builder = |_| StringChunkedBuilder::new(PlSmallStr::EMPTY, capacity);
        Self {
            rows: 0,
            columns: (0..columns).map(builder).collect(),
        }
    }

    /// Adds a row of exactly as many values as there are columns; fewer leave the rest empty.
    pub(crate) fn push<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        let mut values = values.into_iter();
        for column in &mut self.columns {
            column.append_value(values.next().unwrap_or_default());
        }
        self.rows += 1;
    }

    pub(crate) fn finish(self) -> Result<Frame> {
        Frame::from_series(
            self.rows,
            self.columns
                .into_iter()
                .map(|column| column.finish().into_series())
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(frame: &Frame, column: usize) -> Vec<Option<String>> {
        frame
            .cells(column)
            .expect("cells")
            .texts()
            .map(|text| text.map(Cow::into_owned))
            .collect()
    }

    #[test]
    fn renders_numbers_so_that_they_read_back() {
        let frame = Frame::from_values(4, vec![Values::Float(vec![1.0, f64::NAN, 0.1, 1e300])])
            .expect("frame");
        assert_eq!(
            texts(&frame, 0),
            [
                Some("1.0".into()),
                None,
                Some("0.1".into()),
                Some("1e300".into())
            ]
        );
    }

    #[test]
    fn refuses_columns_of_unequal_length() {
        let values = vec![Values::Integer(vec![1, 2]), Values::Float(vec![0.0])];
        assert!(matches!(
            Frame::from_values(2, values),
            Err(TableError::LengthMismatch {
                expected: 2,
                found: 1,
                ..
            })
        ));
    }

    #[test]
    fn takes_and_filters_rows_across_appended_pieces() {
        let mut frame = Frame::from_values(2, vec![Values::Integer(vec![1, 2])]).expect("frame");
        frame
            .append(&Frame::from_values(1, vec![Values::Integer(vec![3])]).expect("frame"))
            .expect("append");
        assert_eq!(
            texts(&frame.take(&[2, 0, 2]).expect("take"), 0),
            [Some("3".into()), Some("1".into()), Some("3".into())]
        );
        assert_eq!(
            texts(&frame.filter(&[false, true, true]).expect("filter"), 0),
            [Some("2".into()), Some("3".into())]
        );
        assert!(frame.take(&[3]).is_err());
        assert_eq!(frame.filter(&[false; 3]).expect("filter").rows(), 0);
    }

    #[test]
    fn keeps_the_kinds_of_an_empty_frame() {
        let kinds = [ColumnKind::Text, ColumnKind::Float, ColumnKind::Integer];
        assert_eq!(Frame::empty(&kinds).kinds().expect("kinds"), kinds);
    }
}
