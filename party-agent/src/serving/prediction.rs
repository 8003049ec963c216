//! One prediction: the rows that are asked for become a table, a predict job is submitted as the party's user, and its
//! scores are read. Whatever happens, it ends in time and its tables go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rest::Forward;
use rest::lenient::{read_json, whole_body};
use rest::proxy::{make_response, whole};
use serde_json::{Map, Value, json};
use tables::TableStore;
use tokio::time::Instant;
use vocabulary::{ErrorCode, Fault, JobId, Participant, ServingPlan, TableRef};
use wire::agent_link::{Caller, HttpHead};

use crate::agent_state::AgentState;
use crate::blocking::off_thread;
use crate::tickets::{self, Tickets};

/// The first pause between two looks at the job; pauses grow to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(15);
const LONGEST_PAUSE: Duration = Duration::from_millis(120);
/// How long one request to the coordinator may take.
const REPLY_PATIENCE: Duration = Duration::from_secs(10);
/// The column by which a table of predictions is known.
const RESULT: &str = "predict_result";
/// What the job says of itself, so that the coordinator applies the part of the model that makes scores.
const PURPOSE: &str = "inference";

/// What a prediction gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Batch {
    /// Columns of a prediction by id; ids that one of the parties does not have are missing.
    pub(crate) scores: BTreeMap<String, Value>,
    /// The job that ran; none when this party has none of the ids.
    pub(crate) job: Option<JobId>,
}

/// What a prediction works on.
pub(super) struct Prediction {
    pub(super) agent_state: Arc<AgentState>,
    pub(super) coordinator: Arc<dyn Forward>,
    pub(super) tickets: Tickets,
    pub(super) service: String,
    pub(super) plan: ServingPlan,
    pub(super) patience: Duration,
}

/// Tables of the asked rows, by reader.
type RequestTables = BTreeMap<String, TableRef>;

impl Prediction {
    pub(super) async fn run(&self, ids: Vec<String>) -> Result<Batch, Fault> {
        let deadline = Instant::now() + self.patience;
        self.need_everybody().await?;
        let mut made = RequestTables::new();
        let mut batch = Batch::default();
        let done = match self.make_tables(ids, &mut made).await {
            Ok(true) => self.score(&made, deadline, &mut batch).await,
            Ok(false) => Ok(()),
            Err(fault) => Err(fault),
        };
        self.clean_up(made, batch.job.clone()).await;
        done.map(|()| batch)
    }

    fn me(&self) -> Participant {
        Participant::new(self.plan.initiator.role, self.agent_state.me.clone())
    }

    /// A job for a party that is away would wait: nobody here waits with it.
    async fn need_everybody(&self) -> Result<(), Fault> {
        let health = self.ask("GET", "/v1/fedflow/health", json!({})).await?;
        let online = health
            .pointer("/data/agents_online")
            .and_then(Value::as_array);
        let online: BTreeSet<&str> = online
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        match self
            .plan
            .parts
            .iter()
            .find(|part| !online.contains(part.owner.party.as_str()))
        {
            None => Ok(()),
            Some(part) => Err(Fault::new(
                ErrorCode::PartyOffline,
                format!("{} is not connected", part.owner),
            )
            .at(&part.owner.party)
            .next("ask again when its agent runs")),
        }
    }

    /// Makes a table of the asked rows for each reader; false when there is no such row.
    async fn make_tables(&self, ids: Vec<String>, made: &mut RequestTables) -> Result<bool, Fault> {
        let me = self.me();
        let part = self
            .plan
            .part_of(&me)
            .ok_or_else(|| Fault::new(ErrorCode::Internal, "the service is another's"))?;
        let ids: Arc<BTreeSet<String>> = Arc::new(ids.into_iter().collect());
        for (reader, source) in &part.tables {
            let stub = TableRef::new(TableRef::ONLINE, vocabulary::random_name()?);
            // Noted before it is made, so that it goes whatever happens.
            made.insert(reader.to_string(), stub.clone());
            let (agent_state, source_of, table, ids) = (
                self.agent_state.clone(),
                source.clone(),
                stub.clone(),
                ids.clone(),
            );
            let rows =
                off_thread(move || take_rows(&agent_state.table_store, &source_of, &table, &ids))
                    .await??;
            if rows == 0 {
                return Ok(false);
            }
            self.agent_state.stubs.insert(stub, source.clone());
        }
        Ok(!made.is_empty())
    }

