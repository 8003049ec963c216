//! Lines to numbers: csv with the label first, libsvm, and plain text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocabulary::Cell;

use crate::error::{LearnError, Result, Watch};

/// How lines are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Numbers between commas.
    Csv,
    /// `label index:value …`, indices from 1 and ascending.
    Libsvm,
    /// Words between blanks.
    Text,
}

impl Format {
    /// The format of a word; whatever is not known is csv, as an absent word is.
    pub fn of(word: Option<&str>) -> Self {
        match word {
            Some("libsvm") => Self::Libsvm,
            Some("text") => Self::Text,
            _ => Self::Csv,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Libsvm => "libsvm",
            Self::Text => "text",
        }
    }
}

/// Most cells (rows times columns) that are laid out in memory.
const MOST_CELLS: usize = 1 << 27;

/// Rows of equal width, with labels where there are some.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Points {
    pub(crate) width: usize,
    pub(crate) labels: Vec<f64>,
    pub(crate) cells: Vec<f64>,
}

/// The different labels in order. -0 and 0 are one, as they are for whoever wrote them.
pub(crate) fn classes_of(labels: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut classes: Vec<f64> = labels.into_iter().collect();
    classes.sort_by(f64::total_cmp);
    classes.dedup();
    classes
}

/// Which of the classes a label is. It is one of them: they were made of it.
#[allow(
    clippy::expect_used,
    reason = "a class that is not there would be counted as another one"
)]
pub(crate) fn class_of(classes: &[f64], label: f64) -> usize {
    let at = classes.partition_point(|class| *class < label);
    let found = classes.get(at).filter(|class| **class == label);
    found.map(|_| at).expect("the label is one of the classes")
}

impl Points {
    pub(crate) fn len(&self) -> usize {
        self.cells
            .len()
            .checked_div(self.width)
            .unwrap_or(self.labels.len())
    }

    pub(crate) fn row(&self, index: usize) -> &[f64] {
        &self.cells[index * self.width..(index + 1) * self.width]
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.len()).map(|index| self.row(index))
    }
}

/// Numbers between commas.
pub(crate) fn numbers(row: usize, line: &str) -> Result<Vec<f64>> {
    line.split(',')
        .enumerate()
        .map(|(at, text)| number(row, at + 1, text))
        .collect()
}

fn number(row: usize, field: usize, text: &str) -> Result<f64> {
    match Cell::of(Some(text)) {
        Cell::Number(number) => Ok(number),
        Cell::Missing => Err(LearnError::row(
            row,
            format!("field {field} has no value: leave such rows out"),
        )),
        Cell::Infinite => Err(LearnError::row(
            row,
            format!("field {field} is infinite: leave such rows out"),
        )),
        Cell::Text => Err(LearnError::row(
            row,
            format!("field {field} is not a number"),
        )),
    }
}

fn no_rows() -> LearnError {
    LearnError::Data("there are no rows".to_owned())
}

/// csv rows whose columns all are features.
pub(crate) fn features(lines: &[String], watch: Watch<'_>) -> Result<Points> {
    let mut points = Points::default();
    for (index, line) in lines.iter().enumerate() {
        watch.go_on()?;
        let cells = numbers(index + 1, line)?;
        fits(&mut points.width, cells.len(), index)?;
        points.cells.extend(cells);
    }
    if points.cells.is_empty() {
        Err(no_rows())
    } else {
        Ok(points)
    }
}

fn fits(width: &mut usize, found: usize, index: usize) -> Result<()> {
    if index == 0 {
        *width = found;
    }
    if *width == found {
        return Ok(());
    }
    Err(LearnError::row(
        index + 1,
        format!("it has {found} columns, the first one has {width}"),
    ))
}

