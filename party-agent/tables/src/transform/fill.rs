//! Replaces missing values and outliers of one column, and learns what replaced them. A column comes piece by piece: what is learned of
//! it takes a scan of all pieces, and only then can a value be put in its place.

use vocabulary::cell::bare;
use vocabulary::{Cell, Stop};

use crate::error::TableError;
use crate::frame::Cells;
use crate::instances::Missing;
use crate::transform::error::TransformError;
use crate::transform::settings::FillMethod;
use crate::values::Values;

type Result<T> = std::result::Result<T, TransformError>;

/// Where the new value of a pass comes from.
pub(crate) enum With<'a> {
    /// Taken from the column, or designated.
    Learned(FillMethod, &'a str),
    /// As it was learned earlier; none where there was nothing to learn from.
    Known(Option<&'a str>),
}

/// One pass over a column: what it replaces, and with what.
pub(crate) struct Pass<'a> {
    pub(crate) markers: &'a Missing,
    /// Whether it replaces what is missing beside every list: not-a-number, and what is infinite.
    pub(crate) takes_gaps: bool,
    pub(crate) with: With<'a>,
}

/// What a pass did: the new value, and the share of rows that were to have it. Without a value they stay as they are.
pub(crate) type Outcome = (Option<String>, f64);

/// A pass whose value may still have to be learned.
struct Step<'a, T> {
    markers: &'a Missing,
    takes_gaps: bool,
    /// The statistic that has to be taken first.
    to_learn: Option<FillMethod>,
    value: Option<T>,
    /// For each pass before this one, whether this one takes what that one put in place.
    takes_again: Vec<bool>,
    hits: usize,
}

impl<'a, T: ToString> Step<'a, T> {
    fn new(pass: &Pass<'a>, to_learn: Option<FillMethod>, value: Option<T>) -> Self {
        Self {
            markers: pass.markers,
            takes_gaps: pass.takes_gaps,
            to_learn,
            value,
            takes_again: Vec::new(),
            hits: 0,
        }
    }

    /// Notes which values of earlier passes this one takes again.
    fn note(&mut self, earlier: &[Option<String>]) {
        let again = |value: &Option<String>| {
            value
                .as_deref()
                .is_some_and(|value| self.markers.marks(Some(value)))
        };
        self.takes_again = earlier.iter().map(again).collect();
    }
}

