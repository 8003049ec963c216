//! What a policy would say of a job, from its documents alone: read as the coordinator reads them, judged as an agent judges the
//! offer. Nothing is asked and nothing runs.

use std::collections::BTreeMap;

use domain::Offering;
use job_dsl::{ParseContext, Parsed};
use policy::{Facts, Grounds, PlannedMessage, Policy, RowsBehind, Telling, Training, Verdict};
use serde_json::Value;
use vocabulary::report::ReportBody;
use vocabulary::{
    ComponentInfo, ErrorCode, Fault, JobId, Metric, MetricData, Offer, OfferedStep, PartyId, Tells,
    Timestamp,
};

use crate::agent_state::Catalogue;
use crate::foresight;

/// What becomes of one thing that a job asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What it is.
    pub what: String,
    /// `allowed`, `refused`, `disclosed`, `withheld` or `counted`.
    pub word: &'static str,
    /// The rule behind it, and more in words.
    pub why: Option<String>,
}

/// What one party's policy says of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// The party.
    pub party: PartyId,
    /// Line by line.
    pub remarks: Vec<Remark>,
    /// The refusal that its agent would answer with, if it is one.
    pub refused: Option<String>,
}

/// The offer that the documents of a training come to, as its initiator would be asked to sign it.
pub(crate) fn offer_of(
    catalogue: Catalogue,
    dsl: &Value,
    conf: &Value,
    now: Timestamp,
) -> Result<Offer, Fault> {
    let components: Vec<ComponentInfo> =
        catalogue.iter().map(|component| component.info()).collect();
    if let Ok(Some(_)) = job_dsl::predict_request(dsl, conf) {
        let text = "the steps of a predict job are those of the training whose model it applies, which these documents do not have";
        return Err(
            Fault::new(ErrorCode::DocumentInvalid, text).next("test the documents of the training")
        );
    }
    let context = ParseContext {
        components: &components,
        ..ParseContext::default()
    };
    let parsed = job_dsl::parse(dsl, conf, &context).map_err(|found| {
        let all: Vec<String> = found.iter().map(ToString::to_string).collect();
        Fault::new(ErrorCode::DocumentInvalid, all.join("; "))
    })?;
    let job = JobId::new("99990101000000000000")
        .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))?;
    let inherited = BTreeMap::new();
    let Parsed {
        graph,
        cast,
        initiator,
        settings,
        ..
    } = &parsed;
    let offering = Offering {
        graph,
        cast,
        model_version: job.as_str(),
        inherited: &inherited,
    };
    Ok(Offer {
        initiator: initiator.clone(),
        cast: cast.clone(),
        steps: offering.steps(),
        created: now,
        expires: Some(now.plus_millis(settings.timeout_millis)),
        attempts: Some(settings.most_attempts()),
        keeps: None,
        job,
    })
}

/// What the policy of each of these parties would say; of all but the initiator's where none is named.
pub fn rehearse(
    load: impl Fn(PartyId) -> Result<Policy, Fault>,
    (dsl, conf): (&Value, &Value),
    parties: &[PartyId],
    now: Timestamp,
) -> Result<Vec<Rehearsal>, Fault> {
    let catalogue = components::CATALOGUE;
    let offer = offer_of(catalogue, dsl, conf, now)?;
    let cast = offer.cast.parties();
    let others: Vec<PartyId> = cast
        .iter()
        .filter(|party| **party != offer.initiator.party)
        .cloned()
        .collect();
    let parties = match (parties.is_empty(), others.is_empty()) {
        (false, _) => parties.to_vec(),
        (true, false) => others,
        (true, true) => vec![offer.initiator.party.clone()],
    };
    let one = |party: &PartyId| of_party(catalogue, &load(party.clone())?, party, &offer, now);
    parties.iter().map(one).collect()
}

