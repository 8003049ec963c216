//! What the demonstration shows: the result beside the pooled one, where the time went, what left each party.

use anyhow::{Context, Result as Tried};
use serde_json::{Value, json};

use super::pooled::PooledResult;
use crate::client::{Client, text};
use crate::say;

/// What a step took, the longest of its participants.
struct StepTime {
    step: String,
    wall: f64,
    compute: f64,
    encryption: f64,
    network: f64,
    waiting: f64,
}

/// The result of the demonstration.
pub(crate) struct Result {
    job: String,
    auc: f64,
    ks: f64,
    pooled: PooledResult,
    job_seconds: f64,
    steps: Vec<StepTime>,
    /// Bytes that each party sent to the other, by party.
    sent: Vec<(String, u64)>,
}

/// Reads the result of a finished job over REST.
pub(crate) async fn read(client: &Client, job: &str, pooled: PooledResult) -> Tried<Result> {
    let of = json!({"job_id": job, "component_name": "evaluation_0", "role": "guest", "party_id": super::GUEST});
    let metrics = client
        .post("/v1/tracking/component/metric/all", &of)
        .await?;
    let pairs = metrics
        .pointer("/train/hetero_lr_0/data")
        .and_then(Value::as_array)
        .context("the evaluation left no scalars")?;
    let scalar = |name: &str| {
        let pair = pairs
            .iter()
            .find(|pair| pair.get(0).and_then(Value::as_str) == Some(name));
        pair.and_then(|pair| pair.get(1))
            .and_then(Value::as_f64)
            .with_context(|| format!("the evaluation left no {name}"))
    };
    let tasks = client
        .post("/v1/job/task/query", &json!({"job_id": job}))
        .await?;
    let tasks = tasks.as_array().cloned().unwrap_or_default();
    let row = crate::client::job_row(client, job).await?;
    let job_seconds = row
        .get("f_elapsed")
        .and_then(Value::as_f64)
        .unwrap_or_default()
        / 1000.0;
    Ok(Result {
        job: job.to_owned(),
        auc: scalar("auc")?,
        ks: scalar("ks")?,
        pooled,
        job_seconds,
        steps: steps(&tasks),
        sent: sent(&tasks),
    })
}

fn usage(task: &Value, field: &str) -> u64 {
    task.get("f_usage")
        .and_then(|usage| usage.get(field))
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

fn steps(tasks: &[Value]) -> Vec<StepTime> {
    let mut steps: Vec<StepTime> = Vec::new();
    for task in tasks {
        let seconds = |field: &str| usage(task, field) as f64 / 1e6;
        let time = StepTime {
            step: text(task, "f_component_name"),
            wall: seconds("wall_micros"),
            compute: seconds("compute_micros"),
            encryption: seconds("encryption_micros"),
            network: seconds("network_micros"),
            waiting: seconds("waiting_micros"),
        };
        match steps.iter_mut().find(|known| known.step == time.step) {
            None => steps.push(time),
            Some(known) => {
                known.wall = known.wall.max(time.wall);
                known.compute += time.compute;
                known.encryption += time.encryption;
                known.network = known.network.max(time.network);
                known.waiting = known.waiting.max(time.waiting);
            }
        }
    }
    steps
}

fn sent(tasks: &[Value]) -> Vec<(String, u64)> {
    let mut sent: Vec<(String, u64)> = Vec::new();
    for task in tasks {
        let (party, bytes) = (text(task, "f_party_id"), usage(task, "bytes_sent"));
        match sent.iter_mut().find(|(known, _)| *known == party) {
            None => sent.push((party, bytes)),
            Some((_, sum)) => *sum += bytes,
        }
    }
    sent
}

/// Shows it.
pub(crate) fn show(result: &Result, seconds: f64, as_json: bool) {
    if as_json {
        let steps: Vec<Value> = result
            .steps
            .iter()
            .map(|step| {
                json!({
                    "step": step.step, "seconds": step.wall, "compute": step.compute, "encryption": step.encryption,
                    "network": step.network, "waiting": step.waiting,
                })
            })
            .collect();
        let sent: serde_json::Map<String, Value> = result
            .sent
            .iter()
            .map(|(party, bytes)| (party.clone(), json!(bytes)))
            .collect();
        say::value(&json!({
            "job_id": result.job, "status": "success", "auc": result.auc, "ks": result.ks,
            "pooled_auc": result.pooled.auc, "rows": result.pooled.rows, "seconds": seconds,
            "job_seconds": result.job_seconds, "steps": steps, "bytes_sent": sent,
        }));
        return;
    }
    say::line("");
    say::line(format!(
        "  AUC {:.6}   KS {:.6}   on the {} people both know",
        result.auc, result.ks, result.pooled.rows
    ));
    say::line(format!(
        "  AUC {:.6}   if one of them had all the data (pooled)",
        result.pooled.auc
    ));
    say::line("");
    let cell = |seconds: f64| format!("{seconds:.3}");
    let rows: Vec<Vec<String>> = result
        .steps
        .iter()
        .map(|step| {
            let times = [
                step.wall,
                step.compute,
                step.encryption,
                step.network,
                step.waiting,
            ];
            std::iter::once(step.step.clone())
                .chain(times.map(cell))
                .collect()
        })
        .collect();
    say::table(
        &[
            "step",
            "seconds",
            "compute",
            "encryption",
            "network",
            "waiting",
        ],
        &rows,
    );
    say::line(
        "(compute and encryption: all participants together; network and waiting: the longest of them)",
    );
    say::line("");
    for (party, bytes) in &result.sent {
        say::line(format!(
            "  party {party} sent {:.1} MB to the other, not one feature or label in it",
            *bytes as f64 / 1e6
        ));
    }
    say::line(format!(
        "  job {} took {:.2} s; everything, from starting the daemons on, {seconds:.2} s",
        result.job, result.job_seconds
    ));
}
