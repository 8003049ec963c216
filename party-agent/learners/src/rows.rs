//! A party's rows as a learner needs them: numbers without gaps, labels of the kind that it learns, columns found by name.

use std::sync::Arc;

use component_kit::{ComponentError, Result, TaskContext};
use learning::labels::LabelKind;
use ndarray::Array2;
use tables::{Table, TableError};
use vocabulary::{ErrorCode, Fault, Stage};

/// One table, read.
pub struct Rows {
    /// Row ids, in order.
    pub ids: Vec<String>,
    /// Name of the id column.
    pub id_name: String,
    /// Column names.
    pub names: Vec<String>,
    /// One column per name.
    pub features: Arc<Array2<f64>>,
    /// Labels, where the party has a column of them; rows that are only predicted may have none.
    pub labels: Option<Vec<Option<f64>>>,
}

impl Rows {
    /// Reads the table at a port, if one is wired; `names` picks columns, otherwise all features are taken.
    pub async fn read(
        task: &TaskContext,
        port: &str,
        names: Option<&[String]>,
        kind: LabelKind,
    ) -> Result<Option<Self>> {
        let Some(table) = task.input(port).await? else {
            return Ok(None);
        };
        let names = names.map(<[String]>::to_vec);
        let stage = task.stage();
        Ok(Some(
            task.compute(move || Self::of(&table, names, (stage, kind)))
                .await??,
        ))
    }

    /// Reads the table at a port.
    pub async fn need(
        task: &TaskContext,
        port: &str,
        names: Option<&[String]>,
        kind: LabelKind,
    ) -> Result<Self> {
        let missing = || {
            ComponentError::new(
                ErrorCode::DocumentInvalid,
                format!("no table is wired to the input {port}"),
            )
        };
        Self::read(task, port, names, kind)
            .await?
            .ok_or_else(missing)
    }

    fn of(
        table: &Table,
        names: Option<Vec<String>>,
        (stage, kind): (Stage, LabelKind),
    ) -> Result<Self> {
        let schema = table.schema();
        if table.is_empty() {
            let text = "the table has no rows";
            return Err(Fault::new(ErrorCode::IntersectionEmpty, text)
                .next("see what the Intersection found")
                .into());
        }
        if schema.weight().is_some() {
            return Err(ComponentError::new(
                ErrorCode::Unsupported,
                // Refused: to train without the weights would give another model than was asked
                // for.
                "row weights are not built for this learner: leave their column out",
            ));
        }
        let own = schema.features();
        let names = names.unwrap_or_else(|| own.iter().map(|&name| name.to_owned()).collect());
        let missing: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| !own.contains(name))
            .collect();
        if !missing.is_empty() {
            let text = format!(
                "columns of the model are missing in the table: {}",
                missing.join(", ")
            );
            return Err(Fault::new(ErrorCode::DataMismatch, text)
                .next("prepare the rows as for training")
                .into());
        }
        let features = table.matrix(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        refuse_gaps(&names, &features, stage)?;
        let labels = labels_of(table, kind)?;
        Ok(Self {
            ids: table.ids()?,
            id_name: schema.id_name.clone(),
            names,
            features: Arc::new(features),
            labels,
        })
    }

    /// The labels, one for each row: what is learned from must have them.
    pub fn need_labels(&self) -> Result<Vec<f64>> {
        let Some(labels) = &self.labels else {
            let fault = Fault::new(
                ErrorCode::TableInvalid,
                "the guest's table has no label column",
            );
            return Err(fault
                .next("set with_label and label_name in the DataTransform of the guest")
                .into());
        };
        let known: Vec<f64> = labels.iter().copied().flatten().collect();
        if known.len() == labels.len() {
            return Ok(known);
        }
        let text = format!(
            "{} of {} rows to learn from have no label",
            labels.len() - known.len(),
            labels.len()
        );
        Err(Fault::new(ErrorCode::TableInvalid, text)
            .next("give them labels, or leave them out of the table")
            .into())
    }

    /// The rows that have a label, with it.
    pub fn labelled(&self) -> Vec<(usize, f64)> {
        let all = self.labels.iter().flatten().enumerate();
        all.filter_map(|(row, label)| Some((row, (*label)?)))
            .collect()
    }
}

fn refuse_gaps(names: &[String], features: &Array2<f64>, stage: Stage) -> Result<()> {
    let gaps = |column: ndarray::ArrayView1<'_, f64>| {
        column.iter().filter(|value| !value.is_finite()).count()
    };
    let counted = names
        .iter()
        .zip(features.columns())
        .map(|(name, column)| (name, gaps(column)));
    let with_gaps: Vec<(&String, usize)> = counted.filter(|(_, gaps)| *gaps > 0).collect();
    let Some((name, gaps)) = with_gaps.first() else {
        return Ok(());
    };
    let rows = features.nrows();
    let more = if with_gaps.len() > 1 {
        format!(", and {} more columns have some", with_gaps.len() - 1)
    } else {
        String::new()
    };
    let text = format!("column {name} has {gaps} missing or infinite values in {rows} rows{more}");
    // A column without a value has no mean, and no smallest or largest value either.
    let next = if stage == Stage::Apply {
        // Rows are made as the training made them: what a predict job says of DataTransform does nothing.
        "train with missing_fill true in DataTransform, whose parameters a predict job cannot change; or fill the file and upload it again"
    } else if *gaps == rows {
        "leave the column out of the file and upload it again, or fill it: missing_fill true and missing_fill_method designated in \
         DataTransform"
    } else {
        "fill them: missing_fill true in DataTransform"
    };
    Err(Fault::new(ErrorCode::TableInvalid, text).next(next).into())
}

/// The labels, of this kind; what is missing is none. No message repeats a text, which may be of another column than meant.
fn labels_of(table: &Table, kind: LabelKind) -> Result<Option<Vec<Option<f64>>>> {
    let refused = |row: usize| {
        let (labels, next) = match kind {
            LabelKind::Classes => (
                "a classification must be whole numbers",
                "write labels as numbers in the table, 1 for the positive one, and upload it again",
            ),
            LabelKind::Numbers => (
                "a regression must be finite numbers",
                "write labels as numbers in the table, and upload it again",
            ),
        };
        let text = format!("labels of {labels}, which that of row {row} (from 0) is not");
        ComponentError::from(Fault::new(ErrorCode::TableInvalid, text).next(next))
    };
    let labels = match table.labels() {
        Err(TableError::NotANumber { row, .. }) => return Err(refused(row)),
        labels => labels?,
    };
    let Some(labels) = labels else {
        return Ok(None);
    };
    let is_of_kind = |label: f64| match kind {
        // Below 2^53 a double holds every whole number: none turns into its neighbour.
        LabelKind::Classes => label.fract() == 0.0 && label.abs() < 1e15,
        LabelKind::Numbers => label.is_finite(),
    };
    let one = |(row, label): (usize, f64)| match label {
        label if label.is_nan() => Ok(None),
        label if is_of_kind(label) => Ok(Some(label)),
        _ => Err(refused(row)),
    };
    labels
        .into_iter()
        .enumerate()
        .map(one)
        .collect::<Result<_>>()
        .map(Some)
}