    async fn score(
        &self,
        made: &RequestTables,
        deadline: Instant,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let conf = self.conf(made);
        let submission = json!({"job_runtime_conf": conf, "job_dsl": {}, "name": format!("inference {}", self.service)});
        let reply = self.ask("POST", "/v1/job/submit", submission).await?;
        let named = reply
            .get("jobId")
            .and_then(Value::as_str)
            .and_then(|id| JobId::new(id).ok());
        let refused = || refusal(&reply, "the prediction's job was not taken");
        let job = named
            .filter(|_| reply.get("retcode") == Some(&json!(0)))
            .ok_or_else(refused)?;
        batch.job = Some(job.clone());
        match tokio::time::timeout_at(deadline, self.ended(&job)).await {
            Ok(Ok(status)) if status == "success" => {
                batch.scores = self.read_scores(&job).await?;
                Ok(())
            }
            Ok(Ok(_)) => match self.why_failed(&job).await {
                // The parties have none of the rows in common: that is an answer.
                fault if fault.code == ErrorCode::IntersectionEmpty => Ok(()),
                fault => Err(fault),
            },
            Ok(Err(fault)) => Err(fault),
            Err(_) => {
                let fault = self.why_late(&job).await;
                // It must not run on when nobody waits for it any more.
                let _ = self
                    .ask("POST", "/v1/job/stop", json!({"job_id": job}))
                    .await;
                Err(fault)
            }
        }
    }

    fn conf(&self, made: &RequestTables) -> Value {
        let mut roles: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut parameters: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for part in &self.plan.parts {
            let role = part.owner.role.word();
            let parties = roles.entry(role).or_default();
            let place = parties.len().to_string();
            parties.push(part.owner.party.as_str());
            let table = |reader: &str, of: &TableRef| {
                let of = if part.owner == self.me() {
                    made.get(reader).unwrap_or(of)
                } else {
                    of
                };
                json!({"table": {"name": of.name, "namespace": of.namespace}})
            };
            let tables = part
                .tables
                .iter()
                .map(|(reader, of)| (reader.to_string(), table(reader.as_str(), of)));
            parameters
                .entry(role)
                .or_default()
                .insert(place, Value::Object(tables.collect()));
        }
        let common = json!({
            "job_type": "predict", "model_id": self.plan.model_id, "model_version": self.plan.model_version,
            "timeout": self.patience.as_secs(), "purpose": PURPOSE,
        });
        json!({
            "dsl_version": 2,
            "initiator": {"role": self.plan.initiator.role, "party_id": self.agent_state.me},
            "role": roles,
            "job_parameters": {"common": common},
            "component_parameters": {"role": parameters},
        })
    }

