//! What this party would send and read under an offer, as its components and its tables have it: known before anything runs.
//! The offline test of a policy asks here, too.

use std::collections::BTreeSet;

use policy::{ColumnCount, Header, MadeOf, MoreVectors, PlannedMessage};
use serde_json::Value;
use vocabulary::{
    CheckpointRef, Disclosure, ErrorCode, Fault, Offer, OfferedStep, Participant, PartyId,
    PortKind, Stage, StepName, TableRef,
};

use crate::agent_state::Catalogue;

/// What party `me` would send in each step of the offer.
pub(crate) fn spoken(
    me: &PartyId,
    catalogue: Catalogue,
    offer: &Offer,
) -> Result<Vec<PlannedMessage>, Fault> {
    let mut spoken = Vec::new();
    for step in offer.steps.iter().filter(|step| step.inherited.is_none()) {
        for who in step.participants.iter().filter(|who| who.party == *me) {
            spoken.extend(spoken_by(catalogue, step, who)?);
        }
    }
    Ok(spoken)
}

fn parameters_of(step: &OfferedStep, who: &Participant) -> Value {
    let parameters = step.parameters.iter().find(|(of, _)| of == who);
    parameters
        .and_then(|(_, text)| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn spoken_by(
    catalogue: Catalogue,
    step: &OfferedStep,
    who: &Participant,
) -> Result<Vec<PlannedMessage>, Fault> {
    let missing = || {
        let (component, version) = (&step.component, step.version);
        let message = format!(
            "there is no component {component} of version {version} (step {})",
            step.step
        );
        Fault::new(ErrorCode::CatalogueMismatch, message)
            .next("install the same version of fedflow at all parties")
    };
    let fits = |component: &&&'static dyn component_kit::AnyComponent| {
        let of = component.description();
        of.name == step.component && of.version == step.version
    };
    let component = catalogue.iter().find(fits).copied().ok_or_else(missing)?;
    let plan = component.plan(who.role, &parameters_of(step, who)).ok();
    let leaves_model = component
        .description()
        .outputs
        .iter()
        .any(|port| port.kind == PortKind::Model);
    let more = |(parameter, count): (&'static str, Option<u64>)| MoreVectors {
        parameter: parameter.to_owned(),
        count,
    };
    let to_whom = |line: vocabulary::MessageLine| PlannedMessage {
        step: step.step.clone(),
        component: step.component.clone(),
        role: who.role,
        line,
        to: step
            .participants
            .iter()
            .filter(|to| line.to.contains(&to.role) && *to != who)
            .cloned()
            .collect(),
        trains: leaves_model && step.stage == Stage::Fit,
        more: match line.disclosure {
            Disclosure::RowValues => {
                let asked = match &plan {
                    Some(plan) => plan.more_vectors(step.stage),
                    // A count that is not known is more than any bound: parameters that nobody can
                    // read are judged so.
                    None => vec![("(unreadable)", None)],
                };
                let asked = asked.into_iter().map(more);
                asked.chain(of_checkpoints(step, who)).collect()
            }
            _ => Vec::new(),
        },
    };
    let lines = match &plan {
        Some(plan) => plan.spoken(step.stage),
        // Whatever cannot be read may ask for everything.
        None => component.description().messages_of(who.role),
    };
    Ok(lines.into_iter().map(to_whom).collect())
}

/// Applying a state from the course of a training gives the vector of that moment away: where states are applied one after the
/// other as many as there were moments, and so the n-th counts as n.
fn of_checkpoints<'a>(
    step: &'a OfferedStep,
    who: &'a Participant,
) -> impl Iterator<Item = MoreVectors> + 'a {
    let mine = step
        .models
        .iter()
        .filter(move |input| input.model.owner == *who);
    mine.filter_map(|input| {
        let (which, count) = match input
            .checkpoint
            .as_ref()
            .filter(|_| step.stage == Stage::Apply)?
        {
            CheckpointRef::StepIndex(number) => (number.to_string(), Some(u64::from(*number) + 1)),
            CheckpointRef::StepName(name) => (name.clone(), None),
        };
        Some(MoreVectors {
            parameter: format!("{} with checkpoint {which}", input.port),
            count,
        })
    })
}

/// The columns of the stored tables that the offer names at party `me`; `columns_of` knows those of a table that is here.
pub(crate) fn headers(
    me: &PartyId,
    offer: &Offer,
    columns_of: impl Fn(&TableRef) -> Option<Vec<String>>,
) -> Vec<Header> {
    let named = offer
        .steps
        .iter()
        .flat_map(|step| &step.tables)
        .filter(|(who, _)| who.party == *me);
    let tables: BTreeSet<&TableRef> = named.map(|(_, table)| table).collect();
    let header = |table: &TableRef| {
        Some(Header {
            table: table.clone(),
            columns: columns_of(table)?,
            made_of: MadeOf::default(),
        })
    };
    tables.into_iter().filter_map(header).collect()
}

