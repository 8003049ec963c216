//! `job/list/job` and `job/list/task`: pages of rows without prefixes.

use std::collections::BTreeMap;

use domain::{Job, Task};
use doors::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::{JobFilter, JobOrder, TaskFilter};
use vocabulary::JobId;

use super::FateFlow;
use super::job_query::each_job;
use super::job_row::{bare, listed_row};
use super::reply::{answer, fail};
use super::request::{Call, id_value};
use super::shown::{Shown, job_of, participants, visible};
use super::status;
use super::task::{JobTasks, load_tasks};

const ROLES: [&str; 4] = ["guest", "host", "arbiter", "local"];
const STATUSES: [&str; 8] = ["success", "running", "waiting", "failed", "canceled", "timeout", "partial", "deleted"];
const ORDERS: [&str; 6] = ["job_id", "task_version", "create_time", "start_time", "end_time", "elapsed"];

/// Which rows of a list are shown, and in which order.
struct Page {
    limit: usize,
    offset: usize,
    order_by: String,
    descending: bool,
}

impl Page {
    fn read(call: &Call, descending: bool) -> Result<Self, Failure> {
        let wrong = |text: &str| Failure::http(400, Some(text));
        let number = |key: &str, default: usize| match call.text(key) {
            None => Ok(default),
            Some(text) => text.trim().parse::<usize>().map_err(|_| wrong("Invalid parameter 'limit' or 'page'.")),
        };
        let (limit, page) = (number("limit", 0)?, number("page", 1)?);
        if page == 0 {
            return Err(wrong("Invalid parameter 'limit' or 'page'."));
        }
        let order_by = call.text("order_by").unwrap_or_else(|| "create_time".to_owned());
        if !ORDERS.contains(&order_by.as_str()) {
            return Err(wrong("Invalid parameter 'order_by'."));
        }
        let descending = match call.text("order").as_deref() {
            None => descending,
            Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(wrong("Invalid parameter order 'order'.")),
        };
        Ok(Self { limit, offset: limit.saturating_mul(page - 1), order_by, descending })
    }

    fn cut<T>(&self, rows: Vec<T>) -> Vec<T> {
        let limit = if self.limit == 0 { usize::MAX } else { self.limit };
        rows.into_iter().skip(self.offset).take(limit).collect()
    }
}

fn listed(call: &Call, key: &str, allowed: &[&str]) -> Result<Option<Vec<String>>, Failure> {
    let words = call.texts(key);
    if words.iter().flatten().all(|word| allowed.contains(&word.as_str())) {
        return Ok(words);
    }
    Err(Failure::http(400, Some(&format!("Invalid parameter '{key}'."))))
}

pub(super) async fn jobs(face: FateFlow, call: Call) -> Answer {
    let page = Page::read(&call, true)?;
    let roles = listed(&call, "role", &ROLES)?;
    let states = listed(&call, "status", &STATUSES)?;
    let party = call.text("party_id");
    if party.as_ref().is_some_and(|party| party.trim().parse::<i64>().is_err()) {
        return Err(Failure::http(400, Some("Invalid parameter 'party_id'.")));
    }
    let partner = call.text("partner");
    let meant = |shown: &Shown, all: &[Shown]| {
        roles.as_ref().is_none_or(|roles| roles.iter().any(|role| role == shown.role.word()))
            && party.as_ref().is_none_or(|party| shown.party.contains(party.trim()))
            && partner
                .as_ref()
                .is_none_or(|partner| all.iter().any(|other| other != shown && other.party.contains(partner.as_str())))
    };
    let mut rows: Vec<(i64, JobId, usize)> = Vec::new();
    if let Some(filter) = filter_of(&call, &page, states.as_deref()) {
        each_job(&face, filter, |job| {
            if states.as_ref().is_some_and(|words| !words.iter().any(|word| word == status::of(&job))) {
                return;
            }
            let all = participants(&job);
            let key = elapsed(&job);
            let fit = all.iter().enumerate().filter(|(_, shown)| meant(shown, &all));
            rows.extend(fit.map(|(index, _)| (key, job.id.clone(), index)));
        })
        .await?;
    }
    if page.order_by == "elapsed" {
        rows.sort_by_key(|(key, _, _)| if page.descending { -key } else { *key });
    }
    let Some(description) = call.text("description") else {
        let count = rows.len();
        let rows = shown_rows(&face, page.cut(rows)).await?;
        return answer(Reply::data(json!({"jobs": rows, "count": count})));
    };
    // notes stand at one row of a job: the store only says at which jobs
    let mut rows = shown_rows(&face, rows).await?;
    rows.retain(|row| row["description"].as_str().is_some_and(|text| has_part(text, &description)));
    answer(Reply::data(json!({"count": rows.len(), "jobs": page.cut(rows)})))
}