    /// Waits for the end of the job; gives FATE's word for it.
    async fn ended(&self, job: &JobId) -> Result<String, Fault> {
        let of = json!({"job_id": job, "role": self.plan.initiator.role, "party_id": self.agent_state.me});
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 5 / 4);
            let reply = self.ask("POST", "/v1/job/query", of.clone()).await?;
            let status = reply
                .pointer("/data/0/f_status")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if !["waiting", "running"].contains(&status) {
                return Ok(status.to_owned());
            }
        }
    }

    async fn read_scores(&self, job: &JobId) -> Result<BTreeMap<String, Value>, Fault> {
        let mut attempts = self.agent_state.records.attempts_of(job).await?;
        attempts.retain(|record| record.assignment.task.role == self.plan.initiator.role);
        let outputs = attempts.into_iter().rev().flat_map(|record| record.outputs);
        let tables: Vec<TableRef> = outputs.map(|(_, output)| output.table).collect();
        let agent_state = self.agent_state.clone();
        off_thread(move || scores_in(&agent_state.table_store, &tables)).await?
    }

    /// The first cause of the failure, as the task that met it says it.
    async fn why_failed(&self, job: &JobId) -> Fault {
        let unknown =
            |text: &str| Fault::new(ErrorCode::PeerFailed, format!("job {job} failed: {text}"));
        let tasks = match self
            .ask("POST", "/v1/job/task/query", json!({"job_id": job}))
            .await
        {
            Ok(tasks) => tasks,
            Err(fault) => return unknown(&fault.to_string()),
        };
        let tasks = tasks
            .get("data")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let reports = tasks
            .iter()
            .filter(|task| task.get("f_status") == Some(&json!("failed")));
        let reports: Vec<&str> = reports
            .filter_map(|task| task.get("f_error_report")?.as_str())
            .filter(|report| !report.is_empty())
            .collect();
        if reports
            .iter()
            .any(|report| report.contains(ErrorCode::IntersectionEmpty.text()))
        {
            return Fault::new(
                ErrorCode::IntersectionEmpty,
                "no party but this one has the rows",
            );
        }
        match reports
            .iter()
            .find(|report| !report.contains(ErrorCode::PeerFailed.text()))
            .or(reports.first())
        {
            Some(report) => unknown(report).next("see the job's log"),
            None => self
                .what_is_missing(job)
                .await
                .unwrap_or_else(|| unknown("no task says why").next("see the job's log")),
        }
    }

    async fn why_late(&self, job: &JobId) -> Fault {
        let late = || {
            let message = format!("job {job} took longer than {} s", self.patience.as_secs());
            Fault::new(ErrorCode::DeadlinePassed, message)
                .next("raise serving.timeout_seconds, or ask for fewer ids")
        };
        self.what_is_missing(job).await.unwrap_or_else(late)
    }

    /// The party for which the job waits, if it waits for one.
    async fn what_is_missing(&self, job: &JobId) -> Option<Fault> {
        if let Err(fault) = self.need_everybody().await {
            return Some(fault);
        }
        let reply = self
            .ask("POST", "/v1/fedflow/job/waiting", json!({"job_id": job}))
            .await
            .ok()?;
        let waiting = reply
            .pointer("/data/waiting")
            .filter(|waiting| !waiting.is_null())?;
        Some(Fault::new(
            ErrorCode::PeerTimeout,
            format!("job {job} did not come to run: {waiting}"),
        ))
    }

    /// Removes what the prediction made: here at once, elsewhere where the policies of the others let it be asked.
    async fn clean_up(&self, made: RequestTables, job: Option<JobId>) {
        let mut tables: Vec<TableRef> = made.into_values().collect();
        tables
            .iter()
            .for_each(|table| self.agent_state.stubs.remove(table));
        if let Some(job) = job {
            match self.agent_state.records.attempts_of(&job).await {
                Ok(attempts) => {
                    let outputs = attempts.into_iter().flat_map(|record| record.outputs);
                    tables.extend(outputs.map(|(_, output)| output.table));
                }
                Err(error) => {
                    tracing::warn!(%job, %error, "outputs of a prediction's job cannot be found")
                }
            }
            if let Err(fault) = self
                .ask("POST", "/v1/job/clean", json!({"job_id": job}))
                .await
            {
                tracing::warn!(%job, %fault, "a prediction's job was not cleaned up elsewhere");
            }
        }
        let agent_state = self.agent_state.clone();
        let removed = off_thread(move || {
            tables.iter().try_for_each(|table| {
                agent_state
                    .table_store
                    .delete(table)
                    .map(|_| ())
                    .map_err(Fault::from)
            })
        });
        if let Err(fault) = removed.await.flatten() {
            tracing::warn!(%fault, "tables of a prediction were not removed");
        }
    }

    /// Asks the coordinator as the party's user; gives the envelope.
    async fn ask(&self, method: &str, path: &str, body: Value) -> Result<Value, Fault> {
        let body = body.to_string();
        let asked_by = Some(format!("inference {}", self.service));
        let ticket = self.tickets.give(&tickets::Request {
            path,
            body: body.as_bytes(),
            asked_by,
        })?;
        let head = HttpHead {
            method: method.to_owned(),
            target: path.to_owned(),
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            caller: Caller::PartyUser(self.agent_state.me.clone()),
            ticket,
        };
        let answered = async {
            let (head, body) = self.coordinator.forward(head, whole(body)).await?;
            let body = whole_body(make_response(head, body).into_body()).await;
            body.map_err(|failure| Fault::new(ErrorCode::PeerTimeout, failure.0.retmsg))
        };
        let late = |_| {
            Fault::new(
                ErrorCode::PeerTimeout,
                format!("the coordinator did not answer {path} in time"),
            )
        };
        let bytes = tokio::time::timeout(REPLY_PATIENCE, answered)
            .await
            .map_err(late)??;
        Ok(read_json(&bytes))
    }
}

