//! Columns of equal length in the engine's layout: what a partition is in memory. With `parquet.rs` and `written.rs`, the
//! only file that names polars.

use std::borrow::Cow;

use polars::prelude::{
    BooleanChunked, ChunkedArray, DataType, Float64Chunked, IdxCa, IdxSize, Int64Chunked,
    IntoSeries, NewChunkedArray, PlSmallStr, PolarsError, Series, StringChunked,
    StringChunkedBuilder,
};
use rayon::prelude::*;

use crate::error::{Result, TableError};
use crate::schema::ColumnKind;
use crate::values::Values;
use crate::written::{ColumnBuilder, Form, fixed_value, push_fixed, push_short, with_short};

pub(crate) fn engine(error: PolarsError) -> TableError {
    TableError::Engine {
        reason: error.to_string(),
    }
}

/// A column in the engine's layout, and how it stands for the values.
#[derive(Clone)]
pub(crate) struct ColumnData {
    pub(crate) series: Series,
    pub(crate) form: Form,
}

/// Some columns of some consecutive rows. Columns are known by position; a clone shares the data.
#[derive(Clone)]
pub(crate) struct Frame {
    rows: usize,
    columns: Vec<ColumnData>,
}

/// A column's values, borrowed.
pub(crate) enum Cells<'a> {
    Text(&'a StringChunked),
    Float(&'a Float64Chunked),
    Integer(&'a Int64Chunked),
    /// Text, kept as whole numbers with so many digits after the point.
    Fixed(&'a Int64Chunked, u8),
    /// Text, kept as the numbers that read from it.
    Short(&'a Float64Chunked, Form),
}

/// Writes a number as text so that reading it gives the same number; missing gives none.
fn float_text(value: f64) -> Option<String> {
    // `Debug` gives the shortest text that reads back as the same number, and always a point.
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
            Cells::Fixed(cells, digits) => Box::new(cells.iter().map(|cell| {
                let mut text = String::new();
                cell.into_iter()
                    .for_each(|number| push_fixed(number, *digits, &mut text));
                Some(Cow::Owned(text))
            })),
            Cells::Short(cells, form) => Box::new(cells.iter().map(|cell| {
                let mut text = String::new();
                cell.into_iter()
                    .for_each(|number| push_short(number, *form, &mut text));
                Some(Cow::Owned(text))
            })),
        }
    }

    /// Hands out each value as text, without an allocation for each number.
    pub(crate) fn each_text(&self, mut each: impl FnMut(Option<&str>)) {
        let mut text = String::new();
        match self {
            Cells::Text(cells) => cells.iter().for_each(each),
            Cells::Fixed(cells, digits) => cells.iter().for_each(|cell| {
                text.clear();
                cell.into_iter()
                    .for_each(|number| push_fixed(number, *digits, &mut text));
                each(Some(&text));
            }),
            Cells::Short(cells, form) => cells.iter().for_each(|cell| match cell {
                Some(number) => with_short(number, *form, |text| each(Some(text))),
                None => each(Some("")),
            }),
            Cells::Float(_) | Cells::Integer(_) => {
                self.texts().for_each(|text| each(text.as_deref()));
            }
        }
    }

    /// How many.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Cells::Text(cells) => cells.len(),
            Cells::Float(cells) | Cells::Short(cells, _) => cells.len(),
            Cells::Integer(cells) | Cells::Fixed(cells, _) => cells.len(),
        }
    }

    /// The numbers of a text column that is kept as numbers, where there is no gap: all at once.
    pub(crate) fn all_numbers(&self) -> Option<Vec<f64>> {
        let mut numbers = Vec::with_capacity(self.rows());
        match self {
            Cells::Fixed(cells, digits) if cells.null_count() == 0 => {
                for chunk in cells.downcast_iter() {
                    let chunk = chunk.values().iter();
                    numbers.extend(chunk.map(|number| fixed_value(*number, *digits)));
                }
            }
            Cells::Short(cells, _) if cells.null_count() == 0 => {
                for chunk in cells.downcast_iter() {
                    numbers.extend_from_slice(chunk.values());
                }
            }
            _ => return None,
        }
        Some(numbers)
    }

    /// The numbers of a text column that is kept as numbers; a gap stands for empty text.
    pub(crate) fn numbers(&self) -> Option<Box<dyn Iterator<Item = Option<f64>> + '_>> {
        match self {
            Cells::Fixed(cells, digits) => Some(Box::new(
                cells
                    .iter()
                    .map(|cell| cell.map(|number| fixed_value(number, *digits))),
            )),
            Cells::Short(cells, _) => Some(Box::new(cells.iter())),
            Cells::Text(_) | Cells::Float(_) | Cells::Integer(_) => None,
        }
    }
}

