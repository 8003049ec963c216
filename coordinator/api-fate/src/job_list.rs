//! `job/list/job` and `job/list/task`: pages of rows without prefixes.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Job, JobState, Task};
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::{JobFilter, JobOrder, RowFilter, TaskFilter};
use vocabulary::{JobId, Participant, PartyId};

use super::FateFlow;
use super::job_row::{bare, listed_row};
use super::job_view::{LOCAL_PARTY, job_of, participants, visible};
use super::pages::{PAGE, Pages, Rows, stream_reply};
use super::reply::{answer, fail};
use super::request::{Call, id_value};
use super::status;
use super::task::{JobTasks, load_tasks};

const ROLES: [&str; 4] = ["guest", "host", "arbiter", "local"];
const STATUSES: [&str; 8] = [
    "success", "running", "waiting", "failed", "canceled", "timeout", "partial", "deleted",
];
const ORDERS: [&str; 6] = [
    "job_id",
    "task_version",
    "create_time",
    "start_time",
    "end_time",
    "elapsed",
];

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
        let number = |key: &str, default: usize| match single(call, key) {
            Err(_) => Err(wrong("Invalid parameter 'limit' or 'page'.")),
            Ok(None) => Ok(default),
            Ok(Some(text)) => text
                .trim()
                .parse::<usize>()
                .map_err(|_| wrong("Invalid parameter 'limit' or 'page'.")),
        };
        let (limit, page) = (number("limit", 0)?, number("page", 1)?);
        if page == 0 {
            return Err(wrong("Invalid parameter 'limit' or 'page'."));
        }
        let order_by = single(call, "order_by")?.unwrap_or_else(|| "create_time".to_owned());
        if !ORDERS.contains(&order_by.as_str()) {
            return Err(wrong("Invalid parameter 'order_by'."));
        }
        let order = single(call, "order").map_err(|_| wrong("Invalid parameter order 'order'."))?;
        let descending = match order.as_deref() {
            None => descending,
            Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(wrong("Invalid parameter order 'order'.")),
        };
        Ok(Self {
            limit,
            offset: limit.saturating_mul(page - 1),
            order_by,
            descending,
        })
    }

    fn cut<T>(&self, rows: Vec<T>) -> Vec<T> {
        let limit = if self.limit == 0 {
            usize::MAX
        } else {
            self.limit
        };
        rows.into_iter().skip(self.offset).take(limit).collect()
    }
}

fn invalid(key: &str) -> Failure {
    Failure::http(400, Some(&format!("Invalid parameter '{key}'.")))
}

/// One of the allowed words, or a list of them; nothing else passes for no filter.
fn listed(call: &Call, key: &str, allowed: &[&str]) -> Result<Option<Vec<String>>, Failure> {
    let is_word = |value: &Value| value.as_str().is_some_and(|word| allowed.contains(&word));
    match call.body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) if word.is_empty() => Ok(None),
        Some(Value::Array(words)) if words.iter().all(is_word) => Ok(call.texts(key)),
        Some(word) if is_word(word) => Ok(call.texts(key)),
        Some(_) => Err(invalid(key)),
    }
}

/// A text to look for; what holds no text is no filter that could be meant.
fn single(call: &Call, key: &str) -> Result<Option<String>, Failure> {
    match call.body.get(key) {
        Some(Value::Array(_) | Value::Object(_)) => Err(invalid(key)),
        _ => Ok(call.text(key).filter(|text| !text.is_empty())),
    }
}

/// A party's number, as FATE reads it.
fn party_of(call: &Call) -> Result<Option<String>, Failure> {
    let party = single(call, "party_id")?.map(|party| party.trim().to_owned());
    if party
        .as_ref()
        .is_some_and(|party| party.parse::<i64>().is_err())
    {
        return Err(invalid("party_id"));
    }
    Ok(party)
}

