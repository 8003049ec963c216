//! Whether an offer is what one of the party's users asked for: the request is read as the coordinator should have read it,
//! by the same code, and what comes out must be the offer.

use std::collections::BTreeMap;

use domain::Offering;
use job_dsl::{EarlierOutput, ParseContext, Parsed};
use rest::LocalJob;
use serde_json::Value;
use vocabulary::{
    ComponentInfo, JobId, Offer, OfferedStep, Participant, StepName, TableRef, Ticket,
};

use super::uncovered::Gap;
use super::{object_of, overlay};
use crate::agent_state::AgentState;

/// Paths whose requests hold the documents of a job.
const WITH_DOCUMENTS: [&str; 2] = ["/v1/job/submit", super::SCHEDULE];
/// Runs a job again that is known here.
const RERUN: &str = "/v1/job/rerun";
/// Changes parameters of a job that is known here.
const UPDATE: &str = "/v1/job/parameter/update";
const LOCAL: [&str; 5] = [
    "/v1/data/upload",
    "/v1/data/download",
    "/v1/data/writer",
    "/v1/model/store",
    "/v1/model/restore",
];

/// Whether requests at a path may start a job that a ticket covers.
pub(super) fn may_start_a_job(path: &str) -> bool {
    WITH_DOCUMENTS.contains(&path) || LOCAL.contains(&path) || [RERUN, UPDATE].contains(&path)
}

/// Compares an offer with the request for which the ticket was given.
pub(super) async fn check(
    agent_state: &AgentState,
    ticket: &Ticket,
    offer: &Offer,
) -> Result<(), Gap> {
    let body = object_of(&ticket.document);
    if offer.keeps.is_some() {
        return Err("it keeps a file that the request does not name".to_owned());
    }
    match ticket.path.as_str() {
        path if WITH_DOCUMENTS.contains(&path) => {
            let (dsl, conf) = rest::fields::job_documents(&body);
            documents(agent_state, &dsl, &conf, offer).await
        }
        RERUN => overlay::known_job(agent_state, &body, &Value::Null, offer).await,
        UPDATE => {
            let changes = body
                .get("component_parameters")
                .cloned()
                .unwrap_or(Value::Null);
            overlay::known_job(agent_state, &body, &changes, offer).await
        }
        path => match LocalJob::asked(path, &body) {
            Some(Ok(job)) => {
                let (dsl, conf) = job.documents(std::slice::from_ref(&agent_state.me));
                documents(agent_state, &dsl, &conf, offer).await
            }
            Some(Err(_)) | None => Err("the request starts no job".to_owned()),
        },
    }
}

async fn documents(
    agent_state: &AgentState,
    dsl: &Value,
    conf: &Value,
    offer: &Offer,
) -> Result<(), Gap> {
    match job_dsl::predict_request(dsl, conf) {
        Ok(Some(model)) => overlay::predict_job(agent_state, &model, conf, offer).await,
        Ok(None) => whole_job(agent_state, dsl, conf, offer).await,
        Err(_) => Err("the documents cannot be read".to_owned()),
    }
}

/// A job whose documents say everything.
async fn whole_job(
    agent_state: &AgentState,
    dsl: &Value,
    conf: &Value,
    offer: &Offer,
) -> Result<(), Gap> {
    let components: Vec<ComponentInfo> = agent_state
        .catalogue
        .iter()
        .map(|component| component.info())
        .collect();
    let context = ParseContext {
        components: &components,
        ..ParseContext::default()
    };
    let mut parsed = job_dsl::parse(dsl, conf, &context).map_err(|found| {
        let first = found.first().map(ToString::to_string);
        format!(
            "this agent reads the documents otherwise: {}",
            first.unwrap_or_default()
        )
    })?;
    if parsed.initiator != offer.initiator || parsed.cast != offer.cast {
        return Err("other parties take part".to_owned());
    }
    let inherited = inherited(agent_state, &parsed.conf, offer).await?;
    fill_in_earlier_outputs(&mut parsed, offer)?;
    let Parsed { graph, cast, .. } = &parsed;
    let offering = Offering {
        graph,
        cast,
        model_version: offer.job.as_str(),
        inherited: &inherited,
    };
    let expected = offering.steps();
    if expected.len() != offer.steps.len() {
        return Err("it has other steps".to_owned());
    }
    let differs = |(expected, offered): (OfferedStep, &OfferedStep)| {
        difference(agent_state, expected, offered)
    };
    match expected.into_iter().zip(&offer.steps).find_map(differs) {
        None => Ok(()),
        Some(difference) => Err(difference),
    }
}