fn has_part(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn elapsed(job: &Job) -> i64 {
    job.started.zip(job.ended).map_or(0, |(started, ended)| ended.millis_since(started))
}

fn filter_of(call: &Call, page: &Page, states: Option<&[String]>) -> Option<JobFilter> {
    let order = match page.order_by.as_str() {
        "start_time" => JobOrder::Started,
        "end_time" => JobOrder::Ended,
        "job_id" => JobOrder::Id,
        _ => JobOrder::Created,
    };
    let states: Option<Vec<_>> = states.map(|words| words.iter().flat_map(|word| status::job_states(word)).collect());
    if states.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    Some(JobFilter {
        states: states.unwrap_or_default(),
        id_contains: call.text("job_id"),
        description_contains: call.text("description"),
        order,
        newest_first: page.descending,
        ..visible(call)
    })
}

/// The rows of a page: only their jobs are read again in full.
async fn shown_rows(face: &FateFlow, page: Vec<(i64, JobId, usize)>) -> Result<Vec<Value>, Failure> {
    let mut jobs = BTreeMap::new();
    let mut rows = Vec::with_capacity(page.len());
    for (_, id, index) in page {
        if !jobs.contains_key(&id) {
            let job = face.coordinator().job(&id).await.map_err(fail)?;
            let notes = face.coordinator().notes(&id).await.map_err(fail)?;
            jobs.insert(id.clone(), (job, notes));
        }
        let Some((job, notes)) = jobs.get(&id) else { continue };
        if let Some(shown) = participants(job).get(index) {
            rows.push(listed_row(job, shown, notes));
        }
    }
    Ok(rows)
}

pub(super) async fn tasks(face: FateFlow, call: Call) -> Answer {
    let page = Page::read(&call, false)?;
    let nothing = || answer(Reply::data(json!({"tasks": [], "count": 0})));
    let mut filter = TaskFilter { all_attempts: true, newest_first: page.descending, ..TaskFilter::default() };
    if call.text("job_id").is_some() {
        let Some(id) = call.job() else { return nothing() };
        if job_of(&face, &call, &id).await?.is_none() {
            return nothing();
        }
        filter.job = Some(id);
    }
    filter.step = call.step();
    filter.role = call.role();
    filter.party = call.party();
    if filter.job.is_none() && call.principal.party().is_some() {
        filter.party = call.principal.party().cloned();
    }
    let unknown = (call.text("component_name").is_some() && filter.step.is_none())
        || (call.text("role").is_some() && filter.role.is_none());
    if unknown {
        return nothing();
    }
    let by_time = page.order_by == "create_time";
    if by_time {
        filter.offset = u32::try_from(page.offset).unwrap_or(u32::MAX);
        filter.limit = (page.limit > 0).then(|| u32::try_from(page.limit).unwrap_or(u32::MAX));
    }
    let (mut found, count) = face.coordinator().tasks(&filter).await.map_err(fail)?;
    if !by_time {
        found.sort_by_key(|task| task_key(task, &page.order_by));
        if page.descending {
            found.reverse();
        }
        found = page.cut(found);
    }
    let rows = task_rows(&face, found).await?;
    answer(Reply::data(json!({"tasks": rows, "count": count})))
}

fn task_key(task: &Task, order_by: &str) -> (i64, String) {
    let time = |time: Option<vocabulary::Timestamp>| time.map_or(0, |time| time.0);
    let number = match order_by {
        "start_time" => time(task.started),
        "end_time" => time(task.ended),
        "elapsed" => task.started.zip(task.ended).map_or(0, |(started, ended)| ended.millis_since(started)),
        "task_version" => i64::from(task.key.attempt.0),
        _ => 0,
    };
    (number, task.key.id.job.to_string())
}

async fn task_rows(face: &FateFlow, tasks: Vec<Task>) -> Result<Vec<Value>, Failure> {
    let mut jobs: BTreeMap<JobId, JobTasks> = BTreeMap::new();
    let mut rows = Vec::with_capacity(tasks.len());
    for task in tasks {
        let id = task.key.id.job.clone();
        if !jobs.contains_key(&id) {
            jobs.insert(id.clone(), load_tasks(face, &id).await?);
        }
        let Some(of) = jobs.get(&id) else { continue };
        let row = of.row(&task).into_iter().map(|(name, value)| {
            let value = if name == "f_party_id" { value.as_str().map_or(Value::Null, id_value) } else { value };
            (bare(&name).to_owned(), value)
        });
        rows.push(Value::Object(Map::from_iter(row)));
    }
    Ok(rows)
}
