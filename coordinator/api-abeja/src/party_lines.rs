//! A party's own log lines of a run's job, read from its agent where its policy lets them through this REST endpoint. They are gathered when
//! somebody asks for the run's lines, each once, and put among the job's own.

use std::time::Duration;

use chrono::{Local, NaiveDateTime, TimeZone};
use domain::abeja::Run;
use domain::{Entity, Event};
use serde_json::{Value, json};
use vocabulary::{JobId, Participant, PartyId, Timestamp};

use super::reply::Refusal;
use super::{Abeja, agents};

/// How long all parties together may take; what comes later is gathered the next time.
const PATIENCE: Duration = Duration::from_secs(3);
/// Lines that are asked for at a time.
const AT_ONCE: u64 = 5_000;
/// Lines of one participant that are gathered at most.
const MOST: u64 = 1_000_000;

/// Gathers what is new. What cannot be had now is left out: the job's own lines are there in any case.
pub(super) async fn gather(api: &Abeja, entity: &Entity, run: &Run, id: &JobId) {
    if run.gathered || run.ended.is_some() {
        return;
    }
    let Ok(job) = api.coordinator().jobs().get(id).await else {
        return;
    };
    let first = run.lines_read.is_empty();
    let gathering = async {
        let mut all = true;
        for who in job.cast.participants() {
            all &= of_participant(api, entity, (&job.id, &who), first).await;
        }
        all
    };
    let all = tokio::time::timeout(PATIENCE, gathering)
        .await
        .unwrap_or(false);
    if all && job.state.is_settled() {
        let run = entity.id.as_str();
        if let Err(error) = api.coordinator().runs().lines_are_gathered(run).await {
            tracing::debug!(run, %error, "the lines of a run are gathered once more");
        }
    }
}

/// Gathers a participant's lines; false when there may be more later.
async fn of_participant(
    api: &Abeja,
    entity: &Entity,
    (job, who): (&JobId, &Participant),
    first: bool,
) -> bool {
    let presence = api.coordinator().presence();
    if !presence
        .agents
        .get(&who.party)
        .is_some_and(|agent| agent.online)
    {
        return false;
    }
    loop {
        let key = who.to_string();
        let Ok(fresh) = api
            .coordinator()
            .entities()
            .get(entity.kind, None, &entity.id)
            .await
        else {
            return false;
        };
        let known = fresh
            .read::<Run>()
            .ok()
            .and_then(|run| run.lines_read.get(&key).copied());
        let read = known.unwrap_or(0);
        if read >= MOST {
            return true;
        }
        // A party that was cut off just now has lines that may be read later.
        let Ok(lines) = ask(api, job, who, read).await else {
            return false;
        };
        let Some(lines) = lines else {
            return true;
        };
        let count = lines.len() as u64;
        if count == 0 && known.is_some() {
            return true;
        }
        let events: Vec<Event> = lines
            .iter()
            .map(|line| event(line, &who.party, api.coordinator().now()))
            .collect();
        match api
            .coordinator()
            .runs()
            .gather_lines(&entity.id, (&key, read), events, first)
            .await
        {
            Ok(true) => {}
            // Somebody else gathers at the same time.
            Ok(false) | Err(_) => return false,
        }
        if count < AT_ONCE {
            return true;
        }
    }
}

/// Lines from one on; none when the party does not let them through. Fails where it is not reached.
async fn ask(
    api: &Abeja,
    job: &JobId,
    who: &Participant,
    read: u64,
) -> Result<Option<Vec<String>>, Refusal> {
    let asked = json!({
        "job_id": job, "role": who.role, "party_id": who.party, "log_type": "partyInfo",
        "begin": read + 1, "end": read + AT_ONCE,
    });
    let response = agents::ask(api, &who.party, "/v1/log/cat", &asked).await?;
    let Ok(reply) = agents::envelope(response, &who.party).await else {
        return Ok(None);
    };
    let Some(rows) = reply.get("data").and_then(Value::as_array) else {
        return Ok(None);
    };
    Ok(Some(
        rows.iter()
            .map(|row| {
                row.get("content")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect(),
    ))
}

/// A line of an agent's log: `[LEVEL] [local time] [step] - text`. One of another form is taken as it is.
fn event(line: &str, party: &PartyId, now: Timestamp) -> Event {
    let parts = || {
        let (level, rest) = line.strip_prefix('[')?.split_once("] [")?;
        let (time, rest) = rest.split_once("] [")?;
        let (step, text) = rest.split_once("] - ")?;
        let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S,%3f").ok()?;
        let at = Local
            .from_local_datetime(&time)
            .earliest()?
            .timestamp_micros();
        Some((
            level.to_owned(),
            Timestamp(at),
            format!("[party {party}, {step}] {text}"),
        ))
    };
    let (level, at, line) =
        parts().unwrap_or_else(|| ("INFO".to_owned(), now, format!("[party {party}] {line}")));
    Event {
        at,
        seq: 0,
        party: Some(party.clone()),
        level,
        line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_an_agent() {
        let party = PartyId::new("9999").expect("valid");
        let read = event(
            "[WARNING] [2026-01-02 03:04:05,678] [reader_0] - 3 rows] - odd",
            &party,
            Timestamp(1),
        );
        assert_eq!(
            (read.level.as_str(), read.line.as_str()),
            ("WARNING", "[party 9999, reader_0] 3 rows] - odd")
        );
        assert_eq!(read.at.0.rem_euclid(1_000_000), 678_000);
        let odd = event("no form", &party, Timestamp(1));
        assert_eq!(
            (odd.at, odd.line.as_str()),
            (Timestamp(1), "[party 9999] no form")
        );
    }
}
