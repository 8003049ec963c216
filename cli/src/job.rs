//! `fedflow job`: submit, watch, stop and read jobs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vocabulary::{ErrorCode, Fault};

use crate::client::{Client, job_row, succeeded, text};
use crate::endpoint::EndpointArguments;
use crate::say;

/// Which job.
#[derive(Args, Clone)]
pub(crate) struct OneJob {
    /// The job's id.
    job: String,
    #[command(flatten)]
    rest: EndpointArguments,
}

/// Which step of a job, at whom.
#[derive(Args, Clone)]
pub(crate) struct OneStep {
    /// The job's id.
    job: String,
    /// The step (`hetero_lr_0`).
    #[arg(long)]
    step: Option<String>,
    /// The role.
    #[arg(long)]
    role: Option<String>,
    /// The party.
    #[arg(long)]
    party: Option<String>,
    #[command(flatten)]
    rest: EndpointArguments,
}

/// What to do with jobs.
#[derive(Subcommand)]
pub(crate) enum JobCommand {
    /// Submit a job: a FATE DSL and a runtime conf, version 1 or 2.
    Submit {
        /// The DSL (JSON); predict jobs have none.
        #[arg(long)]
        dsl: Option<PathBuf>,
        /// The runtime conf (JSON).
        #[arg(long)]
        conf: PathBuf,
        /// Wait for its end.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// Wait for a job's end.
    Wait {
        /// The longest wait, in seconds.
        #[arg(long, default_value_t = 3600)]
        timeout: u64,
        #[command(flatten)]
        one: OneJob,
    },
    /// List jobs, newest first.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// Show a job: its state, its tasks, what it waits for.
    Show {
        #[command(flatten)]
        one: OneJob,
    },
    /// Stop a job.
    Stop {
        #[command(flatten)]
        one: OneJob,
    },
    /// Run what did not succeed again.
    Rerun {
        /// Only this step and those after it.
        #[arg(long)]
        step: Option<String>,
        /// Also what succeeded.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        one: OneJob,
    },
    /// Show what a job measured.
    Metrics {
        #[command(flatten)]
        one: OneStep,
    },
    /// Show a party's log of a job.
    Log {
        #[command(flatten)]
        one: OneStep,
    },
}

impl JobCommand {
    fn rest(&self) -> &EndpointArguments {
        match self {
            Self::Submit { rest, .. } | Self::List { rest, .. } => rest,
            Self::Wait { one, .. }
            | Self::Show { one }
            | Self::Stop { one }
            | Self::Rerun { one, .. } => &one.rest,
            Self::Metrics { one } | Self::Log { one } => &one.rest,
        }
    }

    /// Whether the answer shall be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.rest().json
    }
}

/// Does it.
pub(crate) async fn run(command: &JobCommand) -> Result<()> {
    let client = command.rest().client()?;
    let json = command.is_json();
    match command {
        JobCommand::Submit {
            dsl, conf, wait, ..
        } => {
            let dsl = dsl.as_ref().map_or(Ok(Value::Null), read_json)?;
            let job = submit(&client, &dsl, &read_json(conf)?).await?;
            if *wait {
                return end_of(&client, &job, json, 86_400).await;
            }
            if json {
                say::value(&json!({"job_id": job}))
            } else {
                say::line(&job)
            }
        }
        JobCommand::Wait { timeout, one } => {
            return end_of(&client, &one.job, json, *timeout).await;
        }
        JobCommand::List { limit, .. } => list(&client, *limit, json).await?,
        JobCommand::Show { one } => show(&client, &one.job, json).await?,
        JobCommand::Stop { one } => {
            let reply = client
                .post_whole("/v1/job/stop", &json!({"job_id": one.job}))
                .await?;
            succeeded(&reply)?;
            if json {
                say::value(&reply)
            } else {
                say::line(text(&reply, "retmsg"))
            }
        }
        JobCommand::Rerun { step, force, one } => {
            let mut body = json!({"job_id": one.job, "force": force});
            if let Some(step) = step {
                body["component_name"] = json!(step);
            }
            let reply = client.post_whole("/v1/job/rerun", &body).await?;
            succeeded(&reply)?;
            if json {
                say::value(&reply)
            } else {
                say::line(text(&reply, "retmsg"))
            }
        }
        JobCommand::Metrics { one } => metrics(&client, one).await?,
        JobCommand::Log { one } => log(&client, one).await?,
    }
    Ok(())
}

/// A document from a file.
pub(crate) fn read_json(path: &PathBuf) -> Result<Value> {
    let file = || path.display();
    let content = std::fs::read_to_string(path).map_err(|error| {
        Fault::new(
            ErrorCode::FileUnreadable,
            format!("{} cannot be read: {error}", file()),
        )
    })?;
    let read = serde_json::from_str(&content);
    read.map_err(|error| {
        Fault::new(
            ErrorCode::DocumentInvalid,
            format!("{} is not JSON: {error}", file()),
        )
        .into()
    })
}