/// csv rows with the label first; a label of -1 is 0.
pub(crate) fn labelled(lines: &[String], watch: Watch<'_>) -> Result<Points> {
    let all = features(lines, watch)?;
    if all.width < 2 {
        return Err(LearnError::Data(
            "there are no columns but the label".to_owned(),
        ));
    }
    let label = |row: &[f64]| if row[0] == -1.0 { 0.0 } else { row[0] };
    Ok(Points {
        width: all.width - 1,
        labels: all.rows().map(label).collect(),
        cells: all
            .rows()
            .flat_map(|row| row[1..].iter().copied())
            .collect(),
    })
}

/// `index:value` parts; indices from 1 and ascending.
pub(crate) fn sparse<'a>(
    row: usize,
    parts: impl Iterator<Item = &'a str>,
) -> Result<Vec<(usize, f64)>> {
    let mut found: Vec<(usize, f64)> = Vec::new();
    for part in parts {
        let (index, value) = part
            .split_once(':')
            .ok_or_else(|| LearnError::row(row, "a part is not index:value"))?;
        let index: usize = index
            .parse()
            .map_err(|_| LearnError::row(row, "an index is not a whole number"))?;
        if index == 0 || found.last().is_some_and(|(last, _)| *last >= index) {
            return Err(LearnError::row(row, "indices begin at 1 and ascend"));
        }
        found.push((index, number(row, found.len() + 1, value)?));
    }
    Ok(found)
}

/// libsvm rows: as wide as `width`, or as the largest index when that is 0. Empty lines and comments are left out.
pub(crate) fn libsvm(lines: &[String], width: usize, watch: Watch<'_>) -> Result<Points> {
    let mut rows = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        watch.go_on()?;
        let mut parts = line.split_whitespace();
        let Some(first) = parts.next().filter(|first| !first.starts_with('#')) else {
            continue;
        };
        rows.push((
            index + 1,
            number(index + 1, 0, first)?,
            sparse(index + 1, parts)?,
        ));
    }
    let widest = rows
        .iter()
        .filter_map(|(.., parts)| parts.last())
        .map(|(index, _)| *index)
        .max()
        .unwrap_or(0);
    let width = if width == 0 { widest } else { width };
    if rows.is_empty() || width == 0 {
        return Err(no_rows());
    }
    bounded(rows.len(), width)?;
    let mut points = Points {
        width,
        labels: Vec::with_capacity(rows.len()),
        cells: vec![0.0; rows.len() * width],
    };
    for (at, (row, label, parts)) in rows.into_iter().enumerate() {
        points.labels.push(label);
        lay_out(&mut points.cells[at * width..(at + 1) * width], row, &parts)?;
    }
    Ok(points)
}

/// Lays sparse parts out in a row of cells.
pub(crate) fn lay_out(cells: &mut [f64], row: usize, parts: &[(usize, f64)]) -> Result<()> {
    let width = cells.len();
    for (index, value) in parts {
        let cell = cells.get_mut(index - 1);
        *cell.ok_or_else(|| {
            LearnError::row(row, format!("index {index} is beyond the {width} columns"))
        })? = *value;
    }
    Ok(())
}

/// Refuses what would not stand in memory.
pub(crate) fn bounded(rows: usize, width: usize) -> Result<()> {
    match rows.checked_mul(width) {
        Some(cells) if cells <= MOST_CELLS => Ok(()),
        _ => Err(LearnError::Data(format!(
            "{rows} rows of {width} columns are more than {MOST_CELLS} cells"
        ))),
    }
}

/// Words weighed by how often they occur in a row and how rare they are among rows. Words in less than two rows weigh 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Words {
    positions: BTreeMap<String, usize>,
    weights: Vec<f64>,
}