pub(super) async fn jobs(api: FateFlow, call: Call) -> Answer {
    let page = Page::read(&call, true)?;
    let roles = listed(&call, "role", &ROLES)?;
    let states = listed(&call, "status", &STATUSES)?;
    let party = party_of(&call)?;
    for key in ["job_id", "description", "partner"] {
        single(&call, key)?;
    }
    let whole = page.limit == 0;
    let Some(mut jobs) = filter_of(&call, &page, states.as_deref()) else {
        return answer(Reply::data(json!({"jobs": [], "count": 0})));
    };
    if let Some(words) = &states {
        jobs.without = stopping_otherwise(&api, &jobs.states, words).await?;
    }
    let rows = RowFilter {
        jobs: JobFilter {
            limit: Some(if whole { PAGE } else { short(page.limit) }),
            offset: short(page.offset),
            ..jobs
        },
        roles: roles
            .iter()
            .flatten()
            .filter_map(|role| role.parse().ok())
            .collect(),
        party_contains: party,
        partner_contains: single(&call, "partner")?,
        // notes stand at one row of a job: the filter of jobs only says at which jobs
        description_contains: call.text("description"),
        alone_as: LOCAL_PARTY.to_owned(),
    };
    let mut list = List {
        api,
        next: Some(rows),
        whole,
        count: 0,
    };
    if roles.as_ref().is_some_and(Vec::is_empty) {
        list.next = None;
    }
    let rows = Rows::begin(list).await?;
    match rows {
        Rows::All(rows, list) => answer(Reply::data(json!({"jobs": rows, "count": list.count}))),
        Rows::More(rows, list) => {
            let after = format!(",\"count\":{}}}", list.count);
            Ok(stream_reply(rows, list, "{\"jobs\":", &after))
        }
    }
}

