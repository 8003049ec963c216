//! What every role does: judge the prediction tables that arrive, one metric set each.

use component_kit::{ComponentError, Result, TaskContext};
use learning::evaluation::resolve_metrics;
use serde_json::{Map, Value};
use vocabulary::{ErrorCode, Tells};

use super::figures::{Plan, evaluate};
use super::params::Params;

pub(super) async fn run(task: &TaskContext, params: Params) -> Result<()> {
    if !params.need_run {
        task.info("need_run is false: nothing is evaluated");
        return Ok(());
    }
    let tables = task.inputs("data").await?;
    if tables.is_empty() {
        task.info("no prediction table arrives here: there is nothing to evaluate");
        return Ok(());
    }
    let plan = plan(&params)?;
    let (mut summary, mut fewest) = (Map::new(), usize::MAX);
    let count = tables.len();
    for (number, (step, table)) in tables.into_iter().enumerate() {
        let (name, plan) = (step.to_string(), plan.clone());
        let done = task
            .compute(move || evaluate(&name, &table, &plan))
            .await??;
        done.remarks.iter().for_each(|remark| task.warn(remark));
        if let Some(why) = &done.idle {
            task.info(why);
            // An idle table counts for nothing, not even as one of no rows: `fewest` would be 0.
            continue;
        }
        for metric in done.metrics.iter().flat_map(|(_, metrics)| metrics) {
            task.info(format!("{} {}", metric.namespace, metric.name));
        }
        for (rows, metrics) in done
            .metrics
            .into_iter()
            .filter(|(_, metrics)| !metrics.is_empty())
        {
            task.metrics(&[Tells::Figures]).over(rows).report(metrics);
        }
        // The summary has figures of all tables, so it is judged by the smallest of them.
        fewest = fewest.min(done.fewest);
        summary.insert(step.to_string(), Value::Object(done.summary));
        task.progress(
            (number + 1) as f64 / count as f64,
            format!("{step} evaluated"),
        );
    }
    if !summary.is_empty() {
        task.metrics(&[Tells::Figures])
            .over(fewest)
            .summary(&Value::Object(summary));
    }
    Ok(())
}

fn plan(params: &Params) -> Result<Plan> {
    let kind = *params.eval_type;
    let invalid = |error: learning::evaluation::MetricError| {
        ComponentError::new(ErrorCode::ParameterInvalid, error.to_string())
    };
    Ok(Plan {
        kind,
        metrics: resolve_metrics(kind, params.names()).map_err(invalid)?,
        positive: params.pos_label.clone(),
        unfold: params.unfold_multi_result,
    })
}
