//! `job/query` and `job/config`: jobs by equality of any column.

use domain::Job;
use rest::fate_reply::ARGUMENT;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::{JobFilter, ServiceError};
use vocabulary::{ExperimentId, JobId, Participant, PartyId, Role, Tenant};

use super::FateFlow;
use super::job_row::job_row;
use super::job_view::{LOCAL_PARTY, participants, visible};
use super::pages::{PAGE, Pages, Rows, stream_reply};
use super::reply::{answer, fail, model_info};
use super::request::{Call, text_of};
use super::status;

/// Columns of older servers: taken as filters, without effect.
const WITHOUT_EFFECT: [&str; 5] = [
    "run_ip",
    "run_pid",
    "work_mode",
    "current_steps",
    "current_tasks",
];

/// Columns that may be asked for, without prefix.
const COLUMNS: [&str; 42] = [
    "job_id",
    "experiment",
    "user_id",
    "name",
    "description",
    "tag",
    "dsl",
    "runtime_conf",
    "runtime_conf_on_party",
    "train_runtime_conf",
    "roles",
    "initiator_role",
    "initiator_party_id",
    "role",
    "party_id",
    "is_initiator",
    "status",
    "status_code",
    "user",
    "progress",
    "ready_signal",
    "ready_time",
    "cancel_signal",
    "cancel_time",
    "rerun_signal",
    "end_scheduling_updates",
    "engine_name",
    "engine_type",
    "cores",
    "memory",
    "remaining_cores",
    "remaining_memory",
    "resource_in_use",
    "apply_resource_time",
    "return_resource_time",
    "inheritance_info",
    "inheritance_status",
    "start_time",
    "end_time",
    "elapsed",
    "create_time",
    "update_time",
];

pub(super) async fn query(api: FateFlow, mut call: Call) -> Answer {
    name_experiment(&api, &mut call).await?;
    match Rows::begin(Search::new(api, call)).await? {
        Rows::All(rows, _) => {
            let message = if rows.is_empty() {
                "no job could be found"
            } else {
                "success"
            };
            answer(Reply::data(Value::Array(rows)).saying(message))
        }
        Rows::More(rows, search) => Ok(stream_reply(rows, search, "", "")),
    }
}

pub(super) async fn config(api: FateFlow, call: Call) -> Answer {
    let mut search = Search::new(api, call);
    while let Some(page) = search.page().await? {
        let Some((job, _)) = page.into_iter().next() else {
            continue;
        };
        return answer(Reply::data(json!({
            "job_id": job.id,
            "dsl": job.definition.dsl,
            "runtime_conf": job.definition.conf,
            "train_runtime_conf": job.definition.train_conf,
            "model_info": model_info(&job),
        })));
    }
    Err(Failure::code(ARGUMENT, "find job failed"))
}

/// Puts the id of the experiment that is meant in place of its name; one that is not there has no jobs.
async fn name_experiment(api: &FateFlow, call: &mut Call) -> Result<(), Failure> {
    let Some(named) = call.text("experiment") else {
        return Ok(());
    };
    let tenant = call.principal.tenant.clone().unwrap_or_else(Tenant::only);
    match api.coordinator().experiments().meant(&tenant, &named).await {
        Ok(found) => call.body.insert("experiment".to_owned(), json!(found.id)),
        Err(ServiceError::NotFound(_)) => None,
        Err(error) => return Err(fail(error)),
    };
    Ok(())
}

/// The jobs that fit a request, a page at a time in order of creation.
struct Search {
    api: FateFlow,
    call: Call,
    /// What is looked for next; nothing after the last page.
    filter: Option<JobFilter>,
}

impl Search {
    fn new(api: FateFlow, call: Call) -> Self {
        let usable = COLUMNS
            .iter()
            .any(|column| call.body.get(*column).is_some_and(|value| !value.is_null()));
        let filter = filter_of(&call).filter(|_| usable).map(|filter| JobFilter {
            limit: Some(PAGE),
            ..filter
        });
        Self { api, call, filter }
    }

