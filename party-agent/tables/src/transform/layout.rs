//! Finds id, label and features in raw rows; values stay as they are here. Rows are handed out piece by piece, so that no table stands
//! in memory to be transformed.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use vocabulary::Stop;

use crate::frame::Frame;
use crate::gathered::Gathered;
use crate::schema::Schema;
use crate::spill::rows_of_a_piece;
use crate::table::Table;
use crate::transform::error::TransformError;
use crate::transform::fields::Fields;
use crate::transform::settings::{InputFormat, MatchId, Settings};

type Result<T> = std::result::Result<T, TransformError>;

/// Some rows of a piece of the table.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    piece: usize,
    start: usize,
    rows: usize,
    /// Rows of the table before them.
    pub(crate) before: usize,
}

/// Where everything stands in raw rows.
pub(crate) struct Layout<'a> {
    table: &'a Table,
    pub(crate) match_id: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) header: Vec<String>,
    pub(crate) cuts: Vec<Cut>,
    source: Source<'a>,
    /// The piece that was loaded last: rows of one piece are asked for one after another.
    loaded: RefCell<Option<(usize, Frame)>>,
}

enum Source<'a> {
    /// Columns of the table by position: match id, label and features.
    Columns(Vec<usize>),
    /// Fields of lines.
    Fields(Fields<'a>),
}

impl<'a> Layout<'a> {
    /// Takes rows apart. With a known header (of the training) features come in its order, and a label may be missing.
    pub(crate) fn of(
        table: &'a Table,
        settings: &'a Settings,
        header: Option<&[String]>,
    ) -> Result<Self> {
        match settings.input {
            InputFormat::Dense => Self::dense(table, settings, header),
            InputFormat::Sparse | InputFormat::Tag => Self::fields(table, settings, header),
        }
    }

    fn dense(table: &'a Table, settings: &Settings, known: Option<&[String]>) -> Result<Self> {
        let schema = table.schema();
        if !schema.header {
            return Err(TransformError::HeaderMissing);
        }
        let names = told_apart(schema.columns.iter().map(|column| column.name.as_str()));
        let mut columns: Vec<(String, usize)> = names.into_iter().zip(1..).collect();
        let mut wanted = vec![0];
        let mut match_id = None;
        if let Some(id) = &settings.match_id {
            let name = match_id_column(id, &columns)?;
            let place = columns.iter().find(|(own, _)| *own == name);
            let missing = || TransformError::MatchIdMissing {
                column: name.clone(),
            };
            wanted.push(place.ok_or_else(missing)?.1);
            columns.retain(|(own, _)| *own != name && !id.names.contains(own));
            match_id = Some(name);
        }
        let mut label = None;
        if let Some(of) = &settings.label {
            let name = of.name.trim().to_lowercase();
            match columns.iter().position(|(own, _)| *own == name) {
                Some(at) => {
                    wanted.push(columns.remove(at).1);
                    label = Some(name);
                }
                // A predict job's rows may lack the label column.
                None if known.is_some() => {}
                None => return Err(TransformError::LabelMissing { column: name }),
            }
        }
        if let Some(known) = known {
            // In the model's order: weights go by position. Columns that it does not know fall
            // away.
            columns = in_order(columns, known)?;
        }
        wanted.extend(columns.iter().map(|(_, place)| *place));
        Ok(Self {
            table,
            match_id,
            label,
            header: columns.into_iter().map(|(name, _)| name).collect(),
            cuts: cuts_of(table, usize::MAX),
            source: Source::Columns(wanted),
            loaded: RefCell::default(),
        })
    }

    fn fields(table: &'a Table, settings: &'a Settings, known: Option<&[String]>) -> Result<Self> {
        let fields = Fields::new(settings)?;
        let mut layout = Self {
            table,
            match_id: fields.match_id_name(),
            label: settings.label.is_some().then(|| "label".to_owned()),
            header: Vec::new(),
            cuts: cuts_of(table, usize::MAX),
            source: Source::Fields(fields),
            loaded: RefCell::default(),
        };
        let header = match known {
            Some(header) => header.to_vec(),
            None => layout.named()?,
        };
        if let Source::Fields(fields) = &mut layout.source {
            fields.set_header(&header);
        }
        // A line may stand for far more cells than it has.
        layout.cuts = cuts_of(table, rows_of_a_piece(header.len() + 3));
        layout.header = header;
        Ok(layout)
    }

