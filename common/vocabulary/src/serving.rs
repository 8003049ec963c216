//! A deployed model as parties keep it ready for predictions that somebody waits for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::StepName;
use crate::role::Participant;
use crate::table::TableRef;
use crate::task::ModelInput;

/// What is needed to apply a deployed model to single rows. As JSON it goes from the coordinator to agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingPlan {
    /// FATE's model id.
    pub model_id: String,
    /// The deployed version.
    pub model_version: String,
    /// Who asked for the training; its agent answers requests.
    pub initiator: Participant,
    /// The readers of the DSL that is applied.
    pub readers: Vec<StepName>,
    /// Guests and hosts.
    pub parts: Vec<ServingPart>,
}

/// One participant's part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingPart {
    /// Whose.
    pub owner: Participant,
    /// The table of each reader; one is missing where neither the request nor the training's documents name it.
    pub tables: BTreeMap<StepName, TableRef>,
    /// The models that are applied.
    pub models: Vec<ModelInput>,
}

impl ServingPlan {
    /// A participant's part.
    pub fn part_of(&self, owner: &Participant) -> Option<&ServingPart> {
        self.parts.iter().find(|part| part.owner == *owner)
    }

    /// The first reader for which a participant's table is not known.
    pub fn without_table(&self) -> Option<(&Participant, &StepName)> {
        self.parts.iter().find_map(|part| {
            let reader = self
                .readers
                .iter()
                .find(|reader| !part.tables.contains_key(*reader))?;
            Some((&part.owner, reader))
        })
    }
}
