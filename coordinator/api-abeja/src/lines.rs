//! Log lines of a run: from the first on, or from the latest back, in pages.

use domain::abeja::Run;
use domain::{Entity, Event};
use serde_json::{Value, json};
use service::EventQuery;
use vocabulary::{JobId, Timestamp};

use super::place::{LinePlace, place, token};
use super::reply::{Answer, Refusal, found};
use super::request::Call;
use super::times::{end_of_second, read_time, second_of, time};
use super::{Abeja, party_lines, run};

/// Lines of one page.
const PAGE: u32 = 100;
/// Before every line there may be.
const START: (Timestamp, u64) = (Timestamp(i64::MIN), 0);

/// Which lines are wanted, and from where.
#[derive(Debug, Clone, Copy, Default)]
struct LineQuery {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    after: Option<(Timestamp, u64)>,
    before: Option<(Timestamp, u64)>,
    newest_first: bool,
}

/// Lines from the first on.
pub(super) async fn logs(api: Abeja, call: Call) -> Answer {
    let lines = Lines::of(&api, &call).await?;
    let (from, to, after) = match call.query("next_token") {
        Some(text) => {
            let at: LinePlace = place(text)?;
            (at.from, at.to, at.line)
        }
        None => {
            let (from, to) = window(&call)?;
            (from, to, None)
        }
    };
    let wanted = LineQuery {
        from,
        to,
        after,
        ..LineQuery::default()
    };
    let mut page = lines.page(&api, wanted, PAGE + 1).await?;
    let more = page.len() > PAGE as usize;
    page.truncate(PAGE as usize);
    let mut body = json!({"events": shown(&page)});
    if let Some(last) = page.last().filter(|_| more) {
        body["next_token"] = json!(token(&LinePlace {
            line: Some((last.at, last.seq)),
            from,
            to
        }));
    }
    found(&body)
}

/// Lines from the latest back; with the newer one of two tokens, forward again. There is a token for each direction always:
/// in a direction in which there is nothing (yet) it stays where it is.
pub(super) async fn recent(api: Abeja, call: Call) -> Answer {
    let lines = Lines::of(&api, &call).await?;
    let forward = call
        .query("next_forward_token")
        .map(place::<LinePlace>)
        .transpose()?;
    let backward = call
        .query("next_backward_token")
        .map(place::<LinePlace>)
        .transpose()?;
    let (from, to) = match forward.or(backward) {
        Some(at) => (at.from, at.to),
        None => window(&call)?,
    };
    let mut wanted = LineQuery {
        from,
        to,
        ..LineQuery::default()
    };
    match (forward, backward) {
        (Some(at), _) => wanted.after = Some(at.line.unwrap_or(START)),
        (None, Some(at)) => {
            (wanted.before, wanted.newest_first) = (Some(at.line.unwrap_or(START)), true)
        }
        (None, None) => wanted.newest_first = true,
    }
    let mut page = lines.page(&api, wanted, PAGE).await?;
    if !wanted.newest_first {
        page.reverse();
    }
    let stays = wanted.after.or(wanted.before).unwrap_or(START);
    let place_of = |line: Option<&Event>| line.map_or(stays, |line| (line.at, line.seq));
    let token_at = |line: (Timestamp, u64)| {
        token(&LinePlace {
            line: Some(line),
            from,
            to,
        })
    };
    found(&json!({
        "events": shown(&page),
        "next_forward_token": token_at(place_of(page.first())),
        "next_backward_token": token_at(place_of(page.last())),
    }))
}

/// The seconds that are asked for, both whole.
fn window(call: &Call) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
    let read = |key: &str| match call.query(key) {
        None => Ok(None),
        Some(text) => {
            let read = read_time(text).map(Some);
            read.ok_or_else(|| Refusal::bad(format!("{key}: a moment such as 2020-01-02T03:04:05")))
        }
    };
    Ok((
        read("start_time")?.map(second_of),
        read("end_time")?.map(end_of_second),
    ))
}

fn shown(page: &[Event]) -> Vec<Value> {
    page.iter()
        .map(|line| json!({"message": line.line, "timestamp": time(line.at)}))
        .collect()
}

/// Where a run's lines are.
enum Lines {
    /// Of its job: behind an earlier run of that job, and up to the run's end where the job went on without it.
    OfJob {
        job: JobId,
        behind: Option<(Timestamp, u64)>,
        end: Option<(Timestamp, u64)>,
    },
    /// All there is to say of a run that never had a job.
    Few(Vec<Event>),
}

impl Lines {
    async fn of(api: &Abeja, call: &Call) -> Result<Self, Refusal> {
        let entity = run::of(api, call).await?;
        let body: Run = entity.read()?;
        let Some(job) = entity.job.clone() else {
            return Ok(Self::Few(few(&entity, &body)));
        };
        party_lines::gather(api, &entity, &body, &job).await;
        let next = |(at, place): (Timestamp, u64)| (at, place.saturating_add(1));
        Ok(Self::OfJob {
            job,
            behind: body.behind,
            end: body.ended.map(|end| next(end.line)),
        })
    }

    async fn page(
        &self,
        api: &Abeja,
        wanted: LineQuery,
        limit: u32,
    ) -> Result<Vec<Event>, Refusal> {
        let LineQuery {
            from,
            to,
            after,
            before,
            newest_first,
        } = wanted;
        match self {
            Self::OfJob { job, behind, end } => {
                let after = match (after, behind) {
                    (Some(after), Some(behind)) => Some(after.max(*behind)),
                    (after, behind) => after.or(*behind),
                };
                let before = match (before, end) {
                    (Some(before), Some(end)) => Some(before.min(*end)),
                    (before, end) => before.or(*end),
                };
                let query = EventQuery {
                    job: job.clone(),
                    from,
                    to,
                    after,
                    before,
                    newest_first,
                    limit,
                };
                Ok(api.coordinator().jobs().events(&query).await?)
            }
            Self::Few(lines) => {
                let fits = |line: &&Event| {
                    from.is_none_or(|from| line.at >= from)
                        && to.is_none_or(|to| line.at <= to)
                        && after.is_none_or(|after| (line.at, line.seq) > after)
                        && before.is_none_or(|before| (line.at, line.seq) < before)
                };
                let mut page: Vec<Event> = lines.iter().filter(fits).cloned().collect();
                if newest_first {
                    page.reverse();
                }
                page.truncate(limit as usize);
                Ok(page)
            }
        }
    }
}

fn few(entity: &Entity, body: &Run) -> Vec<Event> {
    let mut lines = vec![Event::own(entity.created, "the run was submitted")];
    if let Some((at, why)) = &body.refused {
        lines.push(Event {
            level: "ERROR".to_owned(),
            seq: 1,
            ..Event::own(*at, format!("the run has failed: {why}"))
        });
    }
    lines
}