/// Notes for each pass which values of earlier ones it takes again.
fn note_values<T: ToString>(steps: &mut [Step<'_, T>]) {
    let values: Vec<_> = steps
        .iter()
        .map(|step| step.value.as_ref().map(T::to_string))
        .collect();
    steps.iter_mut().for_each(|step| step.note(&values));
}

/// Runs passes on one cell; a later one sees what an earlier one left. Gives the pass that took it last, and the one whose value stands
/// in it.
fn run<T>(
    steps: &mut [Step<'_, T>],
    gap: bool,
    marks: impl Fn(&Missing) -> bool,
) -> (Option<usize>, Option<usize>) {
    let (mut taken, mut put) = (None, None);
    for (at, step) in steps.iter_mut().enumerate() {
        let takes = match taken {
            Some(earlier) => step.takes_again.get(earlier).is_some_and(|again| *again),
            // After a step has taken a value, the next ones look at what it put there, not at the
            // cell.
            None => (step.takes_gaps && gap) || marks(step.markers),
        };
        if takes {
            step.hits += 1;
            taken = Some(at);
            put = step.value.as_ref().map_or(put, |_| Some(at));
        }
    }
    (taken, put)
}

fn outcomes<T: ToString>(steps: &[Step<'_, T>], rows: usize) -> Vec<Outcome> {
    steps
        .iter()
        .map(|step| {
            let value = step.value.as_ref().map(T::to_string);
            (value, share(step.hits, rows))
        })
        .collect()
}

/// A numeric column that is being read.
pub(crate) struct Numbers<'a> {
    column: &'a str,
    whole: bool,
    missing: &'a Missing,
    stop: &'a Stop,
    /// The markers of all passes: what one of them names is no mistake.
    lists: Vec<&'a Missing>,
    steps: Vec<Step<'a, f64>>,
    statistic: Statistic,
    /// The rows in which the number was infinite.
    pub(crate) infinite: Vec<usize>,
}

/// What a cell says where a number is wanted.
#[derive(Clone, Copy)]
enum Said {
    Number(f64),
    /// Nothing, and a pass names it.
    Named,
    /// Nothing, beside every list.
    Gap,
    /// A number beyond all bounds, beside every list.
    Infinite,
}

impl<'a> Numbers<'a> {
    pub(crate) fn new(
        column: &'a str,
        (whole, missing): (bool, &'a Missing),
        stop: &'a Stop,
        passes: Vec<Pass<'a>>,
    ) -> Result<Self> {
        let designated = |text: &str| match Cell::of(Some(text)) {
            Cell::Number(number) => Ok(Some(number)),
            Cell::Missing => Ok(None),
            Cell::Infinite | Cell::Text => Err(TransformError::FillNotANumber {
                column: column.to_owned(),
            }),
        };
        let step = |pass: Pass<'a>| {
            let (to_learn, value) = match pass.with {
                With::Known(None) => (None, None),
                With::Known(Some(value)) | With::Learned(FillMethod::Designated, value) => {
                    (None, designated(value)?)
                }
                With::Learned(method, _) => (Some(method), None),
            };
            Ok(Step::new(&pass, to_learn, value))
        };
        let mut steps: Vec<_> = passes.into_iter().map(step).collect::<Result<_>>()?;
        note_values(&mut steps);
        Ok(Self {
            column,
            whole,
            missing,
            stop,
            lists: steps.iter().map(|step| step.markers).collect(),
            steps,
            statistic: Statistic::default(),
            infinite: Vec::new(),
        })
    }

    /// The pass whose value has to be learned next.
    fn next(&self) -> Option<(usize, FillMethod)> {
        let mut steps = self.steps.iter().enumerate();
        steps.find_map(|(at, step)| Some((at, step.to_learn?)))
    }

    /// Whether all pieces have to be looked at before any can be filled.
    pub(crate) fn has_to_look(&self) -> bool {
        self.next().is_some()
    }

    /// Looks at a piece for the statistic of the next pass; `before` are the rows before it.
    pub(crate) fn look(&mut self, cells: &Cells<'_>, before: usize) -> Result<()> {
        let Some((at, _)) = self.next() else {
            return Ok(());
        };
        let mut statistic = std::mem::take(&mut self.statistic);
        let looked = self.each(cells, before, at + 1, |_, number, taken| {
            if taken != Some(at) && !number.is_nan() {
                statistic.add(number);
            }
        });
        self.statistic = statistic;
        looked
    }

    /// Takes the value of the pass that was looked for, unless all pieces have to be looked at once more for it.
    pub(crate) fn learn(&mut self) {
        if let Some((at, method)) = self.next()
            && !self.statistic.has_to_scale(method)
            && let Some(step) = self.steps.get_mut(at)
        {
            step.value = std::mem::take(&mut self.statistic).value(method);
            step.to_learn = None;
        }
        note_values(&mut self.steps);
        // Filling counts, and looking does not.
        self.steps.iter_mut().for_each(|step| step.hits = 0);
    }

    /// The cells of a piece after all passes, whose values are known by now.
    pub(crate) fn fill(&mut self, cells: &Cells<'_>, before: usize) -> Result<Vec<f64>> {
        // Nothing to fill, and no number that could be a marker: a plain copy of the column.
        if self.takes_any_number()
            && let Some(numbers) = cells.all_numbers()
        {
            return Ok(numbers);
        }
        let mut filled = Vec::with_capacity(cells.rows());
        let mut infinite = std::mem::take(&mut self.infinite);
        let all = self.steps.len();
        let done = self.each(cells, before, all, |row, number, _| {
            filled.push(number);
            infinite.extend(row);
        });
        self.infinite = infinite;
        done.map(|()| filled)
    }

    /// What each pass came to.
    pub(crate) fn outcomes(&self, rows: usize) -> Vec<Outcome> {
        outcomes(&self.steps, rows)
    }

    /// Whether any number that stands in a cell is its value.
    fn takes_any_number(&self) -> bool {
        let mut lists = self.lists.iter().copied().chain([self.missing]);
        !self.whole && !lists.any(Missing::names_numbers)
    }

    /// Runs the first passes on each cell. `take` gets the row where the cell is infinite, the number that stands in it then, and the
    /// pass that took it last.
    fn each(
        &mut self,
        cells: &Cells<'_>,
        before: usize,
        passes: usize,
        mut take: impl FnMut(Option<usize>, f64, Option<usize>),
    ) -> Result<()> {
        let mut steps = std::mem::take(&mut self.steps);
        let own = steps.get_mut(..passes).unwrap_or_default();
        let done = self.read(cells, before, |row, said, marks| {
            let (number, infinite) = match said {
                Said::Number(number) => (number, None),
                Said::Infinite => (f64::NAN, Some(row)),
                Said::Named | Said::Gap => (f64::NAN, None),
            };
            let gap = matches!(said, Said::Gap | Said::Infinite);
            let (taken, put) = run(own, gap, marks);
            let value = put.and_then(|put| own.get(put)?.value);
            take(infinite, value.unwrap_or(number), taken);
        });
        self.steps = steps;
        done
    }

    fn read(
        &self,
        cells: &Cells<'_>,
        before: usize,
        mut one: impl FnMut(usize, Said, &dyn Fn(&Missing) -> bool),
    ) -> Result<()> {
        // Whole numbers near 2^53 are judged by their text, and fixed ones are below.
        let numbers = cells
            .numbers()
            .filter(|_| !self.whole || matches!(cells, Cells::Fixed(..)));
        let Some(numbers) = numbers else {
            for (row, text) in (before..).zip(cells.texts()) {
                self.stop.now_and_then(row).map_err(TableError::from)?;
                let text = text.as_deref();
                one(row, self.said(text, row)?, &|list| list.marks(text));
            }
            return Ok(());
        };
        for (row, number) in (before..).zip(numbers) {
            self.stop.now_and_then(row).map_err(TableError::from)?;
            match number {
                Some(number) => one(row, self.said_number(number, row)?, &|list| {
                    list.marks_number(number)
                }),
                None => one(row, self.said(Some(""), row)?, &|list| list.marks(Some(""))),
            }
        }
        Ok(())
    }

    fn said(&self, text: Option<&str>, row: usize) -> Result<Said> {
        let named = || self.lists.iter().any(|list| list.marks(text));
        Ok(match self.missing.read(text) {
            Cell::Number(number) if !self.whole || is_kept(text, number) => Said::Number(number),
            Cell::Infinite if named() => Said::Named,
            Cell::Missing => Said::Gap,
            Cell::Infinite => Said::Infinite,
            Cell::Number(_) | Cell::Text if named() => Said::Named,
            Cell::Text if text.is_none_or(|text| bare(text).is_empty()) => {
                return Err(TransformError::CellEmpty {
                    column: self.column.to_owned(),
                    row,
                });
            }
            cell @ (Cell::Number(_) | Cell::Text) => return Err(self.wrong(cell, row)),
        })
    }

    /// The same of a number whose text gives nothing more away.
    fn said_number(&self, number: f64, row: usize) -> Result<Said> {
        if self.missing.marks_number(number) {
            Ok(Said::Gap)
        } else if !self.whole || number.fract() == 0.0 {
            Ok(Said::Number(number))
        } else if self.lists.iter().any(|list| list.marks_number(number)) {
            Ok(Said::Named)
        } else {
            Err(self.wrong(Cell::Number(number), row))
        }
    }

    /// What a cell should have been.
    fn wrong(&self, cell: Cell, row: usize) -> TransformError {
        let wanted = match cell.number() {
            Some(number) if number.fract() == 0.0 => "a whole number up to 2^53",
            _ if self.whole => "a whole number",
            _ => "a number",
        };
        let column = self.column.to_owned();
        TableError::NotANumber {
            column,
            row,
            wanted,
        }
        .into()
    }
}

/// Whether a number is whole and what was written: from 2^53 on others are read as the same number.
fn is_kept(text: Option<&str>, number: f64) -> bool {
    const BOUND: u64 = 1 << 53;
    let is_bound = || {
        text.is_some_and(|text| {
            bare(text)
                .parse::<i64>()
                .is_ok_and(|n| n.unsigned_abs() == BOUND)
        })
    };
    #[allow(clippy::cast_precision_loss, reason = "a power of two")]
    let bound = BOUND as f64;
    number.fract() == 0.0 && (number.abs() < bound || is_bound())
}

/// A text column that is being read: only designated values can replace anything in it.
pub(crate) struct Texts<'a> {
    stop: &'a Stop,
    steps: Vec<Step<'a, String>>,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(column: &str, stop: &'a Stop, passes: Vec<Pass<'a>>) -> Result<Self> {
        let step = |pass: Pass<'a>| {
            let value = match pass.with {
                With::Known(value) => value,
                With::Learned(FillMethod::Designated, value) => Some(value),
                With::Learned(method, _) => {
                    return Err(TransformError::TextHasNone {
                        column: column.to_owned(),
                        method: method.word(),
                    });
                }
            };
            // What is missing beside every list is no mistake in a text.
            let pass = Pass {
                takes_gaps: false,
                ..pass
            };
            Ok(Step::new(&pass, None, value.map(str::to_owned)))
        };
        let mut steps: Vec<_> = passes.into_iter().map(step).collect::<Result<_>>()?;
        note_values(&mut steps);
        Ok(Self { stop, steps })
    }

    /// The cells of a piece after all passes; none where no pass changes any.
    pub(crate) fn fill(&mut self, cells: &Cells<'_>) -> Result<Option<Values>> {
        if self.steps.is_empty() {
            return Ok(None);
        }
        let mut filled = Vec::with_capacity(cells.rows());
        for (row, text) in cells.texts().enumerate() {
            self.stop.now_and_then(row).map_err(TableError::from)?;
            let (_, put) = run(&mut self.steps, false, |list| list.marks(text.as_deref()));
            let value = put.and_then(|put| self.steps.get(put)?.value.clone());
            filled.push(value.or_else(|| text.map(|text| text.into_owned())));
        }
        Ok(Some(Values::Text(filled)))
    }

    /// What each pass came to.
    pub(crate) fn outcomes(&self, rows: usize) -> Vec<Outcome> {
        outcomes(&self.steps, rows)
    }
}

