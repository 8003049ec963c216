//! Lines of sparse and tag rows: which fields stand in them, and the columns that they make.

use std::collections::{HashMap, HashSet};

use vocabulary::Stop;

use crate::error::TableError;
use crate::frame::{ColumnData, Frame};
use crate::transform::error::TransformError;
use crate::transform::settings::{InputFormat, Settings};
use crate::written::ColumnBuilder;

type Result<T> = std::result::Result<T, TransformError>;

/// The most columns that sparse and tag rows may speak of.
const MOST_COLUMNS: usize = 100_000;

/// How lines are taken apart.
pub(crate) struct Fields<'a> {
    settings: &'a Settings,
    /// Fields at the head of a line: match ids and label.
    head: usize,
    /// Position of each feature.
    places: HashMap<String, usize>,
}

/// The names that fields have.
pub(crate) struct Names {
    input: InputFormat,
    found: HashSet<String>,
}

impl Names {
    fn note(&mut self, name: String) -> Result<()> {
        if self.found.insert(name) && self.found.len() > MOST_COLUMNS {
            return Err(TransformError::TooWide {
                columns: self.found.len(),
                most: MOST_COLUMNS,
            });
        }
        Ok(())
    }

    /// The header that the fields make: tags in order of their names, or every index up to the largest.
    pub(crate) fn header(self) -> Result<Vec<String>> {
        if self.input == InputFormat::Tag {
            let mut names: Vec<String> = self.found.into_iter().collect();
            // By name, since the order of tags in lines is anybody's: the same rows must give the
            // same header.
            names.sort();
            return Ok(names);
        }
        let index = |name: &String| name.strip_prefix('x')?.parse::<usize>().ok();
        let width = self.found.iter().filter_map(index).max();
        let width = width.map_or(0, |last| last + 1);
        Ok((0..width).map(|index| format!("x{index}")).collect())
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Result<Self> {
        let ids = settings.match_id.as_ref().map_or(0, |id| id.fields.max(1));
        if let Some(id) = settings.match_id.as_ref().filter(|id| id.index >= ids) {
            return Err(TransformError::MatchIdOutOfRange {
                index: id.index,
                ids,
            });
        }
        Ok(Self {
            settings,
            head: ids + usize::from(settings.label.is_some()),
            places: HashMap::new(),
        })
    }

    pub(crate) fn set_header(&mut self, header: &[String]) {
        self.places = header.iter().cloned().zip(0..).collect();
    }

    pub(crate) fn match_id_name(&self) -> Option<String> {
        let id = self.settings.match_id.as_ref()?;
        Some(if id.fields > 1 {
            format!("match_id{}", id.index)
        } else {
            "match_id".to_owned()
        })
    }

    /// No names yet.
    pub(crate) fn names(&self) -> Names {
        Names {
            input: self.settings.input,
            found: HashSet::new(),
        }
    }

    /// The fields of a line: those at its head, and the others.
    fn split<'t>(&self, line: &'t str, row: usize) -> Result<(Vec<&'t str>, Vec<&'t str>)> {
        let mut front: Vec<&str> = line.split(self.settings.delimiter.as_str()).collect();
        if front.len() < self.head {
            return Err(TransformError::RowShort {
                row,
                found: front.len(),
                wanted: self.head,
            });
        }
        let mut rest = front.split_off(self.head);
        rest.retain(|field| !field.trim().is_empty());
        Ok((front, rest))
    }

    /// Notes the names of the fields in lines, after `before` rows.
    pub(crate) fn name(
        &self,
        lines: &[String],
        before: usize,
        stop: &Stop,
        names: &mut Names,
    ) -> Result<()> {
        for (row, line) in (before..).zip(lines) {
            stop.now_and_then(row).map_err(TableError::from)?;
            for field in self.split(line, row)?.1 {
                names.note(field_of(field, row, self.settings)?.0)?;
            }
        }
        Ok(())
    }

    /// Lines as id, match id, label and, if they are wanted, features. A row that lacks a field has 0 there; where tags are missing
    /// and what is missing is filled, it has nothing.
    pub(crate) fn rows(
        &self,
        ids: &Frame,
        (lines, before): (&[String], usize),
        stop: &Stop,
        with_features: bool,
    ) -> Result<Frame> {
        let settings = self.settings;
        let keeps_gaps = settings.input == InputFormat::Tag && settings.fills().0.is_some();
        let absent = (!keeps_gaps).then_some("0");
        let width = if with_features { self.places.len() } else { 0 };
        let of_front: Vec<usize> = settings
            .match_id
            .iter()
            .map(|id| id.index)
            .chain(settings.label.iter().map(|_| self.head - 1))
            .collect();
        let builder = || ColumnBuilder::new(lines.len());
        let mut front_columns: Vec<_> = of_front.iter().map(|_| builder()).collect();
        let mut columns: Vec<_> = (0..width).map(|_| builder()).collect();
        for (row, line) in (before..).zip(lines) {
            stop.now_and_then(row).map_err(TableError::from)?;
            let (front, rest) = self.split(line, row)?;
            for (column, at) in front_columns.iter_mut().zip(&of_front) {
                column.push(front.get(*at).copied().unwrap_or_default());
            }
            if !with_features {
                continue;
            }
            let mut values = vec![absent; width];
            for field in rest {
                let (name, value) = field_of(field, row, settings)?;
                let place = self.places.get(&name).and_then(|at| values.get_mut(*at));
                // A name that the training did not see has no place, and is passed over.
                place.into_iter().for_each(|place| *place = Some(value));
            }
            for (column, value) in columns.iter_mut().zip(values) {
                column.push_option(value);
            }
        }
        let made = front_columns.into_iter().chain(columns).map(|column| {
            let (series, form) = column.finish();
            ColumnData { series, form }
        });
        let all = ids.columns().iter().cloned().chain(made).collect();
        Ok(Frame::from_data(lines.len(), all)?)
    }
}

/// A field's column and value.
fn field_of<'a>(field: &'a str, row: usize, settings: &Settings) -> Result<(String, &'a str)> {
    let invalid = |wanted: &'static str| TransformError::FieldInvalid { row, wanted };
    match settings.input {
        InputFormat::Tag if settings.tag_with_value => {
            let parts = field
                .split_once(settings.tag_value_delimiter.as_str())
                .ok_or_else(|| invalid("tag:value"))?;
            Ok((parts.0.trim().to_owned(), parts.1))
        }
        InputFormat::Tag => Ok((field.trim().to_owned(), "1")),
        InputFormat::Sparse | InputFormat::Dense => {
            let (index, value) = field
                .split_once(':')
                .ok_or_else(|| invalid("index:value"))?;
            let index: usize = index.trim().parse().map_err(|_| invalid("index:value"))?;
            // Before a header is made of it: one field with a huge index would ask for as many
            // columns.
            if index >= MOST_COLUMNS {
                return Err(TransformError::TooWide {
                    columns: index.saturating_add(1),
                    most: MOST_COLUMNS,
                });
            }
            Ok((format!("x{index}"), value))
        }
    }
}
