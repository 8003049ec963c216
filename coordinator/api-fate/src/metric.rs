//! `tracking/component/metric*`: what a task measured.

use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::ServiceError;
use vocabulary::{Metric, MetricData};

use super::FateFlow;
use super::job_view::{find_job, find_own_task};
use super::reply::{answer, fail};
use super::request::Call;

/// The metrics that a request means; none when there is no such task or try.
async fn metrics_of(api: &FateFlow, call: &Call) -> Result<Vec<Metric>, Failure> {
    call.need("job_id")?;
    call.need("component_name")?;
    let Some((_, _, task)) = find_own_task(api, call).await? else {
        return Ok(Vec::new());
    };
    match api.coordinator().jobs().metrics(&task).await {
        Ok(metrics) => Ok(metrics),
        Err(ServiceError::NotFound(_)) => Ok(Vec::new()),
        Err(error) => Err(fail(error)),
    }
}

/// Values by namespace and name.
fn grouped<T>(
    metrics: &[Metric],
    view: impl Fn(&Metric) -> T,
    mut put: impl FnMut(&mut Value, &str, T),
    empty: &Value,
) -> Value {
    let mut groups = Map::new();
    for metric in metrics {
        let group = groups
            .entry(metric.namespace.clone())
            .or_insert_with(|| empty.clone());
        put(group, &metric.name, view(metric));
    }
    Value::Object(groups)
}

fn found(data: Value) -> Answer {
    let nothing = data.as_object().is_some_and(Map::is_empty);
    let reply = Reply::data(data);
    answer(if nothing {
        reply.saying("no data")
    } else {
        reply
    })
}

pub(super) async fn all(api: FateFlow, call: Call) -> Answer {
    let metrics = metrics_of(&api, &call).await?;
    let view = |metric: &Metric| json!({"data": pairs(&metric.data), "meta": metric.meta});
    found(grouped(
        &metrics,
        view,
        |group, name, view| {
            if let Value::Object(group) = group {
                group.insert(name.to_owned(), view);
            }
        },
        &json!({}),
    ))
}

pub(super) async fn names(api: FateFlow, call: Call) -> Answer {
    let metrics = metrics_of(&api, &call).await?;
    found(grouped(
        &metrics,
        |_| (),
        |group, name, ()| {
            if let Value::Array(group) = group {
                group.push(json!(name));
            }
        },
        &json!([]),
    ))
}

pub(super) async fn data(api: FateFlow, call: Call) -> Answer {
    // the seed's documents write "meric_name"
    let name = call
        .text("meric_name")
        .map_or_else(|| call.need("metric_name"), Ok)?;
    let namespace = call.text("metric_namespace");
    let metrics = metrics_of(&api, &call).await?;
    let wanted = |metric: &&Metric| {
        metric.name == name
            && namespace
                .as_ref()
                .is_none_or(|own| metric.namespace == *own)
    };
    match metrics.iter().find(wanted) {
        Some(metric) => {
            answer(Reply::data(pairs(&metric.data)).with_meta(Value::Object(metric.meta.clone())))
        }
        None => {
            answer(Reply::data(json!([])).with_meta(json!({"name": null, "metric_type": null})))
        }
    }
}

pub(super) async fn delete(api: FateFlow, call: Call) -> Answer {
    call.need("job_id")?;
    let deleted = match find_job(&api, &call).await? {
        Some(job) => api
            .coordinator()
            .jobs()
            .delete_metrics(&call.principal, &job.id)
            .await
            .map_err(fail)?,
        None => false,
    };
    answer(Reply::data(json!(format!(
        "delete status: {}",
        if deleted { "True" } else { "False" }
    ))))
}

/// Pairs as clients read them: whole keys without a fraction, values as they are.
pub(super) fn pairs(data: &MetricData) -> Value {
    match data {
        MetricData::Points(points) => points
            .iter()
            .map(|(key, value)| json!([number(key.get()), value]))
            .collect(),
        MetricData::Values(values) => values
            .iter()
            .map(|(key, value)| json!([key, number(value.get())]))
            .collect(),
    }
}

/// A number without a fraction when it has none (and is exact as an integer).
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        json!(value as i64)
    } else {
        json!(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_whole_keys_and_counts_as_integers() {
        let points = MetricData::Points(vec![(0.0, 0.5), (0.5, 1.0)]).finite().0;
        assert_eq!(pairs(&points).to_string(), "[[0,0.5],[0.5,1.0]]");
        let values = MetricData::Values(vec![("count".into(), 569.0), ("auc".into(), 0.99)])
            .finite()
            .0;
        assert_eq!(
            pairs(&values).to_string(),
            "[[\"count\",569],[\"auc\",0.99]]"
        );
    }
}