/// Submits a job; gives its id.
pub(crate) async fn submit(client: &Client, dsl: &Value, conf: &Value) -> Result<String> {
    let reply = client
        .post_whole(
            "/v1/job/submit",
            &json!({"job_dsl": dsl, "job_runtime_conf": conf}),
        )
        .await?;
    // The first thing that is wrong is the error; the others stand below it, indented as it is.
    let said = text(&reply, "retmsg");
    let others = said.lines().filter(|line| line.starts_with("  ")).skip(1);
    others
        .filter(|_| text(&reply, "retcode") != "0")
        .for_each(|line| say::remark(format!("also {}", line.trim())));
    succeeded(&reply)?;
    for warning in reply
        .pointer("/data/warnings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let line = warning.as_str().unwrap_or_default();
        say::remark(format!(
            "warning: {}",
            line.strip_prefix("[WARN]").unwrap_or(line)
        ));
    }
    Ok(text(&reply, "jobId"))
}

/// How to watch a job.
pub(crate) struct Watch {
    /// Show nothing.
    pub(crate) quiet: bool,
    /// The longest wait.
    pub(crate) seconds: u64,
}

const SETTLED: [&str; 5] = ["success", "failed", "canceled", "timeout", "pass"];

/// Waits for a job's end, showing how far it is; gives its row.
pub(crate) async fn watch(client: &Client, job: &str, how: Watch) -> Result<Value> {
    let progress = say::Progress::new(how.quiet);
    let waiting = async {
        let mut pause = Duration::from_millis(20);
        loop {
            let row = job_row(client, job).await?;
            if SETTLED.contains(&text(&row, "f_status").as_str()) {
                return anyhow::Ok(row);
            }
            progress.say(said_of(client, job, &row).await);
            tokio::time::sleep(pause).await;
            // Short jobs are told at once, and long ones do not load the REST endpoint.
            pause = (pause * 3 / 2).min(Duration::from_millis(500));
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(how.seconds), waiting).await;
    progress.end();
    ended.map_err(|_| {
        let text = format!("job {job} did not end within {} s; it goes on", how.seconds);
        Fault::new(ErrorCode::DeadlinePassed, text).next(format!("see `fedflow job show {job}`"))
    })?
}

async fn said_of(client: &Client, job: &str, row: &Value) -> String {
    let head = format!("{} {} %", text(row, "f_status"), text(row, "f_progress"));
    let waits = text(row, "f_waiting_reason");
    if !waits.is_empty() {
        return format!("{head}  {waits}");
    }
    let running = client
        .post(
            "/v1/job/task/query",
            &json!({"job_id": job, "status": "running"}),
        )
        .await;
    let tasks = running
        .ok()
        .and_then(|tasks| tasks.as_array().cloned())
        .unwrap_or_default();
    let said: Vec<String> = tasks
        .iter()
        .map(|task| {
            let told = text(task, "f_progress");
            let at = format!(
                "{} at {} {}",
                text(task, "f_component_name"),
                text(task, "f_role"),
                text(task, "f_party_id")
            );
            if told.is_empty() {
                at
            } else {
                format!("{at}: {told}")
            }
        })
        .take(2)
        .collect();
    format!("{head}  {}", said.join(" | "))
}

/// Why a job did not succeed: the root cause, not its echoes.
pub(crate) async fn why(client: &Client, job: &str, row: &Value) -> Fault {
    let of_row = row
        .get("f_fault")
        .and_then(|reason| serde_json::from_value::<Fault>(reason.clone()).ok());
    if let Some(fault) = of_row {
        return fault;
    }
    let tasks = client
        .post("/v1/job/task/query", &json!({"job_id": job}))
        .await
        .unwrap_or_default();
    let report = tasks
        .as_array()
        .into_iter()
        .flatten()
        .map(|task| text(task, "f_error_report"))
        .find(|report| !report.is_empty());
    let status = text(row, "f_status");
    Fault::new(
        ErrorCode::JobState,
        report.unwrap_or_else(|| format!("job {job} ended as {status}")),
    )
}

async fn end_of(client: &Client, job: &str, json: bool, seconds: u64) -> Result<()> {
    let row = watch(
        client,
        job,
        Watch {
            quiet: json,
            seconds,
        },
    )
    .await?;
    let status = text(&row, "f_status");
    if status != "success" {
        return Err(why(client, job, &row).await.into());
    }
    if json {
        say::value(
            &json!({"job_id": job, "status": status, "elapsed_millis": row.get("f_elapsed")}),
        );
    } else {
        say::line(format!(
            "{job} {status} after {} ms",
            text(&row, "f_elapsed")
        ));
    }
    Ok(())
}

async fn list(client: &Client, limit: u32, json: bool) -> Result<()> {
    let data = client
        .post("/v1/job/list/job", &json!({"limit": limit}))
        .await?;
    if json {
        say::value(&data);
        return Ok(());
    }
    let jobs = data
        .get("jobs")
        .and_then(Value::as_array)
        .context("the REST endpoint's answer has no jobs")?;
    let rows: Vec<Vec<String>> = jobs
        .iter()
        .map(|job| {
            [
                "job_id",
                "status",
                "progress",
                "role",
                "party_id",
                "create_date",
            ]
            .map(|field| text(job, field))
            .to_vec()
        })
        .collect();
    say::table(&["job", "status", "%", "role", "party", "created"], &rows);
    Ok(())
}

async fn show(client: &Client, job: &str, json: bool) -> Result<()> {
    let row = job_row(client, job).await?;
    let tasks = client
        .post("/v1/job/task/query", &json!({"job_id": job}))
        .await?;
    if json {
        say::value(&json!({"job": row, "tasks": tasks}));
        return Ok(());
    }
    say::line(format!(
        "{job}  {}  {} %",
        text(&row, "f_status"),
        text(&row, "f_progress")
    ));
    let waits = text(&row, "f_waiting_reason");
    if !waits.is_empty() {
        say::line(format!("waits: {waits}"));
    }
    for warning in row
        .get("f_warnings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        say::line(format!(
            "warning: {}",
            warning.strip_prefix("[WARN]").unwrap_or(warning)
        ));
    }
    let rows: Vec<Vec<String>> = tasks
        .as_array()
        .into_iter()
        .flatten()
        .map(|task| {
            [
                "f_component_name",
                "f_role",
                "f_party_id",
                "f_task_version",
                "f_status",
                "f_elapsed",
                "f_error_report",
            ]
            .map(|field| text(task, field))
            .to_vec()
        })
        .collect();
    say::table(
        &["step", "role", "party", "attempt", "status", "ms", "error"],
        &rows,
    );
    Ok(())
}

