//! Scales features by what one party's own rows say: to mean 0 and deviation 1, or to the span 0 to 1.

mod params;
#[cfg(test)]
mod tests;

use component_kit::{
    ComponentError, Description, Fitted, LocalOutput, LocalTask, LocalTransform, PassOn, PerColumn,
    Result,
};
use fate_models::{ColumnScale, ScaleMeta, ScaleParam, view};
use learning::scaling::{Method, Scaler, Scaling};
use serde_json::{Value, json};
use tables::Table;
use vocabulary::{ErrorCode, Fault};

use params::Params;

/// Scales features.
pub struct FeatureScale;

/// What a fit leaves: FATE's messages, and how columns are scaled.
type Model = (ScaleMeta, ScaleParam, Vec<(String, Scaling)>);

impl LocalTransform for FeatureScale {
    type Params = Params;
    type Model = Model;

    const DESCRIPTION: Description = Description::transform(
        "feature_scale",
        "scales features: to mean 0 and deviation 1, or to the span 0 to 1",
    )
    .modules(&["FeatureScale"]);

    fn pass_on(_input: &Table, params: &Params) -> Option<PassOn<Model>> {
        let idle = !*params.need_run || params.method.is_none();
        let (reason, model) = ("need_run is false, or method null", Some(Model::default()));
        idle.then_some(PassOn { reason, model })
    }

    fn fit(input: &Table, params: &Params, _task: &LocalTask) -> Result<Fitted<Model>> {
        let features = input.schema().features();
        let names = params.scale_names.as_deref().unwrap_or_default();
        let paths = ("scale_col_indexes", "scale_names");
        let chosen = params.scale_col_indexes.chosen(&features, names, paths)?;
        let columns: Vec<&str> = chosen.iter().map(|(_, name)| *name).collect();
        let lower = PerColumn::of(&params.feat_lower, features.len(), "feat_lower")?;
        let upper = PerColumn::of(&params.feat_upper, features.len(), "feat_upper")?;
        let method = params.method.map_or(Method::Standard, |method| *method);
        let scaler = Scaler {
            method,
            mode: *params.mode,
            with_mean: *params.with_mean && method == Method::Standard,
            with_std: *params.with_std && method == Method::Standard,
        };
        let scalings = input.each_column(&columns, |at, values| {
            let (feature, name) = chosen[at];
            let scaling = scaler.learn(values, [lower[feature], upper[feature]]);
            let scaling = scaling.ok_or_else(|| no_scaling(name))?;
            Ok::<_, ComponentError>((name.to_owned(), scaling))
        })?;
        let meta = ScaleMeta {
            method: method.as_str().to_owned(),
            mode: scaler.mode.as_str().to_owned(),
            area: "null".to_owned(),
            scale_column: columns.iter().map(ToString::to_string).collect(),
            feat_upper: ScaleMeta::bounds(&upper),
            feat_lower: ScaleMeta::bounds(&lower),
            with_mean: scaler.with_mean,
            with_std: scaler.with_std,
            need_run: true,
        };
        let scale = |(name, of): &(String, Scaling)| {
            let (mean, std) = of.mean_and_deviation(method);
            let (column_upper, column_lower) = (of.upper, of.lower);
            (
                name.clone(),
                ColumnScale {
                    column_upper,
                    column_lower,
                    mean,
                    std,
                },
            )
        };
        let param = ScaleParam {
            col_scale_param: scalings.iter().map(scale).collect(),
            header: features.iter().map(ToString::to_string).collect(),
        };
        let (summary, extras) = (param.summary(), json!({"method": meta.method}));
        let fitted = Fitted::new((meta, param, scalings));
        Ok(fitted.told("scale", "SCALE", extras).summary(summary))
    }

    fn apply(input: &Table, model: &Model, _task: &LocalTask) -> Result<LocalOutput> {
        let (_, _, scalings) = model;
        let columns: Vec<&str> = scalings.iter().map(|(name, _)| name.as_str()).collect();
        let scaled = input.map_floats(&columns, |at, value| scalings[at].1.apply(value))?;
        Ok(scaled.into())
    }

    fn view((meta, param, _): &Model) -> Option<Value> {
        Some(view::<fate_models::FeatureScale>(meta, param))
    }
}

fn no_scaling(column: &str) -> Fault {
    let text =
        format!("the column {column:?} cannot be scaled: it has no value, or too large ones");
    let next = "leave it out: name the other features in scale_names or scale_col_indexes";
    Fault::new(ErrorCode::TableInvalid, text).next(next)
}
