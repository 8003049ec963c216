//! Components on offer: what the parties of a cast announced, and whether they agree on it.

use vocabulary::{Cast, ComponentInfo, ErrorCode, Fault, Participant, PartyId};

use crate::graph::{Graph, Step};
use crate::presence::Presence;

/// What each party of a cast announced. A party whose agent was never seen has no entry and is not judged: its own agent
/// judges the offer when it connects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalogue {
    parties: Vec<(PartyId, Vec<ComponentInfo>)>,
}

impl Catalogue {
    /// The catalogues of a cast's parties.
    pub fn of(presence: &Presence, cast: &Cast) -> Self {
        let announced = |party: PartyId| {
            presence
                .agents
                .get(&party)
                .map(|agent| (party, agent.components.clone()))
        };
        Self {
            parties: cast.parties().into_iter().filter_map(announced).collect(),
        }
    }

    /// Every component that some party announced, once, in its newest version, sorted by name.
    pub fn components(&self) -> Vec<ComponentInfo> {
        let mut all: Vec<ComponentInfo> = self
            .parties
            .iter()
            .flat_map(|(_, own)| own.iter().cloned())
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name).then(b.version.cmp(&a.version)));
        // Sorted by falling version, so the first of a name is the newest.
        all.dedup_by(|later, kept| later.name == kept.name);
        all
    }

    /// The component that answers to a document's module name, in its newest version.
    pub fn find(&self, module: &str) -> Option<&ComponentInfo> {
        let all = self.parties.iter().flat_map(|(_, own)| own);
        all.filter(|info| info.answers_to(module))
            .max_by_key(|info| info.version)
    }

    /// The version of a component that all parties of a step announce.
    ///
    /// A [`Fault`] with code `CatalogueMismatch` names the parties and what each announces when they do not agree.
    pub fn agreed_version(
        &self,
        component: &str,
        participants: &[Participant],
    ) -> Result<u32, Fault> {
        let mut parties: Vec<&PartyId> = participants
            .iter()
            .map(|participant| &participant.party)
            .collect();
        parties.sort();
        parties.dedup();
        let judged: Vec<(&PartyId, Option<u32>)> = parties
            .into_iter()
            .filter_map(|party| Some((party, self.version_at(party, component)?)))
            .collect();
        let mut versions: Vec<Option<u32>> = judged.iter().map(|(_, version)| *version).collect();
        versions.dedup();
        match versions.as_slice() {
            [Some(version)] => Ok(*version),
            // No party of the step was ever seen: the job may be submitted, and their own agents
            // judge the offer.
            [] => self
                .find(component)
                .map(|info| info.version)
                .ok_or_else(|| unknown(component)),
            _ => Err(mismatch(component, &judged)),
        }
    }

    /// Checks every step of a graph; one fault for each step on which the parties do not agree.
    pub fn check(&self, graph: &Graph) -> Vec<Fault> {
        let of_step = |step: &Step| {
            let path = format!("job_dsl.components.{}.module", step.name);
            match self.agreed_version(&step.component, &step.participants) {
                Err(fault) => Some(fault.path(path)),
                Ok(version) if version != step.version => {
                    let message = format!(
                        "component {} changed from version {} to {version}",
                        step.component, step.version
                    );
                    Some(
                        Fault::new(ErrorCode::CatalogueMismatch, message)
                            .path(path)
                            .next("submit the job again"),
                    )
                }
                Ok(_) => None,
            }
        };
        graph.steps.iter().filter_map(of_step).collect()
    }

    /// `None` when the party was never seen; `Some(None)` when it does not announce the component.
    fn version_at(&self, party: &PartyId, component: &str) -> Option<Option<u32>> {
        let (_, own) = self.parties.iter().find(|(known, _)| known == party)?;
        Some(
            own.iter()
                .filter(|info| info.name == component)
                .map(|info| info.version)
                .max(),
        )
    }
}

