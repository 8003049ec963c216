//! Where the tables of an order come from. An order names the attempts that made them, and a job may have had several offers:
//! each attempt behind a table must have succeeded, and what was agreed on it is judged again by the policy in force.

use std::collections::BTreeSet;

use policy::Policy;
use records::AttemptRecord;
use vocabulary::{Assignment, Attempt, ErrorCode, Fault, Offer, TaskId};

use super::{follow, succeeded};
use crate::agent_state::AgentState;
use crate::agree::maker;

/// An attempt that made an input.
struct InputMaker {
    by: TaskId,
    attempt: Attempt,
    /// Whether the offer takes the step over.
    taken_over: bool,
}

/// Judges what the tables of an order were made under, and what those tables were made of.
pub(crate) async fn judge(
    agent_state: &AgentState,
    policy: &Policy,
    order: &Assignment,
    offer: &Offer,
) -> Result<(), Fault> {
    let mut open = Vec::new();
    for made in makers(order, offer)? {
        if made.taken_over {
            is_the_one_taken_over(agent_state, &made).await?;
        }
        open.push(made);
    }
    let (mut seen, mut earlier) = (BTreeSet::new(), Vec::new());
    while let Some(made) = open.pop() {
        if !seen.insert((made.by.clone(), made.attempt)) {
            continue;
        }
        let record = attempt(agent_state, &made).await?;
        let under = record.assignment.offer.clone();
        // Of the very offer that is being judged: only what stands behind it is still open.
        if under == order.offer {
            open.extend(makers(&record.assignment, offer)?);
            continue;
        }
        let agreed = agent_state.records.accepted_offer(&under).await?;
        let agreed = agreed.ok_or_else(|| refused(&made, "what was agreed on it is forgotten"))?;
        open.extend(makers(&record.assignment, &agreed)?);
        earlier.push((under, agreed));
    }
    follow(agent_state, policy, offer, earlier).await
}

/// Taking over was judged by the newest attempt of the step.
async fn is_the_one_taken_over(agent_state: &AgentState, made: &InputMaker) -> Result<(), Fault> {
    let newest = agent_state
        .records
        .newest_attempt(&made.by.job, &made.by.step, made.by.role)
        .await?;
    match newest {
        Some(newest) if newest.assignment.attempt == made.attempt => Ok(()),
        _ => Err(refused(made, "it is not the attempt that was taken over")),
    }
}

async fn attempt(agent_state: &AgentState, made: &InputMaker) -> Result<AttemptRecord, Fault> {
    let record = agent_state.records.attempt(&made.by, made.attempt).await?;
    succeeded(record).ok_or_else(|| refused(made, "it has not succeeded here"))
}

fn refused(made: &InputMaker, why: &str) -> Fault {
    let message = format!(
        "what attempt {} of {} left cannot be read: {why}",
        made.attempt, made.by
    );
    Fault::new(ErrorCode::OfferRefused, message)
        .path("inputs")
        .next("run the step anew")
}

