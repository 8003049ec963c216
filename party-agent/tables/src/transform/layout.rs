//! Finds id, label and features in raw rows; values stay text here. Columns are handed out one by one and read a few at once, so that
//! neither does a wide table stand in memory as text, nor is its file opened for each column.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};

use crate::error::TableError;
use crate::table::Table;
use crate::transform::error::TransformError;
use crate::transform::settings::{InputFormat, MatchId, Settings};

type Result<T> = std::result::Result<T, TransformError>;

/// The most columns that sparse and tag rows may speak of.
const MOST_COLUMNS: usize = 100_000;

/// A named column of text.
pub(crate) type TextColumn = (String, Vec<Option<String>>);

/// Raw rows, taken apart.
pub(crate) struct Layout<'a> {
    pub(crate) match_id: Option<TextColumn>,
    pub(crate) label: Option<TextColumn>,
    pub(crate) features: Features<'a>,
}

/// The features as text.
pub(crate) enum Features<'a> {
    /// Columns of a table, under their new names.
    Columns {
        table: &'a Table,
        columns: Vec<(String, String)>,
        ahead: RefCell<Ahead>,
    },
    /// Fields of rows, by column; where a row has none, `absent` stands.
    Fields {
        rows: usize,
        columns: Vec<(String, Vec<(usize, String)>)>,
        absent: Option<String>,
    },
}

/// Cells read at once.
const CELLS: usize = 1 << 18;

/// Columns that were read before they are asked for: the first one's position, and their texts.
#[derive(Default)]
pub(crate) struct Ahead {
    next: usize,
    texts: VecDeque<Vec<Option<String>>>,
}

impl Ahead {
    /// The column at a position, with those after it read for whoever asks for them next.
    fn texts(
        &mut self,
        table: &Table,
        columns: &[(String, String)],
        at: usize,
    ) -> Result<Vec<Option<String>>> {
        if at != self.next || self.texts.is_empty() {
            let several = (CELLS / table.rows().max(1)).max(1);
            let sources: Vec<&str> = columns
                .iter()
                .skip(at)
                .take(several)
                .map(|(_, source)| source.as_str())
                .collect();
            self.texts = table.texts_of(&sources)?.into();
        }
        self.next = at + 1;
        let missing = || TableError::ColumnMissing {
            column: format!("number {at}"),
        };
        Ok(self.texts.pop_front().ok_or_else(missing)?)
    }
}

impl Features<'_> {
    /// The names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Columns { columns, .. } => columns.iter().map(|(name, _)| name.clone()).collect(),
            Self::Fields { columns, .. } => columns.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// One column's texts, in row order.
    pub(crate) fn texts(&self, at: usize) -> Result<Vec<Option<String>>> {
        match self {
            Self::Columns {
                table,
                columns,
                ahead,
            } => ahead.borrow_mut().texts(table, columns, at),
            Self::Fields {
                rows,
                columns,
                absent,
            } => {
                let mut texts = vec![absent.clone(); *rows];
                for (row, text) in columns
                    .get(at)
                    .map(|(_, fields)| fields.as_slice())
                    .unwrap_or_default()
                {
                    texts
                        .get_mut(*row)
                        .into_iter()
                        .for_each(|cell| *cell = Some(text.clone()));
                }
                Ok(texts)
            }
        }
    }

    /// The same in the order of a known header; columns outside it fall away. Fields that no row has are absent in all.
    fn in_order(self, header: &[String]) -> Result<Self> {
        match self {
            Self::Columns { table, columns, .. } => {
                let sources: HashMap<&str, &str> = columns
                    .iter()
                    .map(|(n, source)| (n.as_str(), source.as_str()))
                    .collect();
                let gone = |name: &&String| !sources.contains_key(name.as_str());
                if let Some(first) = header.iter().find(gone) {
                    let (missing, wanted) = (header.iter().filter(gone).count(), header.len());
                    return Err(TransformError::ColumnsMissing {
                        missing,
                        wanted,
                        first: first.clone(),
                    });
                }
                let known = header.iter().filter_map(|name| {
                    Some((name.clone(), (*sources.get(name.as_str())?).to_owned()))
                });
                Ok(Self::Columns {
                    table,
                    columns: known.collect(),
                    ahead: RefCell::default(),
                })
            }
            Self::Fields {
                rows,
                columns,
                absent,
            } => {
                let mut found: HashMap<String, Vec<(usize, String)>> =
                    columns.into_iter().collect();
                let known = header
                    .iter()
                    .map(|name| (name.clone(), found.remove(name).unwrap_or_default()));
                Ok(Self::Fields {
                    rows,
                    columns: known.collect(),
                    absent,
                })
            }
        }
    }
}