/// A statistic of the cells that are there and are not replaced, if there is any.
#[derive(Default)]
struct Statistic {
    least: Option<f64>,
    most: Option<f64>,
    sum: f64,
    count: f64,
    /// Sum of the cells divided by their number, once their own sum turned out to be beyond all bounds.
    scaled: Option<f64>,
}

impl Statistic {
    fn add(&mut self, cell: f64) {
        match &mut self.scaled {
            // Divided before it is added: the plain sum of large values left the range.
            Some(scaled) => *scaled += cell / self.count,
            None => {
                self.least = Some(self.least.map_or(cell, |least| least.min(cell)));
                self.most = Some(self.most.map_or(cell, |most| most.max(cell)));
                self.sum += cell;
                self.count += 1.0;
            }
        }
    }

    /// The sum of finite numbers may be none; their mean always is one, and takes a second look.
    fn has_to_scale(&mut self, method: FillMethod) -> bool {
        let is_mean = matches!(method, FillMethod::Mean | FillMethod::Designated);
        let has_to = is_mean && self.scaled.is_none() && !self.sum.is_finite();
        if has_to {
            self.scaled = Some(0.0);
        }
        has_to
    }

    fn value(self, method: FillMethod) -> Option<f64> {
        match method {
            FillMethod::Min => self.least,
            FillMethod::Max => self.most,
            FillMethod::Mean | FillMethod::Designated => self
                .scaled
                .or_else(|| (self.count > 0.0).then(|| self.sum / self.count)),
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a share of rows needs no more digits"
)]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