fn unknown(component: &str) -> Fault {
    Fault::new(
        ErrorCode::ComponentUnknown,
        format!("no party announces component {component}"),
    )
}

fn mismatch(component: &str, judged: &[(&PartyId, Option<u32>)]) -> Fault {
    let words: Vec<String> = judged
        .iter()
        .map(|(party, version)| match version {
            Some(version) => format!("party {party} has version {version}"),
            None => format!("party {party} does not have it"),
        })
        .collect();
    let message = format!(
        "the parties do not share one version of component {component}: {}",
        words.join(", ")
    );
    let odd = judged
        .iter()
        .find(|(_, version)| version.is_none())
        .map(|(party, _)| (*party).clone());
    let mut fault = Fault::new(ErrorCode::CatalogueMismatch, message)
        .next("run the same release of fedflow at these parties");
    fault.party = odd;
    fault
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::AgentPresence;
    use vocabulary::{Role, Timestamp};

    fn party(text: &str) -> PartyId {
        PartyId::new(text).expect("valid")
    }

    fn info(name: &str, module: &str, version: u32) -> ComponentInfo {
        ComponentInfo {
            name: name.into(),
            version,
            summary: String::new(),
            modules: vec![module.into()],
            roles: vec![Role::Guest, Role::Host],
            inputs: vec![],
            outputs: vec![],
            schema: serde_json::Value::Bool(true),
            defaults: serde_json::Value::Null,
            messages: vec![],
            cast: vec![],
            needs: vec![],
            applies_with: None,
        }
    }

    fn catalogue(parties: &[(&str, Vec<ComponentInfo>)]) -> Catalogue {
        let mut presence = Presence::default();
        let mut cast = Cast::default();
        for (id, components) in parties {
            let agent = AgentPresence {
                online: true,
                since: Timestamp(0),
                ended: false,
                last_error: None,
                components: components.clone(),
                rest: None,
                rows_through_coordinator: false,
                slots: None,
            };
            presence.agents.insert(party(id), agent);
            cast.host.push(party(id));
        }
        cast.host.push(party("unseen"));
        Catalogue::of(&presence, &cast)
    }

    fn both() -> Vec<Participant> {
        ["1", "2", "unseen"]
            .map(|id| Participant::new(Role::Host, party(id)))
            .to_vec()
    }

    #[test]
    fn finds_the_component_behind_a_module_name() {
        let catalogue = catalogue(&[
            ("1", vec![info("hetero_lr", "HeteroLR", 1)]),
            ("2", vec![info("hetero_lr", "HeteroLR", 2)]),
        ]);
        assert_eq!(catalogue.find("heterolr").map(|info| info.version), Some(2));
        assert!(catalogue.find("HeteroXX").is_none());
        assert_eq!(catalogue.components().len(), 1);
    }

    #[test]
    fn agrees_when_all_that_were_seen_announce_the_same() {
        let same = catalogue(&[
            ("1", vec![info("union", "Union", 3)]),
            ("2", vec![info("union", "Union", 3)]),
        ]);
        assert_eq!(same.agreed_version("union", &both()), Ok(3));
    }

    #[test]
    fn names_parties_and_versions_that_differ() {
        let differ = catalogue(&[
            ("1", vec![info("union", "Union", 3)]),
            ("2", vec![info("union", "Union", 4)]),
        ]);
        let fault = differ
            .agreed_version("union", &both())
            .expect_err("differs");
        assert_eq!(fault.code, ErrorCode::CatalogueMismatch);
        assert!(
            fault
                .message
                .ends_with("party 1 has version 3, party 2 has version 4"),
            "{}",
            fault.message
        );
        let lacks = catalogue(&[("1", vec![info("union", "Union", 3)]), ("2", vec![])]);
        let fault = lacks.agreed_version("union", &both()).expect_err("differs");
        assert_eq!(fault.party, Some(party("2")));
        assert!(
            fault.message.ends_with("party 2 does not have it"),
            "{}",
            fault.message
        );
    }
}