impl<'a> Layout<'a> {
    /// Takes rows apart. With a known header (of the training) features come in its order, and a label may be missing.
    pub(crate) fn of(
        table: &'a Table,
        settings: &Settings,
        header: Option<&[String]>,
    ) -> Result<Self> {
        let mut layout = match settings.input {
            InputFormat::Dense => dense(table, settings, header.is_some())?,
            InputFormat::Sparse | InputFormat::Tag => fields(table, settings, header)?,
        };
        if let Some(header) = header {
            layout.features = layout.features.in_order(header)?;
        }
        Ok(layout)
    }
}

fn dense<'a>(table: &'a Table, settings: &Settings, label_may_miss: bool) -> Result<Layout<'a>> {
    let schema = table.schema();
    if !schema.header {
        return Err(TransformError::HeaderMissing);
    }
    let mut columns = told_apart(schema.columns.iter().map(|column| column.name.as_str()));
    let mut match_id = None;
    if let Some(id) = &settings.match_id {
        let name = match_id_column(id, &columns)?;
        let source = columns
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, source)| source.clone());
        let source = source.ok_or_else(|| TransformError::MatchIdMissing {
            column: name.clone(),
        })?;
        match_id = Some((name.clone(), table.texts(&source)?));
        columns.retain(|(own, _)| *own != name && !id.names.contains(own));
    }
    let mut label = None;
    if let Some(wanted) = &settings.label {
        let name = wanted.name.trim().to_lowercase();
        match columns.iter().position(|(own, _)| *own == name) {
            Some(at) => label = Some((name, table.texts(&columns.remove(at).1)?)),
            None if label_may_miss => {}
            None => return Err(TransformError::LabelMissing { column: name }),
        }
    }
    Ok(Layout {
        match_id,
        label,
        features: Features::Columns {
            table,
            columns,
            ahead: RefCell::default(),
        },
    })
}

/// Columns under lower-case names without space around them, and under their own. Of names that are equal then, later ones have a
/// number behind them, as equal names of a file have.
fn told_apart<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<(String, String)> {
    let plain = |name: &str| name.trim().to_lowercase();
    let mut taken: HashSet<String> = names.clone().map(plain).collect();
    let mut uses: HashMap<String, usize> = HashMap::new();
    let mut columns = Vec::new();
    for name in names {
        let mut own = plain(name);
        let used = uses.entry(own.clone()).or_default();
        *used += 1;
        if *used > 1 {
            while !taken.insert(format!("{own}_{used}")) {
                *used += 1;
            }
            own = format!("{own}_{used}");
        }
        columns.push((own, name.to_owned()));
    }
    columns
}

fn match_id_column(id: &MatchId, columns: &[(String, String)]) -> Result<String> {
    if !id.name.is_empty() {
        return Ok(id.name.trim().to_lowercase());
    }
    if id.names.is_empty() {
        let first = columns
            .first()
            .ok_or_else(|| TransformError::MatchIdMissing {
                column: String::new(),
            })?;
        return Ok(first.0.clone());
    }
    let out_of_range = || TransformError::MatchIdOutOfRange {
        index: id.index,
        ids: id.names.len(),
    };
    id.names.get(id.index).cloned().ok_or_else(out_of_range)
}

