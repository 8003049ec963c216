//! What differs for one peer: the rules of the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cap::Cap;
use crate::limits::{Hours, Until};

/// What differs for one peer: each rule that is named takes the place of the general one in jobs with that peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnePeer {
    /// Of `admission.components`.
    pub components: Option<Vec<String>>,
    /// Of `admission.tables`.
    pub tables: Option<Vec<String>>,
    /// Of `models.versions`.
    pub models: Option<Vec<String>>,
    /// Of `models.uses_per_day`.
    pub model_uses_per_day: Option<Cap>,
    /// Of `intersection.fewest_ids`.
    pub fewest_ids: Option<u64>,
    /// Of `intersection.fewest_common`.
    pub fewest_common: Option<u64>,
    /// Of `intersection.new_ids_per_day`.
    pub new_ids_per_day: Option<Cap>,
    /// Of `limits.jobs_per_day`.
    pub jobs_per_day: Option<Cap>,
    /// Of `limits.trainings_per_day`.
    pub trainings_per_day: Option<Cap>,
    /// Of `limits.online_ids_per_day`.
    pub online_ids_per_day: Option<Cap>,
    /// Of `limits.hours`.
    pub hours: Option<Vec<Hours>>,
    /// Of `limits.until`.
    pub until: Option<Until>,
    /// Of `admission.columns`.
    pub columns: Option<Columns>,
}

/// Which columns of which tables may be read; tables that no entry names are read whole.
pub type Columns = BTreeMap<String, Vec<String>>;