/// What differs between a step as the documents say it and as it is offered.
fn difference(
    agent_state: &AgentState,
    mut expected: OfferedStep,
    offered: &OfferedStep,
) -> Option<Gap> {
    let mine = offered
        .participants
        .iter()
        .any(|who| who.party == agent_state.me);
    if !mine {
        // Which version all its parties have is not known here, and nothing of it runs here.
        expected.version = offered.version;
    }
    let (own, given) = (values(&expected), values(offered));
    let parameters = own == given;
    expected.parameters.clone_from(&offered.parameters);
    let what = if !parameters {
        "parameters"
    } else if expected.tables != offered.tables {
        "tables"
    } else if expected == *offered {
        return None;
    } else {
        "component, parties, inputs or models"
    };
    Some(format!("step {} has other {what}", offered.step))
}

/// Parameters by participant as values: texts of the same JSON may differ in the order of members.
fn values(step: &OfferedStep) -> Vec<(&Participant, Option<Value>)> {
    step.parameters
        .iter()
        .map(|(who, text)| (who, serde_json::from_str(text).ok()))
        .collect()
}

/// Which steps the offer takes over, as far as the documents name them: from the job that they name, or from the one from which
/// that job took the step over itself.
async fn inherited(
    agent_state: &AgentState,
    conf: &Value,
    offer: &Offer,
) -> Result<BTreeMap<StepName, JobId>, Gap> {
    let info = conf.pointer("/job_parameters/common/inheritance_info");
    let source = info
        .and_then(|info| rest::fields::text_of(info.get("job_id")?))
        .and_then(|id| JobId::new(id).ok());
    let known = match &source {
        Some(source) => overlay::offers_of(agent_state, source).await?,
        None => Vec::new(),
    };
    let named = info
        .and_then(|info| info.get("component_list")?.as_array().cloned())
        .unwrap_or_default();
    let mut inherited = BTreeMap::new();
    for step in &offer.steps {
        let Some(job) = &step.inherited else { continue };
        if !named
            .iter()
            .any(|name| name.as_str() == Some(step.step.as_str()))
        {
            return Err(format!(
                "the documents do not have step {} taken over",
                step.step
            ));
        }
        let passes_on = |before: &OfferedStep| {
            before.step == step.step && before.inherited.as_ref() == Some(job)
        };
        if source.as_ref() != Some(job)
            && !known.iter().flat_map(|offer| &offer.steps).any(passes_on)
        {
            return Err(format!(
                "the documents have step {} taken over from another job",
                step.step
            ));
        }
        inherited.insert(step.step.clone(), job.clone());
    }
    Ok(inherited)
}

/// Documents may name a table by the job and step that left it; the coordinator writes the table's own names beside these. They
/// are taken from the offer where they are those of such an output.
fn fill_in_earlier_outputs(parsed: &mut Parsed, offer: &Offer) -> Result<(), Gap> {
    for step in &mut parsed.graph.steps {
        let offered = offer.steps.iter().find(|offered| offered.step == step.name);
        for (who, parameters) in &mut step.parameters {
            let Some(named) = EarlierOutput::in_parameters(parameters) else {
                continue;
            };
            let table =
                offered.and_then(|offered| offered.tables.iter().find(|(owner, _)| owner == who));
            let Some((_, table)) = table else { continue };
            if !is_left_by(table, &named) {
                return Err(format!(
                    "step {} reads another table than step {} of job {} left",
                    step.name, named.step, named.job
                ));
            }
            EarlierOutput::set_table(parameters, table);
        }
    }
    Ok(())
}

fn is_left_by(table: &TableRef, named: &EarlierOutput) -> bool {
    let rest = table.namespace.strip_prefix(&format!(
        "{}{}_",
        TableRef::outputs_of(&named.job),
        named.step
    ));
    rest.is_some_and(|attempt| {
        !attempt.is_empty() && attempt.bytes().all(|digit| digit.is_ascii_digit())
    })
}