/// The attempts that an order's tables name, by the offer under which it was given.
fn makers(order: &Assignment, offer: &Offer) -> Result<Vec<InputMaker>, Fault> {
    let task = &order.task;
    let who = task.participant();
    let step = offer.steps.iter().find(|step| step.step == task.step);
    let offered = step
        .into_iter()
        .flat_map(|step| &step.inputs)
        .filter(|input| input.who == who);
    let mut made = Vec::new();
    // `agrees` has found both lists equal in length and order.
    for (input, offered) in order.inputs.iter().zip(offered) {
        let by = maker(offer, task, offered);
        let Some(attempt) = input.table.attempt() else {
            let message = format!(
                "the table {} of {task} is not an output of a task",
                input.table
            );
            return Err(Fault::new(ErrorCode::OfferRefused, message).path("inputs"));
        };
        made.push(InputMaker {
            by,
            attempt,
            taken_over: offered.of_job.is_some(),
        });
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use records::AttemptState;
    use serde_json::json;
    use vocabulary::{JobId, Participant, Role, TableRef};

    use super::*;
    use crate::trial::{OPEN, agent_state, assignment, offer, party, script};

    fn me() -> Participant {
        Participant::new(Role::Host, party("2"))
    }

    /// Host 2 made the input of `scripted_0` by an attempt of `reader_0` under an offer that reads another table.
    async fn made_under(
        agreed: &Offer,
        state: AttemptState,
    ) -> (tempfile::TempDir, std::sync::Arc<AgentState>) {
        let folder = tempfile::tempdir().unwrap();
        let agent_state = agent_state(folder.path(), "2", OPEN).await;
        let (fingerprint, now) = (agreed.fingerprint().unwrap(), agent_state.now());
        agent_state
            .records
            .accept_offer(&fingerprint, agreed, now)
            .await
            .unwrap();
        let order = assignment(Role::Host, "2", 0, &script("talk"));
        let mut done = Assignment {
            offer: fingerprint,
            inputs: vec![],
            ..order
        };
        (done.task.job, done.task.step) = (agreed.job.clone(), agreed.steps[1].step.clone());
        agent_state.records.begin_attempt(&done, now).await.unwrap();
        agent_state
            .records
            .end_attempt(&done.task, Attempt(0), state, now)
            .await
            .unwrap();
        (folder, agent_state)
    }

    fn reading_secrets() -> Offer {
        let mut agreed = offer(&script("talk"));
        agreed.steps[1].tables = vec![(me(), TableRef::new("secret", "salaries"))];
        agreed
    }

    async fn rule(agent_state: &AgentState, order: &Assignment, offer: &Offer) -> String {
        match judge(agent_state, &agent_state.policy(), order, offer).await {
            Ok(()) => "none".to_owned(),
            Err(fault) => format!("{}: {}", fault.path.unwrap_or_default(), fault.message),
        }
    }

    #[tokio::test]
    async fn what_was_made_under_an_offer_that_is_refused_today_is_not_read_under_another() {
        let (_folder, agent_state) = made_under(&reading_secrets(), AttemptState::Succeeded).await;
        let (order, now) = (
            assignment(Role::Host, "2", 0, &script("talk")),
            offer(&script("talk")),
        );
        assert_eq!(
            rule(&agent_state, &order, &now).await,
            "none",
            "both offers are admitted"
        );
        let narrow = OPEN.replace("tables = ['*']", "tables = ['experiment.*']");
        agent_state.set_policy(Policy::new(party("2"), toml::from_str(&narrow).unwrap()));
        let fault = rule(&agent_state, &order, &now).await;
        assert!(
            fault.starts_with("admission.tables") && fault.contains("salaries"),
            "{fault}"
        );
        // The offer's own dates are past, and it was good when the attempt ran.
        let mut ended = reading_secrets();
        (ended.expires, ended.attempts) = (Some(agent_state.now()), Some(0));
        let (_folder, agent_state) = made_under(&ended, AttemptState::Succeeded).await;
        assert_eq!(rule(&agent_state, &order, &now).await, "none");
    }

    #[tokio::test]
    async fn only_an_attempt_that_succeeded_left_something() {
        let (order, now) = (
            assignment(Role::Host, "2", 0, &script("talk")),
            offer(&script("talk")),
        );
        for state in [
            AttemptState::Running,
            AttemptState::Failed,
            AttemptState::Canceled,
            AttemptState::Lost,
        ] {
            let (_folder, agent_state) = made_under(&now, state).await;
            let fault = rule(&agent_state, &order, &now).await;
            assert!(
                fault.contains("has not succeeded here"),
                "{state:?}: {fault}"
            );
        }
        let (_folder, agent_state) = made_under(&now, AttemptState::Succeeded).await;
        let mut other = order.clone();
        other.inputs[0].table = TableRef::output(
            &maker(&now, &order.task, &now.steps[0].inputs[1]),
            Attempt(1),
            0,
        );
        assert!(rule(&agent_state, &other, &now).await.contains("attempt 1"));
        other.inputs[0].table = TableRef::new("experiment", "offered");
        assert!(
            rule(&agent_state, &other, &now)
                .await
                .contains("not an output of a task")
        );
    }

    #[tokio::test]
    async fn of_a_step_that_is_taken_over_the_newest_attempt_is_read() {
        let mut before = offer(&json!({}));
        before.job = JobId::new("20250101000000000000").unwrap();
        let (_folder, agent_state) = made_under(&before, AttemptState::Succeeded).await;
        let mut heir = offer(&script("talk"));
        heir.steps[0]
            .inputs
            .iter_mut()
            .for_each(|input| input.of_job = Some(before.job.clone()));
        let mut order = assignment(Role::Host, "2", 0, &script("talk"));
        let by = maker(&heir, &order.task, &heir.steps[0].inputs[1]);
        order.inputs[0].table = TableRef::output(&by, Attempt(0), 0);
        assert_eq!(rule(&agent_state, &order, &heir).await, "none");
        let mut again = Assignment {
            task: by,
            attempt: Attempt(1),
            inputs: vec![],
            ..order.clone()
        };
        again.offer = before.fingerprint().unwrap();
        agent_state
            .records
            .begin_attempt(&again, agent_state.now())
            .await
            .unwrap();
        assert!(
            rule(&agent_state, &order, &heir)
                .await
                .contains("not the attempt that was taken over")
        );
    }
}
