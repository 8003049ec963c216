//! `fedflow schedule`: jobs that are begun again and again.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, text};
use crate::endpoint::EndpointArguments;
use crate::job::read_json;
use crate::say;

/// Which schedule.
#[derive(Args, Clone)]
pub(crate) struct OneSchedule {
    /// The schedule's id.
    schedule: String,
    #[command(flatten)]
    rest: EndpointArguments,
}

/// When its jobs begin.
#[derive(Args, Clone)]
#[group(required = true, multiple = false)]
pub(crate) struct RuleArguments {
    /// Again after so many seconds.
    #[arg(long)]
    every_seconds: Option<u64>,
    /// At the moments of a cron text, in UTC (`0 3 * * *`).
    #[arg(long)]
    cron: Option<String>,
}

/// How long a party's agent signs the schedule's jobs; counts at a party's own endpoint.
#[derive(Args, Clone)]
pub(crate) struct EndArguments {
    /// For so many days (90 if it is left out).
    #[arg(long)]
    days: Option<u32>,
    /// For so many jobs (10,000 if it is left out).
    #[arg(long)]
    times: Option<u64>,
}

/// What to do with schedules.
#[derive(Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Keep a job's documents and submit them again and again.
    Create {
        /// The runtime conf, a JSON file.
        #[arg(long)]
        conf: PathBuf,
        /// The DSL, a JSON file; none for a predict job.
        #[arg(long)]
        dsl: Option<PathBuf>,
        #[command(flatten)]
        rule: RuleArguments,
        /// A name for people.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        end: EndArguments,
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// List schedules, and when they begin next.
    List {
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// Let it begin jobs from now on.
    Enable(OneSchedule),
    /// Let it begin no more jobs.
    Disable(OneSchedule),
    /// Delete it; its jobs stay.
    Delete(OneSchedule),
}

impl ScheduleCommand {
    fn rest(&self) -> &EndpointArguments {
        match self {
            Self::Create { rest, .. } | Self::List { rest } => rest,
            Self::Enable(one) | Self::Disable(one) | Self::Delete(one) => &one.rest,
        }
    }

    /// Whether the answer shall be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.rest().json
    }
}

/// Does it.
pub(crate) async fn run(command: &ScheduleCommand) -> Result<()> {
    let client = command.rest().client()?;
    let json = command.is_json();
    let (what, one) = match command {
        ScheduleCommand::Create {
            conf,
            dsl,
            rule,
            name,
            end,
            ..
        } => {
            let until = end.days.map(|days| {
                (chrono::Utc::now() + chrono::Duration::days(days.into())).timestamp_millis()
            });
            let body = json!({
                "job_runtime_conf": read_json(conf)?,
                "job_dsl": dsl.as_ref().map(read_json).transpose()?,
                "every_seconds": rule.every_seconds,
                "cron": rule.cron,
                "name": name,
                "until": until,
                "times": end.times,
            });
            let made = client.post("/v1/fedflow/schedules/create", &body).await?;
            if json {
                say::value(&made)
            } else {
                say::line(text(&made, "schedule_id"))
            }
            return Ok(());
        }
        ScheduleCommand::List { .. } => return list(&client, json).await,
        ScheduleCommand::Enable(one) => ("enable", one),
        ScheduleCommand::Disable(one) => ("disable", one),
        ScheduleCommand::Delete(one) => ("delete", one),
    };
    let path = format!("/v1/fedflow/schedules/{what}");
    let reply = client
        .post_whole(&path, &json!({"schedule_id": one.schedule}))
        .await?;
    crate::client::succeeded(&reply)?;
    if json {
        say::value(&reply)
    } else {
        say::line(format!("{what}d {}", one.schedule))
    }
    Ok(())
}

async fn list(client: &Client, json: bool) -> Result<()> {
    let data = client
        .post("/v1/fedflow/schedules/query", &json!({}))
        .await?;
    if json {
        say::value(&data);
        return Ok(());
    }
    let moment = |millis: &Value| {
        let time = millis
            .as_i64()
            .and_then(chrono::DateTime::from_timestamp_millis);
        time.map_or_else(String::new, |time| {
            time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
        })
    };
    let cells = |schedule: &Value| {
        let rule = match schedule["every_seconds"].as_u64() {
            Some(seconds) => format!("every {seconds} s"),
            None => text(schedule, "cron"),
        };
        let last = &schedule["last"];
        let last = if last["error"].is_string() {
            text(last, "error")
        } else {
            text(last, "job_id")
        };
        vec![
            text(schedule, "schedule_id"),
            text(schedule, "name"),
            rule,
            moment(&schedule["next_time"]),
            last,
        ]
    };
    let rows: Vec<Vec<String>> = data
        .as_array()
        .context("the REST endpoint's answer is not a list")?
        .iter()
        .map(cells)
        .collect();
    say::table(&["schedule", "name", "rule", "next", "last"], &rows);
    Ok(())
}