    /// Jobs of the next page that have fitting rows, with those rows.
    async fn page(&mut self) -> Result<Option<Vec<(Job, Vec<Value>)>>, Failure> {
        let Some(filter) = &mut self.filter else {
            return Ok(None);
        };
        let (jobs, left) = self
            .api
            .coordinator()
            .jobs()
            .find(filter)
            .await
            .map_err(fail)?;
        // After the last row and not by offset: jobs that come meanwhile would shift the pages.
        let last = jobs.last().map(|job| (job.created, job.id.clone()));
        filter.after = last;
        if jobs.is_empty() || left <= jobs.len() as u64 {
            self.filter = None;
        }
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id.clone()).collect();
        let notes = self
            .api
            .coordinator()
            .jobs()
            .notes_on(&ids)
            .await
            .map_err(fail)?;
        let wanted = RowQuery::of(&self.call);
        let none = Vec::new();
        let with_rows = jobs.into_iter().map(|job| {
            let rows = wanted.rows(&job, notes.get(&job.id).unwrap_or(&none));
            (job, rows)
        });
        Ok(Some(
            with_rows.filter(|(_, rows)| !rows.is_empty()).collect(),
        ))
    }
}

impl Pages for Search {
    async fn next(&mut self) -> Result<Option<Vec<Value>>, Failure> {
        Ok(self
            .page()
            .await?
            .map(|page| page.into_iter().flat_map(|(_, rows)| rows).collect()))
    }

    fn is_over(&self) -> bool {
        self.filter.is_none()
    }
}

/// Which rows of a job a request means.
struct RowQuery<'a> {
    body: &'a Map<String, Value>,
    roles: Option<Vec<String>>,
    parties: Option<Vec<String>>,
}

impl<'a> RowQuery<'a> {
    fn of(call: &'a Call) -> Self {
        Self {
            body: &call.body,
            roles: call.texts("role"),
            parties: call.texts("party_id"),
        }
    }

    fn rows(&self, job: &Job, notes: &[(Participant, String)]) -> Vec<Value> {
        let among = |list: &Option<Vec<String>>, has: &dyn Fn(&str) -> bool| {
            list.as_ref()
                .is_none_or(|list| list.iter().any(|one| has(one)))
        };
        let mut rows = Vec::new();
        for shown in participants(job) {
            // a local job is found under the party it shows and under those that do it
            let is_party = |one: &str| {
                one == shown.party
                    || (shown.party == LOCAL_PARTY
                        && job.cast.local.iter().any(|own| own.as_str() == one))
            };
            if !among(&self.roles, &|one| one == shown.role.word())
                || !among(&self.parties, &is_party)
            {
                continue;
            }
            let row = job_row(job, &shown, notes);
            if fits(&row, self.body, &["role", "party_id"]) {
                rows.push(Value::Object(row));
            }
        }
        rows
    }
}

/// Gives every job that fits to `visit`, a page at a time.
pub(super) async fn each_job(
    api: &FateFlow,
    mut filter: JobFilter,
    mut visit: impl FnMut(Job),
) -> Result<(), Failure> {
    filter.limit = Some(PAGE);
    loop {
        let (jobs, total) = api.coordinator().jobs().find(&filter).await.map_err(fail)?;
        let read = u32::try_from(jobs.len()).unwrap_or(PAGE);
        jobs.into_iter().for_each(&mut visit);
        filter.offset = filter.offset.saturating_add(read);
        if read == 0 || u64::from(filter.offset) >= total {
            return Ok(());
        }
    }
}