/// Jobs that are being stopped and that their state alone would show under these words, although they show as what
/// they end as.
async fn stopping_otherwise(
    api: &FateFlow,
    states: &[JobState],
    words: &[String],
) -> Result<Vec<JobId>, Failure> {
    if !states.contains(&JobState::Stopping) {
        return Ok(Vec::new());
    }
    let stopping = JobFilter {
        states: vec![JobState::Stopping],
        ..JobFilter::default()
    };
    let (jobs, _) = api
        .coordinator()
        .jobs()
        .find(&stopping)
        .await
        .map_err(fail)?;
    let others = jobs
        .into_iter()
        .filter(|job| !words.iter().any(|word| word == status::of(job)));
    Ok(others.map(|job| job.id).collect())
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The rows of a list, a page at a time.
struct List {
    api: FateFlow,
    /// What is looked for next; nothing after the last page.
    next: Option<RowFilter>,
    /// Whether all rows are wanted, not one page of them.
    whole: bool,
    /// How many rows fit, once that is known.
    count: u64,
}

impl Pages for List {
    async fn next(&mut self) -> Result<Option<Vec<Value>>, Failure> {
        let Some(filter) = &mut self.next else {
            return Ok(None);
        };
        let (page, count) = self
            .api
            .coordinator()
            .jobs()
            .rows(filter)
            .await
            .map_err(fail)?;
        self.count = count;
        filter.jobs.offset = filter.jobs.offset.saturating_add(short(page.len()));
        if !self.whole || page.is_empty() || u64::from(filter.jobs.offset) >= count {
            self.next = None;
        }
        shown_rows(&self.api, page).await.map(Some)
    }

    fn is_over(&self) -> bool {
        self.next.is_none()
    }
}

fn filter_of(call: &Call, page: &Page, states: Option<&[String]>) -> Option<JobFilter> {
    let order = match page.order_by.as_str() {
        "start_time" => JobOrder::Started,
        "end_time" => JobOrder::Ended,
        "job_id" => JobOrder::Id,
        "elapsed" => JobOrder::Elapsed,
        _ => JobOrder::Created,
    };
    let states: Option<Vec<_>> = states.map(|words| {
        words
            .iter()
            .flat_map(|word| status::job_states(word))
            .collect()
    });
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

/// The rows of a page; only its own jobs are read in full.
async fn shown_rows(
    api: &FateFlow,
    page: Vec<(JobId, Participant)>,
) -> Result<Vec<Value>, Failure> {
    let ids: BTreeSet<JobId> = page.iter().map(|(id, _)| id.clone()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<JobId> = ids.into_iter().collect();
    let notes = api
        .coordinator()
        .jobs()
        .notes_on(&ids)
        .await
        .map_err(fail)?;
    let (jobs, _) = api
        .coordinator()
        .jobs()
        .find(&JobFilter {
            ids,
            ..JobFilter::default()
        })
        .await
        .map_err(fail)?;
    let jobs: BTreeMap<&JobId, &Job> = jobs.iter().map(|job| (&job.id, job)).collect();
    let none = Vec::new();
    let row = |(id, who): &(JobId, Participant)| {
        let job = jobs.get(id)?;
        let shown = participants(job)
            .into_iter()
            .find(|shown| shown.of == *who)?;
        Some(listed_row(job, &shown, notes.get(id).unwrap_or(&none)))
    };
    Ok(page.iter().filter_map(row).collect())
}

pub(super) async fn tasks(api: FateFlow, call: Call) -> Answer {
    let page = Page::read(&call, false)?;
    let nothing = || answer(Reply::data(json!({"tasks": [], "count": 0})));
    let named = single(&call, "role")?;
    if named
        .as_ref()
        .is_some_and(|role| !ROLES.contains(&role.as_str()))
    {
        return Err(invalid("role"));
    }
    let party = party_of(&call)?;
    let step = single(&call, "component_name")?;
    let mut filter = TaskFilter {
        all_attempts: true,
        newest_first: page.descending,
        ..TaskFilter::default()
    };
    if single(&call, "job_id")?.is_some() {
        let Some(id) = call.job() else {
            return nothing();
        };
        if job_of(&api, &call, &id).await?.is_none() {
            return nothing();
        }
        filter.job = Some(id);
    }
    filter.step = step.as_ref().and_then(|_| call.step());
    filter.role = named.and_then(|role| role.parse().ok());
    filter.party = party
        .filter(|party| party != LOCAL_PARTY)
        .and_then(|party| PartyId::new(party).ok());
    if filter.job.is_none() && call.principal.party().is_some() {
        filter.party = call.principal.party().cloned();
    }
    if step.is_some() && filter.step.is_none() {
        return nothing();
    }
    let by_time = page.order_by == "create_time";
    if by_time {
        filter.offset = u32::try_from(page.offset).unwrap_or(u32::MAX);
        filter.limit = (page.limit > 0).then(|| u32::try_from(page.limit).unwrap_or(u32::MAX));
    }
    let (mut found, count) = api
        .coordinator()
        .jobs()
        .tasks(&filter)
        .await
        .map_err(fail)?;
    if !by_time {
        found.sort_by_key(|task| task_key(task, &page.order_by));
        if page.descending {
            found.reverse();
        }
        found = page.cut(found);
    }
    let rows = task_rows(&api, found).await?;
    answer(Reply::data(json!({"tasks": rows, "count": count})))
}

fn task_key(task: &Task, order_by: &str) -> (i64, String) {
    let time = |time: Option<vocabulary::Timestamp>| time.map_or(0, |time| time.0);
    let number = match order_by {
        "start_time" => time(task.started),
        "end_time" => time(task.ended),
        "elapsed" => task
            .started
            .zip(task.ended)
            .map_or(0, |(started, ended)| ended.millis_since(started)),
        "task_version" => i64::from(task.key.attempt.0),
        _ => 0,
    };
    (number, task.key.id.job.to_string())
}

async fn task_rows(api: &FateFlow, tasks: Vec<Task>) -> Result<Vec<Value>, Failure> {
    let mut jobs: BTreeMap<JobId, JobTasks> = BTreeMap::new();
    let mut rows = Vec::with_capacity(tasks.len());
    for task in tasks {
        let id = task.key.id.job.clone();
        if !jobs.contains_key(&id) {
            jobs.insert(id.clone(), load_tasks(api, &id).await?);
        }
        let Some(of) = jobs.get(&id) else { continue };
        let row = of.row(&task).into_iter().map(|(name, value)| {
            let value = if name == "f_party_id" {
                value.as_str().map_or(Value::Null, id_value)
            } else {
                value
            };
            (bare(&name).to_owned(), value)
        });
        rows.push(Value::Object(Map::from_iter(row)));
    }
    Ok(rows)
}