/// Whole rows as text: without a header the table has them in one column.
fn rows_of(table: &Table) -> Result<Vec<String>> {
    let schema = table.schema();
    let mut rows: Vec<String> = vec![String::new(); table.rows()];
    for (at, column) in schema.columns.iter().enumerate() {
        for (row, text) in rows.iter_mut().zip(table.texts(&column.name)?) {
            if at > 0 {
                row.push(schema.delimiter);
            }
            row.push_str(&text.unwrap_or_default());
        }
    }
    Ok(rows)
}

/// Fields of all rows, by name.
#[derive(Default)]
struct Gathered {
    places: HashMap<String, usize>,
    columns: Vec<(String, Vec<(usize, String)>)>,
}

impl Gathered {
    fn put(&mut self, name: &str, row: usize, value: &str) -> Result<()> {
        let at = match self.places.get(name) {
            Some(at) => *at,
            None => {
                let at = self.columns.len();
                if at >= MOST_COLUMNS {
                    return Err(TransformError::TooWide {
                        columns: at + 1,
                        most: MOST_COLUMNS,
                    });
                }
                self.places.insert(name.to_owned(), at);
                self.columns.push((name.to_owned(), Vec::new()));
                at
            }
        };
        self.columns
            .get_mut(at)
            .into_iter()
            .for_each(|(_, fields)| fields.push((row, value.to_owned())));
        Ok(())
    }
}

fn fields<'a>(
    table: &'a Table,
    settings: &Settings,
    header: Option<&[String]>,
) -> Result<Layout<'a>> {
    let ids = settings.match_id.as_ref().map_or(0, |id| id.fields.max(1));
    if let Some(id) = settings.match_id.as_ref().filter(|id| id.index >= ids) {
        return Err(TransformError::MatchIdOutOfRange {
            index: id.index,
            ids,
        });
    }
    let head = ids + usize::from(settings.label.is_some());
    let mut gathered = Gathered::default();
    let (mut match_ids, mut labels) = (Vec::new(), Vec::new());
    let rows = rows_of(table)?;
    for (row, text) in rows.iter().enumerate() {
        table.stop().now_and_then(row).map_err(TableError::from)?;
        let parts: Vec<&str> = text.split(settings.delimiter.as_str()).collect();
        let short = || TransformError::RowShort {
            row,
            found: parts.len(),
            wanted: head,
        };
        let (front, rest) = parts.split_at_checked(head).ok_or_else(short)?;
        if let Some(id) = &settings.match_id {
            match_ids.push(front.get(id.index).map(|text| (*text).to_owned()));
        }
        if settings.label.is_some() {
            labels.push(front.last().map(|text| (*text).to_owned()));
        }
        for field in rest.iter().filter(|field| !field.trim().is_empty()) {
            let (name, value) = field_of(field, row, settings)?;
            gathered.put(&name, row, value)?;
        }
    }
    let names = match header {
        Some(header) => header.to_vec(),
        None => names_of(&gathered, settings)?,
    };
    let numbered = settings.match_id.as_ref().filter(|id| id.fields > 1);
    let match_id_name = numbered.map_or_else(
        || "match_id".to_owned(),
        |id| format!("match_id{}", id.index),
    );
    let keeps_gaps = settings.input == InputFormat::Tag && settings.fills().0.is_some();
    let absent = (!keeps_gaps).then(|| "0".to_owned());
    let features = Features::Fields {
        rows: rows.len(),
        columns: gathered.columns,
        absent,
    };
    Ok(Layout {
        match_id: settings
            .match_id
            .is_some()
            .then_some((match_id_name, match_ids)),
        label: settings
            .label
            .is_some()
            .then(|| ("label".to_owned(), labels)),
        features: features.in_order(&names)?,
    })
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

/// The header that the fields make: tags in order of their names, or every index up to the largest.
fn names_of(gathered: &Gathered, settings: &Settings) -> Result<Vec<String>> {
    if settings.input == InputFormat::Tag {
        let mut names: Vec<String> = gathered
            .columns
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        return Ok(names);
    }
    let indices = gathered
        .columns
        .iter()
        .filter_map(|(name, _)| name.strip_prefix('x')?.parse::<usize>().ok());
    let width = indices.max().map_or(0, |last| last + 1);
    Ok((0..width).map(|index| format!("x{index}")).collect())
}