/// A refusal in the coordinator's own words.
fn refusal(reply: &Value, what: &str) -> Fault {
    let inner = reply
        .get("fault")
        .and_then(|fault| serde_json::from_value::<Fault>(fault.clone()).ok());
    let text = reply
        .get("retmsg")
        .and_then(Value::as_str)
        .unwrap_or("no reason given");
    let text = text.lines().last().unwrap_or_default();
    inner.unwrap_or_else(|| Fault::new(ErrorCode::RequestInvalid, format!("{what}: {text}")))
}

/// Writes the rows of these ids under another name; gives how many there are.
fn take_rows(
    table_store: &TableStore,
    from: &TableRef,
    to: &TableRef,
    ids: &BTreeSet<String>,
) -> Result<usize, Fault> {
    if !table_store.info(from)?.enabled {
        let fault = Fault::new(ErrorCode::TableInvalid, format!("table {from} is disabled"));
        return Err(fault.next("enable the table, then ask again"));
    }
    let table = table_store.read(from)?;
    let own = table.ids()?;
    let rows: Vec<usize> = own
        .iter()
        .enumerate()
        .filter(|(_, id)| ids.contains(*id))
        .map(|(row, _)| row)
        .collect();
    if !rows.is_empty() {
        table_store.write(to, &table.rows_at(&rows)?, 1)?;
    }
    Ok(rows.len())
}

/// The predictions in the first of the tables that holds any, by id.
fn scores_in(
    table_store: &TableStore,
    tables: &[TableRef],
) -> Result<BTreeMap<String, Value>, Fault> {
    for name in tables {
        let table = table_store.read(name)?;
        if table.schema().column(RESULT).is_none() {
            continue;
        }
        let header = table.schema().display_header();
        let rows = table.preview(table.rows())?;
        return Ok(rows.into_iter().map(|row| score(&header, row)).collect());
    }
    let fault = Fault::new(
        ErrorCode::DataMismatch,
        "the model that answers this service makes no predictions",
    );
    Err(fault.next("deploy a learner, and bind that version"))
}

/// One row: its id, and its columns as JSON; numbers and the detail are read.
fn score(header: &[String], row: Vec<String>) -> (String, Value) {
    let id = row.first().cloned().unwrap_or_default();
    let value = |name: &str, text: String| match name {
        "label" | "predict_result" | "predict_score" | "predict_detail" => {
            serde_json::from_str(&text).unwrap_or(Value::Null)
        }
        _ => Value::String(text),
    };
    let columns = header
        .iter()
        .zip(row)
        .skip(1)
        .map(|(name, text)| (name.clone(), value(name, text)));
    let mut columns: Map<String, Value> = columns.collect();
    columns.insert("id".to_owned(), json!(id));
    (id, Value::Object(columns))
}

#[cfg(test)]
#[path = "prediction_tests.rs"]
mod tests;