async fn metrics(client: &Client, one: &OneStep) -> Result<()> {
    let tasks = client
        .post("/v1/job/task/query", &json!({"job_id": one.job}))
        .await?;
    let mut all = serde_json::Map::new();
    for task in tasks
        .as_array()
        .into_iter()
        .flatten()
        .filter(|task| wanted(one, task))
    {
        let (step, role, party) = (
            text(task, "f_component_name"),
            text(task, "f_role"),
            text(task, "f_party_id"),
        );
        let of =
            json!({"job_id": one.job, "component_name": step, "role": role, "party_id": party});
        let data = client
            .post("/v1/tracking/component/metric/all", &of)
            .await?;
        if data.as_object().is_some_and(|data| !data.is_empty()) {
            all.insert(format!("{step} {role} {party}"), data);
        }
    }
    if one.rest.json {
        say::value(&Value::Object(all));
        return Ok(());
    }
    for (task, namespaces) in &all {
        for (namespace, metrics) in namespaces.as_object().into_iter().flatten() {
            for (name, metric) in metrics.as_object().into_iter().flatten() {
                say::line(format!("{task}  {namespace}/{name}  {}", shortened(metric)));
            }
        }
    }
    Ok(())
}

/// A metric on one line: all of a few values, the last of a curve.
fn shortened(metric: &Value) -> String {
    let data = metric
        .get("data")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    match data.as_slice() {
        [] => "(in its meta)".to_owned(),
        few if few.len() <= 8 => Value::Array(few.to_vec()).to_string(),
        many => format!(
            "{} points, last {}",
            many.len(),
            many.last().cloned().unwrap_or_default()
        ),
    }
}

fn wanted(one: &OneStep, task: &Value) -> bool {
    let fits = |wish: &Option<String>, field: &str| {
        wish.as_ref().is_none_or(|wish| *wish == text(task, field))
    };
    fits(&one.step, "f_component_name")
        && fits(&one.role, "f_role")
        && fits(&one.party, "f_party_id")
}

async fn log(client: &Client, one: &OneStep) -> Result<()> {
    let row = job_row(client, &one.job).await?;
    let role = one.role.clone().unwrap_or_else(|| text(&row, "f_role"));
    let party = one
        .party
        .clone()
        .unwrap_or_else(|| text(&row, "f_party_id"));
    let of = json!({"job_id": one.job, "log_type": "partyInfo", "role": role, "party_id": party});
    let lines = client.post("/v1/log/cat", &of).await?;
    if one.rest.json {
        say::value(&lines);
        return Ok(());
    }
    for line in lines.as_array().into_iter().flatten() {
        say::line(text(line, "content"));
    }
    Ok(())
}
