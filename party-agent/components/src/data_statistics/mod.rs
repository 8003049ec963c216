//! Statistics of features, which each party computes of its own rows.

mod params;
#[cfg(test)]
mod tests;

use component_kit::{
    ComponentError, Description, Fitted, LocalOutput, LocalTask, LocalTransform, PassOn, Result,
};
use fate_models::{StatisticMeta, StatisticParam, view};
use learning::statistics::{Moments, Statistic};
use serde_json::Value;
use tables::Table;
use vocabulary::{ErrorCode, Fault};

use params::{Abnormal, Params};

/// Computes statistics of features.
pub struct DataStatistics;

/// What a fit leaves: FATE's messages.
type Model = (StatisticMeta, StatisticParam);

impl LocalTransform for DataStatistics {
    type Params = Params;
    type Model = Model;

    const DESCRIPTION: Description = Description::transform(
        "data_statistics",
        "computes statistics of features: moments, extremes, quantiles, missing values",
    )
    .modules(&["DataStatistics"]);

    fn pass_on(_input: &Table, params: &Params) -> Option<PassOn<Model>> {
        let model = Some(Model::default());
        let reason = "need_run is false";
        (!*params.need_run).then_some(PassOn { reason, model })
    }

    fn fit(input: &Table, params: &Params, task: &LocalTask) -> Result<Fitted<Model>> {
        if input.is_empty() {
            let text = "the table has no rows: there is nothing to compute";
            let fault = Fault::new(ErrorCode::TableInvalid, text);
            return Err(fault.next("see what the step before it left").into());
        }
        let features = input.schema().features();
        let names = params.column_names.as_deref().unwrap_or_default();
        let paths = ("column_indexes", "column_names");
        let chosen = params.column_indexes.chosen(&features, names, paths)?;
        let columns: Vec<&str> = chosen.into_iter().map(|(_, name)| name).collect();
        let abnormal: Vec<f64> = params
            .abnormal_list
            .iter()
            .flatten()
            .filter_map(Abnormal::value)
            .collect();
        let figures = input.each_column(&columns, |at, mut values| {
            values.retain(|value| !abnormal.contains(value));
            let moments = Moments::of(values.iter().copied());
            values.retain(|value| !value.is_nan());
            let figure = |of: Statistic| of.of(&moments, &mut values, *params.bias);
            let finite = |figure: Option<f64>| figure.filter(|figure| figure.is_finite());
            let figures: Vec<_> = params.statistics.iter().map(figure).map(finite).collect();
            if figures.contains(&None) {
                let name = columns[at];
                task.warn(format!("some figures of the column {name:?} are left out: it has no value, or too large ones"));
            }
            Ok::<_, ComponentError>(figures)
        })?;
        let statistics: Vec<String> = params.statistics.iter().map(|of| of.to_string()).collect();
        let param = StatisticParam::of(&columns, &statistics, &figures);
        let meta = StatisticMeta {
            statistics,
            static_columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            quantile_error: params.quantile_error,
            need_run: true,
        };
        let summary = param.summary();
        Ok(Fitted::new((meta, param))
            .output(input.clone())
            .summary(summary))
    }

    fn apply(input: &Table, _model: &Model, _task: &LocalTask) -> Result<LocalOutput> {
        Ok(input.clone().into())
    }

    fn view((meta, param): &Model) -> Option<Value> {
        Some(view::<fate_models::DataStatistics>(meta, param))
    }
}