/// What the service can sort out by itself; `None` when nothing can fit. The rest is compared with the rows.
fn filter_of(call: &Call) -> Option<JobFilter> {
    let mut filter = visible(call);
    if let Some(ids) = call.texts("job_id") {
        filter.ids = known(ids.into_iter().map(JobId::new))?;
    }
    if let Some(words) = call.texts("status") {
        filter.states = words
            .iter()
            .flat_map(|word| status::job_states(word))
            .collect();
        if filter.states.is_empty() {
            return None;
        }
    }
    if let Some(names) = call.texts("name") {
        filter.names = names;
    }
    if let Some(experiment) = call.text("experiment") {
        filter.experiment = Some(ExperimentId::new(experiment).ok()?);
    }
    // role and party of one participant; a party's user already bounds the parties to its own
    if filter.parties.is_empty() {
        if let Some(roles) = call.texts("role") {
            filter.roles = known(roles.iter().map(|role| role.parse::<Role>()))?;
        }
        if let Some(parties) = call
            .texts("party_id")
            .filter(|parties| !parties.iter().any(|party| party == LOCAL_PARTY))
        {
            filter.parties = known(parties.into_iter().map(PartyId::new))?;
        }
    }
    Some(filter)
}

/// The valid ones; `None` when there is none.
fn known<T, E>(list: impl Iterator<Item = Result<T, E>>) -> Option<Vec<T>> {
    let valid: Vec<T> = list.filter_map(Result::ok).collect();
    (!valid.is_empty()).then_some(valid)
}

/// Whether a row fits every member of the request that names one of its columns. Lists mean any of; for times and
/// durations a list of two means a range whose bounds may be null.
pub(super) fn fits(row: &Map<String, Value>, wanted: &Map<String, Value>, done: &[&str]) -> bool {
    let counts = |name: &str, value: &Value| {
        !value.is_null() && !done.contains(&name) && !WITHOUT_EFFECT.contains(&name)
    };
    wanted
        .iter()
        .filter(|(name, value)| counts(name, value))
        .all(|(name, value)| {
            let Some(own) = row.get(&format!("f_{name}")) else {
                return true;
            };
            let is_range = name.ends_with("_time") || name == "elapsed";
            match value {
                Value::Array(bounds) if is_range && bounds.len() == 2 => within(own, bounds),
                Value::Array(list) if !own.is_array() => list.iter().any(|one| same(own, one)),
                one => same(own, one),
            }
        })
}

fn within(own: &Value, bounds: &[Value]) -> bool {
    let number = |value: Option<&Value>| {
        value.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()))
    };
    let Some(own) = own.as_f64() else {
        return false;
    };
    number(bounds.first()).is_none_or(|low| own >= low)
        && number(bounds.get(1)).is_none_or(|high| own <= high)
}

fn same(own: &Value, wanted: &Value) -> bool {
    match (text_of(own), text_of(wanted)) {
        (Some(own_text), Some(wanted)) => {
            own_text == wanted
                || matches!(
                    (own, wanted.as_str()),
                    (Value::Bool(true), "1") | (Value::Bool(false), "0")
                )
        }
        _ => own == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_ids_as_texts_lists_as_any_and_times_as_ranges() {
        let Value::Object(row) = json!({"f_run_ip": "", "f_party_id": "9999", "f_start_time": 50, "f_tag": "", "f_is_initiator": true})
        else {
            panic!("no object")
        };
        let test = |wanted: Value| fits(&row, wanted.as_object().expect("object"), &[]);
        for wanted in [
            json!({"party_id": 9999}),
            json!({"party_id": ["1", 9999]}),
            json!({"start_time": [null, 50]}),
            json!({"start_time": [50, null], "local": {"role": "guest"}, "unknown": 1}),
            json!({"is_initiator": true}),
            json!({"is_initiator": 1}),
            json!({"tag": null, "run_ip": "10.0.0.1"}),
        ] {
            assert!(test(wanted.clone()), "{wanted}");
        }
        for wanted in [
            json!({"party_id": "10000"}),
            json!({"start_time": [51, 60]}),
            json!({"tag": "job_end"}),
            json!({"party_id": []}),
        ] {
            assert!(!test(wanted.clone()), "{wanted}");
        }
    }
}