/// How many columns the steps have in which party `me` would send values of rows: at most those of the stored tables behind
/// them. Lines in which one column holds many are not counted here; what a step reads is counted when it does.
pub(crate) fn brought(
    me: &PartyId,
    offer: &Offer,
    spoken: &[PlannedMessage],
    headers: &[Header],
) -> Vec<ColumnCount> {
    let sends: BTreeSet<&StepName> = spoken
        .iter()
        .filter(|one| one.line.disclosure == Disclosure::RowValues)
        .map(|one| &one.step)
        .collect();
    let mut brought = Vec::new();
    for step in offer.steps.iter().filter(|step| sends.contains(&step.step)) {
        for who in step.participants.iter().filter(|who| who.party == *me) {
            for (table, columns) in sources(offer, step, who, headers) {
                brought.push(ColumnCount {
                    step: step.step.clone(),
                    table,
                    columns,
                });
            }
        }
    }
    brought
}

/// The stored tables behind a step at a participant.
fn sources(
    offer: &Offer,
    step: &OfferedStep,
    who: &Participant,
    headers: &[Header],
) -> Vec<(TableRef, u64)> {
    let (mut seen, mut open, mut found) = (BTreeSet::new(), vec![step], Vec::new());
    while let Some(at) = open.pop() {
        // The offer is the coordinator's word: steps in it may form a loop.
        if !seen.insert(&at.step) {
            continue;
        }
        let format = parameters_of(at, who);
        let dense = format
            .get("input_format")
            .and_then(Value::as_str)
            .is_none_or(|format| format == "dense");
        // In lines one column may hold thousands: a count of columns would be a promise that nobody
        // can keep.
        if !dense {
            return Vec::new();
        }
        for (_, table) in at.tables.iter().filter(|(owner, _)| owner == who) {
            let header = headers.iter().find(|header| header.table == *table);
            found.extend(header.map(|header| (table.clone(), header.columns.len() as u64)));
        }
        let makers = at
            .inputs
            .iter()
            .filter(|input| input.who == *who)
            .map(|input| &input.made_by);
        open.extend(makers.filter_map(|maker| offer.steps.iter().find(|step| step.step == *maker)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{offer, party, script};
    use vocabulary::{ModelInput, ModelRef, Role};

    #[test]
    fn a_state_of_a_training_counts_as_the_moment_from_which_it_is() {
        let mut step = offer(&script("talk")).steps.remove(0);
        let who = Participant::new(Role::Host, party("2"));
        let counts = |step: &OfferedStep| {
            of_checkpoints(step, &who)
                .map(|more| more.count)
                .collect::<Vec<_>>()
        };
        let model = ModelRef {
            version: "1".to_owned(),
            step: step.step.clone(),
            owner: who.clone(),
        };
        let at = |checkpoint| ModelInput {
            port: "model".to_owned(),
            model: model.clone(),
            checkpoint,
        };
        step.models = vec![
            at(None),
            at(Some(CheckpointRef::StepIndex(0))),
            at(Some(CheckpointRef::StepIndex(7))),
            at(Some(CheckpointRef::StepName("epoch_3".to_owned()))),
        ];
        assert_eq!(counts(&step), [], "a training goes on from it");
        step.stage = Stage::Apply;
        assert_eq!(counts(&step), [Some(1), Some(8), None]);
        step.models
            .iter_mut()
            .for_each(|input| input.model.owner = Participant::new(Role::Guest, party("1")));
        assert_eq!(counts(&step), [], "another's");
    }

    #[test]
    fn columns_are_those_of_the_stored_tables_behind_a_step() {
        let offer = offer(&script("talk"));
        let me = party("2");
        let table = offer.steps[0].tables[1].1.clone();
        let names = |of: &TableRef| (*of == table).then(|| vec!["a".to_owned(), "b".to_owned()]);
        let headers = headers(&me, &offer, names);
        let columns = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            headers,
            [Header {
                table: table.clone(),
                columns,
                made_of: MadeOf::Itself
            }]
        );
        let mut spoken = spoken(&me, crate::trial::SCRIPTED, &offer).unwrap();
        assert_eq!(
            brought(&me, &offer, &spoken, &headers),
            [],
            "nothing of rows is sent"
        );
        spoken[0].line.disclosure = Disclosure::RowValues;
        let step = spoken[0].step.clone();
        assert_eq!(
            brought(&me, &offer, &spoken, &headers),
            [ColumnCount {
                step,
                table,
                columns: 2
            }]
        );
        // Lines in which one column holds many.
        let sparse = serde_json::json!({"script": "talk", "input_format": "tag"});
        let sparse = crate::trial::offer(&sparse);
        assert_eq!(brought(&me, &sparse, &spoken, &headers), []);
    }
}
