//! fedflow's own routes for schedules: jobs that are begun again and again.

use domain::Entity;
use domain::recurring::{Recurring, Rule};
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use service::{NewSchedule, SubmitJob};
use vocabulary::{ErrorCode, Fault, Ticket};

use super::FateFlow;
use super::reply::{answer, fail, millis};
use super::request::Call;
use super::submit::failed;

pub(super) async fn create(api: FateFlow, call: Call) -> Answer {
    let text = |name: &str| call.text(name).unwrap_or_default();
    let (dsl, conf) = rest::fields::job_documents(&call.body);
    let order = SubmitJob {
        dsl,
        conf,
        name: text("name"),
        description: text("description"),
    };
    let enabled = call.body.get("enabled").is_none_or(Value::is_null) || call.flag("enabled");
    let new = NewSchedule {
        name: call.text("name"),
        rule: rule(&call)?,
        enabled,
        order,
    };
    let made = api
        .coordinator()
        .schedules()
        .create(&call.principal, new)
        .await
        .map_err(failed)?;
    let body: Recurring = made.read().map_err(Failure::from)?;
    answer(Reply::data(row(&made, &body)).saying(job_dsl::said(&body.warnings)))
}

/// One of an interval and a cron text.
fn rule(call: &Call) -> Result<Rule, Failure> {
    let wrong = |message: &str| {
        Failure::from(
            Fault::new(ErrorCode::RequestInvalid, message)
                .next("give every_seconds, or cron, not both"),
        )
    };
    match (call.text("every_seconds"), call.text("cron")) {
        (Some(seconds), None) => seconds
            .parse()
            .map(Rule::EverySeconds)
            .map_err(|_| wrong("every_seconds is not a whole number")),
        (None, Some(text)) => Ok(Rule::Cron(text)),
        (None, None) => Err(wrong("the schedule says nowhere when its jobs begin")),
        (Some(_), Some(_)) => Err(wrong("the schedule has two rules")),
    }
}

pub(super) async fn query(api: FateFlow, call: Call) -> Answer {
    let (id, experiment) = (call.text("schedule_id"), call.text("experiment"));
    let all = api
        .coordinator()
        .schedules()
        .list(&call.principal)
        .await
        .map_err(fail)?;
    let fits = |schedule: &Entity| {
        id.as_ref().is_none_or(|id| *id == schedule.id)
            && experiment
                .as_ref()
                .is_none_or(|named| schedule.parent.as_ref() == Some(named))
    };
    let rows = all
        .iter()
        .filter(|(schedule, _)| fits(schedule))
        .map(|(schedule, body)| row(schedule, body))
        .collect();
    answer(Reply::data(Value::Array(rows)))
}

pub(super) async fn enable(api: FateFlow, call: Call) -> Answer {
    switch(api, call, true).await
}

pub(super) async fn disable(api: FateFlow, call: Call) -> Answer {
    switch(api, call, false).await
}

async fn switch(api: FateFlow, call: Call, enabled: bool) -> Answer {
    call.validated(&["schedule_id"])?;
    let id = call.need("schedule_id")?;
    let (schedule, body) = api
        .coordinator()
        .schedules()
        .enable(&call.principal, &id, enabled)
        .await
        .map_err(fail)?;
    answer(Reply::data(row(&schedule, &body)))
}

pub(super) async fn delete(api: FateFlow, call: Call) -> Answer {
    call.validated(&["schedule_id"])?;
    let id = call.need("schedule_id")?;
    api.coordinator()
        .schedules()
        .delete(&call.principal, &id)
        .await
        .map_err(fail)?;
    answer(Reply::success())
}

fn row(schedule: &Entity, body: &Recurring) -> Value {
    let (every, cron) = match &body.rule {
        Rule::EverySeconds(seconds) => (json!(seconds), Value::Null),
        Rule::Cron(text) => (Value::Null, json!(text)),
    };
    let last = body.last.as_ref().map(|last| {
        json!({"time": millis(Some(last.at)), "job_id": last.job, "error": last.fault.as_ref().map(ToString::to_string)})
    });
    json!({
        "schedule_id": schedule.id,
        "name": schedule.name,
        "description": body.description,
        "experiment": schedule.parent,
        "enabled": body.enabled,
        "every_seconds": every,
        "cron": cron,
        "next_time": millis(schedule.due),
        "begun": body.begun,
        "ticket": body.ticket.as_ref().and_then(|ticket| shown_ticket(&ticket.bytes)),
        "last": last,
        "warnings": body.warnings,
        "create_time": millis(Some(schedule.created)),
        "update_time": millis(Some(schedule.modified)),
    })
}

/// What a standing ticket says of itself; whether it counts is for the agent to say that gave it.
fn shown_ticket(bytes: &[u8]) -> Option<Value> {
    let ticket: Ticket = wire::frame::decode(bytes).ok()?;
    Some(
        json!({"until": millis(Some(ticket.expires)), "times": ticket.jobs, "asked_by": ticket.asked_by}),
    )
}
