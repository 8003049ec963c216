//! The local component to copy: learns the mean of a column, and writes what is above it beside the column. All of it stands in
//! one file.

#[cfg(test)]
mod tests;

use component_kit::lenient::Flag;
use component_kit::{
    Description, Fitted, LocalOutput, LocalTask, LocalTransform, PassOn, Result, params,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tables::{Column, ColumnKind, Part, Table, TableError, Values};
use vocabulary::{ErrorCode, Fault};

params! {
    /// Parameters of `template_local`.
    pub struct Params {
        /// The numeric column. Default `x0`.
        column: String = "x0", in filled("the column has no name");
        /// How many means are taken away from each value, 0 to 10. Default 1.
        times: f64 = 1.0, in 0.0..=10.0;
        /// Whether there is anything to do; without it the table is passed on as it is. Default true.
        need_run: Flag<true> = true;
    }
}

/// Values above the mean.
pub struct TemplateLocal;

/// What a fit leaves; the default of one that had nothing to do, which leaves tables as they are.
#[derive(Default, Serialize, Deserialize)]
pub struct Model {
    column: Option<String>,
    mean: f64,
    times: f64,
}

impl LocalTransform for TemplateLocal {
    type Params = Params;
    type Model = Model;

    const DESCRIPTION: Description = Description::transform(
        "template_local",
        "the mean of a column, and what each value is above it",
    )
    .modules(&["TemplateLocal"]);

    fn pass_on(_input: &Table, params: &Params) -> Option<PassOn<Model>> {
        let (reason, model) = ("need_run is false", Some(Model::default()));
        (!*params.need_run).then_some(PassOn { reason, model })
    }

    fn fit(input: &Table, params: &Params, task: &LocalTask) -> Result<Fitted<Model>> {
        let sums = |part: &Table, _before: usize| -> Result<(f64, u64)> {
            let values = part.floats(&params.column)?;
            let known = values.iter().filter(|value| !value.is_nan());
            Ok(known.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1)))
        };
        let (sum, count) =
            input.fold_partitions(sums, |one, other| (one.0 + other.0, one.1 + other.1))?;
        if count == 0 {
            return Err(no_value(&params.column).into());
        }
        task.info(format!("{count} values of {} are known", params.column));
        let model = Model {
            column: Some(params.column.clone()),
            mean: sum / count as f64,
            times: params.times,
        };
        // A mean is of many rows, but of few it tells much: the summary gives away what rows do.
        let summary = json!({"column": model.column, "mean": model.mean});
        Ok(Fitted::new(model).summary(summary))
    }

    fn apply(input: &Table, model: &Model, _task: &LocalTask) -> Result<LocalOutput> {
        let Some(name) = &model.column else {
            return Ok(input.clone().into());
        };
        let above = |part: &Table, _before: usize| -> Result<Table, TableError> {
            let mut values = part.floats(name)?;
            values
                .iter_mut()
                .for_each(|value| *value -= model.times * model.mean);
            let column = Column::new(
                format!("{name}_above_mean"),
                ColumnKind::Float,
                Part::Feature,
            );
            part.with_columns(vec![(column, Values::Float(values))])
        };
        Ok(input.map_partitions(above)?.into())
    }
}

fn no_value(column: &str) -> Fault {
    let text = format!("the column {column:?} has no value");
    let next = "name another column in `column`, or give rows in which it has a value";
    Fault::new(ErrorCode::TableInvalid, text).next(next)
}