impl Words {
    pub(crate) fn learn<'a>(
        rows: impl Iterator<Item = &'a str> + Clone,
        watch: Watch<'_>,
    ) -> Result<Self> {
        let mut positions = BTreeMap::new();
        let mut rows_with = Vec::new();
        let mut count = 0usize;
        for row in rows {
            watch.go_on()?;
            count += 1;
            let mut words: Vec<&str> = row.split(' ').collect();
            words.sort_unstable();
            words.dedup();
            for word in words {
                let next = positions.len();
                let at = *positions.entry(word.to_owned()).or_insert(next);
                if at == rows_with.len() {
                    rows_with.push(0usize);
                }
                rows_with[at] += 1;
            }
        }
        let weight = |with: usize| {
            if with < 2 {
                0.0
            } else {
                ((count as f64 + 1.0) / (with as f64 + 1.0)).ln()
            }
        };
        Ok(Self {
            positions,
            weights: rows_with.into_iter().map(weight).collect(),
        })
    }

    pub(crate) fn width(&self) -> usize {
        self.weights.len()
    }

    /// The weighed words of a row; words that were never seen are left out.
    pub(crate) fn of(&self, row: &str) -> Vec<f64> {
        let mut cells = vec![0.0; self.width()];
        for at in row.split(' ').filter_map(|word| self.positions.get(word)) {
            cells[*at] += self.weights[*at];
        }
        cells
    }
}

/// Splits `label word word …`.
pub(crate) fn labelled_text(row: usize, line: &str) -> Result<(f64, &str)> {
    let (label, text) = line
        .split_once(' ')
        .ok_or_else(|| LearnError::row(row, "there is no text after the label"))?;
    Ok((number(row, 1, label)?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_ON: Watch<'static> = Watch(&|| false);

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn reads_csv_and_libsvm() {
        let points = labelled(&lines("-1,2,3\n1, 4 ,5e1"), GO_ON).unwrap();
        assert_eq!(
            (points.labels.as_slice(), points.row(1)),
            ([0.0, 1.0].as_slice(), [4.0, 50.0].as_slice())
        );
        let points = libsvm(&lines("1 1:2 3:4\n\n# no row\n-1 2:7"), 0, GO_ON).unwrap();
        assert_eq!((points.width, points.labels.clone()), (3, vec![1.0, -1.0]));
        assert_eq!(points.cells, [2.0, 0.0, 4.0, 0.0, 7.0, 0.0]);
    }

    #[test]
    fn says_which_row_is_wrong_and_not_what_it_holds() {
        for (found, said) in [
            (
                labelled(&lines("1,2\n1,secret"), GO_ON),
                "row 2: field 2 is not a number",
            ),
            (
                labelled(&lines("1,2\n1,-NaN"), GO_ON),
                "row 2: field 2 has no value: leave such rows out",
            ),
            (
                labelled(&lines("1,2\n1,"), GO_ON),
                "row 2: field 2 has no value: leave such rows out",
            ),
            (
                labelled(&lines("1,2\n-inf,1"), GO_ON),
                "row 2: field 1 is infinite: leave such rows out",
            ),
            (
                libsvm(&lines("1 1:NA"), 0, GO_ON),
                "row 1: field 1 has no value: leave such rows out",
            ),
            (
                labelled(&lines("1,2\n1,2,3"), GO_ON),
                "row 2: it has 3 columns, the first one has 2",
            ),
            (
                labelled(&lines("1\n2"), GO_ON),
                "there are no columns but the label",
            ),
            (features(&[], GO_ON), "there are no rows"),
            (
                libsvm(&lines("1 0:2"), 0, GO_ON),
                "row 1: indices begin at 1 and ascend",
            ),
            (
                libsvm(&lines("1 2:2 1:1"), 0, GO_ON),
                "row 1: indices begin at 1 and ascend",
            ),
            (
                libsvm(&lines("1 4:2"), 3, GO_ON),
                "row 1: index 4 is beyond the 3 columns",
            ),
            (
                libsvm(&lines("1 18446744073709551615:2"), 0, GO_ON),
                "1 rows of 18446744073709551615 columns are more than 134217728 cells",
            ),
        ] {
            assert_eq!(found.unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn weighs_words() {
        let rows = ["a a b", "a c", "b d"];
        let words = Words::learn(rows.into_iter(), GO_ON).unwrap();
        let weight = (4.0f64 / 3.0).ln();
        assert_eq!(words.of("a a c x"), [2.0 * weight, 0.0, 0.0, 0.0]);
        assert_eq!(words.width(), 4);
    }
}