/// Everything is asked of the agent's own judgement: of the job without steps, of each step, table, model and message alone,
/// and of the whole.
fn of_party(
    catalogue: Catalogue,
    policy: &Policy,
    me: &PartyId,
    offer: &Offer,
    now: Timestamp,
) -> Result<Rehearsal, Fault> {
    let spoken = foresight::spoken(me, catalogue, offer)?;
    // What is asked at the party's own REST endpoint has a ticket.
    let has_ticket = offer.initiator.party == *me;
    let trainings: Vec<Training> = Vec::new();
    let facts = Facts {
        has_ticket,
        now,
        trainings,
        spoken: spoken.clone(),
        ..Facts::default()
    };
    let asked = Question {
        policy,
        offer,
        facts: &facts,
    };
    let mut remarks = vec![asked.of("the job", &[], vec![])];
    for step in &offer.steps {
        remarks.extend(of_step(&asked, me, step));
        remarks.extend(
            spoken
                .iter()
                .filter(|one| one.step == step.step)
                .filter_map(|one| of_message(&asked, me, one)),
        );
    }
    let refused = match policy.admit(offer, &offer.initiator.party, &facts) {
        Verdict::Allowed => None,
        Verdict::Refused { rule, what } => Some(format!("{what} ({rule})")),
    };
    for counted in policy.counted(offer, &facts) {
        let why = Some(format!(
            "{} of {} a day ({})",
            counted.count, counted.most, counted.rule
        ));
        remarks.push(Remark {
            what: counted.name,
            word: "counted",
            why,
        });
    }
    remarks.extend(told(policy));
    Ok(Rehearsal {
        party: me.clone(),
        remarks,
        refused,
    })
}

struct Question<'a> {
    policy: &'a Policy,
    offer: &'a Offer,
    facts: &'a Facts,
}

impl Question<'_> {
    fn of(
        &self,
        what: impl Into<String>,
        steps: &[OfferedStep],
        spoken: Vec<PlannedMessage>,
    ) -> Remark {
        let offer = Offer {
            steps: steps.to_vec(),
            ..self.offer.clone()
        };
        let facts = Facts {
            spoken,
            ..self.facts.clone()
        };
        let verdict = self.policy.admit(&offer, &offer.initiator.party, &facts);
        let (word, why) = match verdict {
            Verdict::Allowed => ("allowed", None),
            Verdict::Refused { rule, what } => ("refused", Some(format!("{what} ({rule})"))),
        };
        Remark {
            what: what.into(),
            word,
            why,
        }
    }
}

fn of_step(asked: &Question<'_>, me: &PartyId, step: &OfferedStep) -> Vec<Remark> {
    if !step.participants.iter().any(|who| who.party == *me) {
        return Vec::new();
    }
    let bare = OfferedStep {
        tables: vec![],
        inputs: vec![],
        models: vec![],
        ..step.clone()
    };
    let what = format!("step {} ({})", step.step, step.component);
    let mut remarks = vec![asked.of(what, std::slice::from_ref(&bare), vec![])];
    for (who, table) in step.tables.iter().filter(|(who, _)| who.party == *me) {
        let alone = OfferedStep {
            tables: vec![(who.clone(), table.clone())],
            ..bare.clone()
        };
        remarks.push(asked.of(
            format!("step {}: table {table}", step.step),
            &[alone],
            vec![],
        ));
    }
    for input in step
        .models
        .iter()
        .filter(|input| input.model.owner.party == *me)
    {
        // Made by the job itself: there is no training whose cast could be judged.
        if input.model.version == asked.offer.job.as_str() {
            continue;
        }
        let alone = OfferedStep {
            models: vec![input.clone()],
            ..bare.clone()
        };
        remarks.push(asked.of(
            format!("step {}: model {}", step.step, input.model.version),
            &[alone],
            vec![],
        ));
    }
    remarks
}

/// What a message gives away to whom, or why it may not leave; none of what stays inside the party.
fn of_message(asked: &Question<'_>, me: &PartyId, spoken: &PlannedMessage) -> Option<Remark> {
    let to: Vec<String> = spoken
        .to
        .iter()
        .filter(|to| to.party != *me)
        .map(ToString::to_string)
        .collect();
    if to.is_empty() {
        return None;
    }
    let gives = spoken.line.disclosure.word();
    let what = format!(
        "step {}: message {} as {} to {}",
        spoken.step,
        spoken.line.name,
        spoken.role,
        to.join(", ")
    );
    let remark = asked.of(what, &[], vec![spoken.clone()]);
    Some(match remark.word {
        "allowed" => Remark {
            word: "disclosed",
            why: Some(gives.to_owned()),
            ..remark
        },
        _ => remark,
    })
}