impl ColumnData {
    /// Values as they are.
    pub(crate) fn of(values: Values) -> Self {
        Self::plain(series_of(values))
    }

    fn plain(series: Series) -> Self {
        Self {
            series,
            form: Form::Plain,
        }
    }

    fn cells(&self) -> Result<Cells<'_>> {
        let series = &self.series;
        match self.form {
            Form::Fixed(digits) => series
                .i64()
                .map(|cells| Cells::Fixed(cells, digits))
                .map_err(engine),
            form @ (Form::Short | Form::Pointed) => series
                .f64()
                .map(|cells| Cells::Short(cells, form))
                .map_err(engine),
            Form::Plain => match kind_of(series)? {
                ColumnKind::Text => series.str().map(Cells::Text).map_err(engine),
                ColumnKind::Float => series.f64().map(Cells::Float).map_err(engine),
                ColumnKind::Integer => series.i64().map(Cells::Integer).map_err(engine),
            },
        }
    }

    /// How the values are kept in our words.
    fn kind(&self) -> Result<ColumnKind> {
        let engine_kind = kind_of(&self.series)?;
        match (self.form, engine_kind) {
            (Form::Plain, kind) => Ok(kind),
            (Form::Fixed(_), ColumnKind::Integer)
            | (Form::Short | Form::Pointed, ColumnKind::Float) => Ok(ColumnKind::Text),
            (form, kind) => Err(TableError::Damaged {
                reason: format!("a column of {form:?} numbers is kept as {kind:?}"),
            }),
        }
    }

    /// The same texts in a form, if it gives each back.
    fn of_texts(cells: &Cells<'_>, rows: usize, form: Form) -> Option<Self> {
        let mut builder = ColumnBuilder::new(rows);
        cells.each_text(|text| builder.push(text.unwrap_or_default()));
        let (series, form) = builder.finish_as(form)?;
        Some(Self { series, form })
    }

    /// The same texts as text.
    fn spelled_out(&self) -> Result<Self> {
        if self.form == Form::Plain {
            return Ok(self.clone());
        }
        let mut texts = StringChunkedBuilder::new(PlSmallStr::EMPTY, self.series.len());
        self.cells()?.each_text(|text| texts.append_option(text));
        Ok(Self::plain(texts.finish().into_series()))
    }

    /// Appends values of the same kind. Texts that are kept in different forms are kept in one that fits all.
    fn append(&mut self, more: &Self) -> Result<()> {
        if self.kind()? == ColumnKind::Text && self.form != more.form {
            let (own, other) = self.in_one_form(more)?;
            *self = own;
            self.series.append(&other.series).map_err(engine)?;
        } else {
            self.series.append(&more.series).map_err(engine)?;
        }
        Ok(())
    }

    fn in_one_form(&self, more: &Self) -> Result<(Self, Self)> {
        let is_plain = self.form == Form::Plain || more.form == Form::Plain;
        // Their own forms first: one of them is mostly enough, and only the other side is
        // converted.
        let tried = [self.form, more.form, Form::Short, Form::Pointed];
        for form in tried.into_iter().filter(|_| !is_plain) {
            let cast = |of: &Self| -> Result<Option<Self>> {
                if of.form == form {
                    return Ok(Some(of.clone()));
                }
                Ok(Self::of_texts(&of.cells()?, of.series.len(), form))
            };
            // The first that does not fit is enough.
            let Some(own) = cast(self)? else { continue };
            if let Some(other) = cast(more)? {
                return Ok((own, other));
            }
        }
        Ok((self.spelled_out()?, more.spelled_out()?))
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
    pub(crate) fn from_data(rows: usize, columns: Vec<ColumnData>) -> Result<Self> {
        match columns
            .iter()
            .enumerate()
            // Columns are known by position, so a shorter one would shift nothing and lose rows
            // unseen.
            .find(|(_, column)| column.series.len() != rows)
        {
            Some((at, column)) => Err(TableError::LengthMismatch {
                column: format!("number {at}"),
                expected: rows,
                found: column.series.len(),
            }),
            None => Ok(Self { rows, columns }),
        }
    }

    /// A frame of values, which must be equally long.
    pub(crate) fn from_values(rows: usize, values: Vec<Values>) -> Result<Self> {
        Self::from_data(rows, values.into_iter().map(ColumnData::of).collect())
    }

    /// A frame without rows.
    pub(crate) fn empty(kinds: &[ColumnKind]) -> Self {
        Self {
            rows: 0,
            columns: kinds
                .iter()
                .map(|kind| ColumnData::plain(series_of(Values::empty(*kind))))
                .collect(),
        }
    }

    /// Bytes that the values take.
    pub(crate) fn bytes(&self) -> u64 {
        self.columns
            .iter()
            .map(|column| column.series.estimated_size() as u64)
            .sum()
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn columns(&self) -> &[ColumnData] {
        &self.columns
    }

    /// How each column is kept.
    pub(crate) fn kinds(&self) -> Result<Vec<ColumnKind>> {
        self.columns.iter().map(ColumnData::kind).collect()
    }

    /// A column's values.
    pub(crate) fn cells(&self, column: usize) -> Result<Cells<'_>> {
        let missing = || TableError::Engine {
            reason: format!("column {column} of {} was asked for", self.columns.len()),
        };
        self.columns.get(column).ok_or_else(missing)?.cells()
    }

    /// The columns at these positions, in this order.
    pub(crate) fn pick(&self, wanted: &[usize]) -> Result<Self> {
        let missing = |at: usize| TableError::Engine {
            reason: format!("column {at} of {} was asked for", self.columns.len()),
        };
        let columns: Result<Vec<ColumnData>> = wanted
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
            (Some(column), Some(data)) => *column = data,
            (None, Some(data)) => self.columns.push(data),
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
                .map(|column| ColumnData {
                    series: column.series.slice(offset, rows),
                    form: column.form,
                })
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
        // One chunk first: to take from many searches for the chunk of each row.
        let columns = self.each_column(|series| series.rechunk().take(&numbers).map_err(engine))?;
        Ok(Self {
            rows: rows.len(),
            columns,
        })
    }

    /// The rows for which `keep` is true; `keep` must be as long as the frame.
    pub(crate) fn filter(&self, keep: &[bool]) -> Result<Self> {
        let mask = BooleanChunked::from_slice(PlSmallStr::EMPTY, keep);
        let columns = self.each_column(|series| series.filter(&mask).map_err(engine))?;
        Self::from_data(keep.iter().filter(|kept| **kept).count(), columns)
    }

    /// What becomes of each column, in the same form.
    fn each_column(
        &self,
        work: impl Fn(&Series) -> Result<Series> + Sync,
    ) -> Result<Vec<ColumnData>> {
        let data = |column: &ColumnData| {
            Ok(ColumnData {
                series: work(&column.series)?,
                form: column.form,
            })
        };
        self.columns.par_iter().map(data).collect()
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
            own.append(more)?;
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

/// Collects rows of text: ids as they are, and columns as numbers where each text can be given back.
pub(crate) struct TextBuilder {
    rows: usize,
    ids: StringChunkedBuilder,
    columns: Vec<ColumnBuilder>,
}

impl TextBuilder {
    /// For so many columns besides the id.
    pub(crate) fn new(columns: usize, capacity: usize) -> Self {
        Self {
            rows: 0,
            ids: StringChunkedBuilder::new(PlSmallStr::EMPTY, capacity),
            columns: (0..columns).map(|_| ColumnBuilder::new(capacity)).collect(),
        }
    }

    /// Adds a row of exactly as many values as there are columns; fewer leave the rest empty.
    pub(crate) fn push<'a>(&mut self, id: &str, values: impl IntoIterator<Item = &'a str>) {
        let mut values = values.into_iter();
        self.ids.append_value(id);
        for column in &mut self.columns {
            column.push(values.next().unwrap_or_default());
        }
        self.rows += 1;
    }

    pub(crate) fn finish(self) -> Result<Frame> {
        let columns = self.columns.into_iter().map(|column| {
            let (series, form) = column.finish();
            ColumnData { series, form }
        });
        let ids = ColumnData::plain(self.ids.finish().into_series());
        Frame::from_data(self.rows, std::iter::once(ids).chain(columns).collect())
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
