//! What is done with every feature: which replacements there are, and what they came to.

use vocabulary::Stop;

use crate::frame::Cells;
use crate::instances::Missing;
use crate::schema::ColumnKind;
use crate::transform::error::TransformError;
use crate::transform::fill::{Numbers, Outcome, Pass, Texts, With};
use crate::transform::remark::Remark;
use crate::transform::settings::{Fill, Settings, ValueKind};
use crate::transform::{Filled, InstanceModel};
use crate::values::Values;

type Result<T> = std::result::Result<T, TransformError>;

/// A replacement with its markers ready, and the values that were learned earlier.
struct Plan<'a> {
    fill: &'a Fill,
    markers: Missing,
    what: &'static str,
    known: Option<&'a Filled>,
    /// Whether it takes what is missing beside every list.
    takes_gaps: bool,
}

impl<'a> Plan<'a> {
    fn new(
        fill: &'a Fill,
        header: &[String],
        what: &'static str,
        known: Option<&'a Filled>,
    ) -> Result<Self> {
        // A short list would fill the last columns with nothing, in silence.
        if fill.by_column && fill.values.len() != header.len() {
            return Err(TransformError::FillCount {
                given: fill.values.len(),
                columns: header.len(),
            });
        }
        let markers = Missing::of(&fill.markers);
        Ok(Self {
            fill,
            takes_gaps: markers.is_usual(),
            markers,
            what,
            known,
        })
    }

    fn pass(&self, at: usize) -> Pass<'_> {
        let with = match self.known {
            Some(known) => With::Known(known.values.get(at).and_then(|value| value.as_deref())),
            None => {
                let at = if self.fill.by_column { at } else { 0 };
                let value = self.fill.values.get(at).map(String::as_str);
                With::Learned(self.fill.method, value.unwrap_or_default())
            }
        };
        Pass {
            markers: &self.markers,
            takes_gaps: self.takes_gaps,
            with,
        }
    }
}

/// What is to be done with every feature.
pub(crate) struct Plans<'a> {
    settings: &'a Settings,
    markers: Missing,
    missing: Option<Plan<'a>>,
    outliers: Option<Plan<'a>>,
}

impl<'a> Plans<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        header: &[String],
        earlier: Option<&'a InstanceModel>,
    ) -> Result<Self> {
        let (fill, outliers) = settings.fills();
        let missing = fill.map(|fill| {
            let known = earlier.and_then(|learned| learned.missing.as_ref());
            let plan = Plan::new(fill, header, "a value for what is missing", known)?;
            Ok::<_, TransformError>(Plan {
                takes_gaps: true,
                ..plan
            })
        });
        let outliers = outliers.map(|fill| {
            let known = earlier.and_then(|learned| learned.outliers.as_ref());
            Plan::new(fill, header, "a value for outliers", known)
        });
        Ok(Self {
            settings,
            markers: settings.missing_markers(),
            missing: missing.transpose()?,
            outliers: outliers.transpose()?,
        })
    }

    /// The passes over each feature, in their order.
    fn in_order(&self) -> impl Iterator<Item = &Plan<'a>> {
        self.missing.iter().chain(&self.outliers)
    }

    pub(crate) fn features<'s>(
        &'s self,
        header: &'s [String],
        stop: &'s Stop,
    ) -> Result<Vec<Feature<'s>>> {
        let feature = |(at, name): (usize, &'s String)| {
            let passes = self.in_order().map(|plan| plan.pass(at)).collect();
            Ok(match self.settings.kind_of(name) {
                ValueKind::Text => Feature::Texts(Texts::new(name, stop, passes)?),
                kind @ (ValueKind::Float | ValueKind::Integer) => {
                    let how = (kind == ValueKind::Integer, &self.markers);
                    Feature::Numbers(Numbers::new(name, how, stop, passes)?)
                }
            })
        };
        header.iter().enumerate().map(feature).collect()
    }

    /// What each replacement came to, with what is to be said of the rows.
    pub(crate) fn came_to(
        &self,
        header: &[String],
        features: &[Feature<'_>],
        rows: usize,
        remarks: &mut Vec<Remark>,
    ) -> (Option<Filled>, Option<Filled>) {
        let mut all: Vec<Filled> = self.in_order().map(|_| Filled::default()).collect();
        for (name, feature) in header.iter().zip(features) {
            if let Feature::Numbers(numbers) = feature {
                remarks.extend(Remark::infinite(name, numbers.infinite.clone()));
            }
            // Outcomes come in the order of the passes.
            let plans = self.in_order().zip(&mut all);
            for ((plan, filled), (value, ratio)) in plans.zip(feature.outcomes(rows)) {
                // Only where something is missing does it matter that there was nothing to learn.
                if value.is_none() && ratio > 0.0 {
                    remarks.push(Remark::NothingToLearnFrom {
                        column: name.clone(),
                        what: plan.what,
                    });
                }
                filled.values.push(value);
                filled.ratios.push(ratio);
            }
        }
        let mut all = all.into_iter();
        let missing = self.missing.as_ref().and_then(|_| all.next());
        (missing, self.outliers.as_ref().and_then(|_| all.next()))
    }
}

/// A feature that is being read.
pub(crate) enum Feature<'a> {
    Numbers(Numbers<'a>),
    Texts(Texts<'a>),
}

impl Feature<'_> {
    pub(crate) fn column_kind(&self) -> ColumnKind {
        match self {
            Self::Numbers(_) => ColumnKind::Float,
            Self::Texts(_) => ColumnKind::Text,
        }
    }

    pub(crate) fn has_to_look(&self) -> bool {
        matches!(self, Self::Numbers(numbers) if numbers.has_to_look())
    }

    pub(crate) fn look(&mut self, cells: &Cells<'_>, before: usize) -> Result<()> {
        match self {
            Self::Numbers(numbers) => numbers.look(cells, before),
            Self::Texts(_) => Ok(()),
        }
    }

    pub(crate) fn learn(&mut self) {
        if let Self::Numbers(numbers) = self {
            numbers.learn();
        }
    }

    /// The values of some rows; none where they stay as they are.
    pub(crate) fn fill(&mut self, cells: &Cells<'_>, before: usize) -> Result<Option<Values>> {
        match self {
            Self::Numbers(numbers) => Ok(Some(Values::Float(numbers.fill(cells, before)?))),
            Self::Texts(texts) => texts.fill(cells),
        }
    }

    fn outcomes(&self, rows: usize) -> Vec<Outcome> {
        match self {
            Self::Numbers(numbers) => numbers.outcomes(rows),
            Self::Texts(texts) => texts.outcomes(rows),
        }
    }
}