    /// The header that the fields of all lines make.
    fn named(&self) -> Result<Vec<String>> {
        let Source::Fields(fields) = &self.source else {
            return Ok(Vec::new());
        };
        let mut names = fields.names();
        for cut in &self.cuts {
            let (_, lines) = self.lines(*cut)?;
            fields.name(&lines, cut.before, self.table.stop(), &mut names)?;
        }
        names.header()
    }

    /// Whether the work on the rows is stopped.
    pub(crate) fn stop(&self) -> &'a Stop {
        self.table.stop()
    }

    /// Where rows that are made of these go.
    pub(crate) fn gathered(&self) -> Gathered {
        Gathered::beside(self.table)
    }

    /// Columns before the features in what `rows` gives: the id, and those of match id and label.
    pub(crate) fn front(&self) -> usize {
        1 + usize::from(self.match_id.is_some()) + usize::from(self.label.is_some())
    }

    /// Rows as id, match id, label and features.
    pub(crate) fn rows(&self, cut: Cut) -> Result<Frame> {
        match &self.source {
            Source::Columns(wanted) => Ok(self.table.load_once(cut.piece, wanted)?),
            Source::Fields(fields) => {
                let (ids, lines) = self.lines(cut)?;
                let rows = (lines.as_slice(), cut.before);
                fields.rows(&ids, rows, self.table.stop(), true)
            }
        }
    }

    /// The label of rows alone, as the only column.
    pub(crate) fn labels(&self, cut: Cut) -> Result<Frame> {
        let at = self.front() - 1;
        match &self.source {
            Source::Columns(wanted) => {
                let place = wanted.get(at..=at).unwrap_or_default();
                Ok(self.table.load_once(cut.piece, place)?)
            }
            Source::Fields(fields) => {
                let (ids, lines) = self.lines(cut)?;
                let rows = (lines.as_slice(), cut.before);
                let front = fields.rows(&ids, rows, self.table.stop(), false)?;
                Ok(front.pick(&[at])?)
            }
        }
    }

    /// Ids and whole lines of rows.
    fn lines(&self, cut: Cut) -> Result<(Frame, Vec<String>)> {
        let mut loaded = self.loaded.borrow_mut();
        // The last piece is kept: several cuts in a row are of the same one.
        let frame = match loaded.take().filter(|(piece, _)| *piece == cut.piece) {
            Some((_, frame)) => frame,
            None => self.table.load(cut.piece, &self.table.everything())?,
        };
        let rows = frame.slice(cut.start, cut.rows);
        *loaded = Some((cut.piece, frame));
        let lines = lines_of(&rows, self.table.schema())?;
        Ok((rows.pick(&[0])?, lines))
    }
}

/// The rows of a table, of each piece so many at once.
fn cuts_of(table: &Table, most: usize) -> Vec<Cut> {
    let (mut cuts, mut before) = (Vec::new(), 0);
    for piece in 0..table.pieces() {
        let all = table.rows_of(piece);
        for start in (0..all).step_by(most.max(1)) {
            let rows = most.min(all - start);
            cuts.push(Cut {
                piece,
                start,
                rows,
                before,
            });
            before += rows;
        }
    }
    cuts
}

/// Whole rows as text: without a header the table has them in one column.
fn lines_of(rows: &Frame, schema: &Schema) -> Result<Vec<String>> {
    let mut lines: Vec<String> = vec![String::new(); rows.rows()];
    for at in 1..rows.width() {
        for (line, text) in lines.iter_mut().zip(rows.cells(at)?.texts()) {
            if at > 1 {
                line.push(schema.delimiter);
            }
            line.push_str(&text.unwrap_or_default());
        }
    }
    Ok(lines)
}

/// Columns in the order of a known header; those outside it fall away.
fn in_order(columns: Vec<(String, usize)>, header: &[String]) -> Result<Vec<(String, usize)>> {
    let places: HashMap<String, usize> = columns.into_iter().collect();
    let gone = |name: &&String| !places.contains_key(name.as_str());
    if let Some(first) = header.iter().find(gone) {
        return Err(TransformError::ColumnsMissing {
            missing: header.iter().filter(gone).count(),
            wanted: header.len(),
            first: first.clone(),
        });
    }
    let known = header
        .iter()
        .filter_map(|name| Some((name.clone(), *places.get(name)?)));
    Ok(known.collect())
}

/// Columns under lower-case names without space around them, and under their own. Of names that are equal then, later ones have a
/// number behind them, as equal names of a file have.
fn told_apart<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
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
        columns.push(own);
    }
    columns
}

fn match_id_column(id: &MatchId, columns: &[(String, usize)]) -> Result<String> {
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