/// What the coordinator and its readers would be told of a step that read many rows.
fn told(policy: &Policy) -> Vec<Remark> {
    let metric = Metric {
        namespace: "train".to_owned(),
        name: "loss".to_owned(),
        data: MetricData::Values(vec![]),
        meta: serde_json::Map::new(),
    };
    let kinds = [
        ("figures and curves", ReportBody::Metrics(vec![metric])),
        ("summaries of steps", ReportBody::Summary(String::new())),
        ("views of models", ReportBody::ModelView(String::new())),
    ];
    let grounds = Grounds {
        tells: &[Tells::Joint],
        read: RowsBehind::Rows(u64::MAX),
        alone: false,
        ..Grounds::none()
    };
    let judged = |(what, body): (&str, ReportBody)| {
        let (word, why) = match policy.disclose(body, &grounds) {
            Telling::Told { .. } => ("disclosed", None),
            Telling::Withheld { rule } => ("withheld", Some(rule.to_owned())),
        };
        Remark {
            what: format!("to the coordinator: {what}"),
            word,
            why,
        }
    };
    let mut remarks: Vec<Remark> = kinds.into_iter().map(judged).collect();
    for (what, tells) in [("names of columns", Tells::Headers), ("rows", Tells::Rows)] {
        let word = if policy.may_tell(tells) {
            "disclosed"
        } else {
            "withheld"
        };
        remarks.push(Remark {
            what: format!("to the coordinator: {what}"),
            word,
            why: None,
        });
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::Rules;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_795_000_000_000_000);
    const CLINIC: &str = include_str!("../../examples/production-three-hosts/clinic/policy.toml");

    fn documents() -> (Value, Value) {
        let read = |text: &str| serde_json::from_str(text).unwrap();
        (
            read(include_str!("../../examples/first-job/dsl.json")),
            read(include_str!(
                "../../examples/production-three-hosts/job/conf.json"
            )),
        )
    }

    fn rehearsed(policy: &str, change: impl FnOnce(&mut Value)) -> Rehearsal {
        let (dsl, mut conf) = documents();
        change(&mut conf);
        let load = |me| Ok(Policy::new(me, toml::from_str::<Rules>(policy).unwrap()));
        let parties = [PartyId::new("10000").unwrap()];
        rehearse(load, (&dsl, &conf), &parties, NOW)
            .unwrap()
            .remove(0)
    }

    fn words(of: &Rehearsal, word: &str) -> Vec<String> {
        of.remarks
            .iter()
            .filter(|remark| remark.word == word)
            .map(|remark| remark.what.clone())
            .collect()
    }

    #[test]
    fn the_examples_job_is_allowed_and_says_what_it_gives_away() {
        let of = rehearsed(CLINIC, |_| ());
        assert_eq!(
            (of.refused.clone(), words(&of, "refused")),
            (None, vec![]),
            "{of:#?}"
        );
        let disclosed = words(&of, "disclosed");
        assert!(
            disclosed
                .iter()
                .any(|what| what == "step hetero_lr_0: message host_score as host to guest 9999"),
            "{disclosed:#?}"
        );
        assert!(
            words(&of, "withheld").contains(&"to the coordinator: summaries of steps".to_owned())
        );
        assert_eq!(
            words(&of, "counted"),
            ["jobs of party 9999", "trainings of party 9999"]
        );
    }

    #[test]
    fn what_is_refused_has_its_line_and_the_rule() {
        let of = rehearsed(&CLINIC.replace("examples.clinic", "examples.other"), |_| ());
        assert_eq!(
            words(&of, "refused"),
            ["step reader_0: table examples.clinic"]
        );
        assert!(of.refused.unwrap().contains("admission.tables"));
        let of = rehearsed(
            &CLINIC.replace("\"aggregate\", \"row_values\"", "\"aggregate\""),
            |_| (),
        );
        assert_eq!(
            words(&of, "refused"),
            ["step hetero_lr_0: message host_score as host to guest 9999"]
        );
        let of = rehearsed(CLINIC, |conf| {
            conf["component_parameters"]["common"]["hetero_lr_0"]["validation_freqs"] = json!(2)
        });
        let refused = of.refused.unwrap();
        assert!(
            refused.contains("parameter validation_freqs")
                && refused.contains("features.vectors_in_training"),
            "{refused}"
        );
    }

    #[test]
    fn without_a_party_all_but_the_initiators_are_judged() {
        let (dsl, conf) = documents();
        let load = |me| Ok(Policy::new(me, Rules::default()));
        let all = rehearse(load, (&dsl, &conf), &[], NOW).unwrap();
        let parties: Vec<&str> = all.iter().map(|one| one.party.as_str()).collect();
        assert!(
            parties.contains(&"10000") && !parties.contains(&"9999"),
            "{parties:?}"
        );
        assert!(all.iter().all(|one| one.refused.is_some()));
    }
}
