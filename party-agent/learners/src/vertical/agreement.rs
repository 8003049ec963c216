//! What the guest tells everybody before the first epoch, and of scales: plain data.

use component_kit::LabelRules;
use learning::batches::BatchSettings;
use learning::convergence::EarlyStop;
use learning::validation::ValidationEpochs;
use serde::{Deserialize, Serialize};

use crate::params::Training;

/// Parameters that change who says what when: they must be the same everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreed {
    pub(super) batches: BatchSettings,
    pub(super) max_iter: usize,
    pub(super) early_stop: EarlyStop,
    pub(super) tol: f64,
    pub(super) validation: Option<ValidationEpochs>,
    pub(super) stops_early: bool,
}

/// What the guest tells everybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Rows to train on.
    pub rows: usize,
    /// Rows to validate on, if there is such a table.
    pub validate_rows: Option<usize>,
    /// Models to train: 1, or one for each of more than two classes.
    pub models: usize,
    /// The first epoch; above 0 when training goes on from a model.
    pub first_epoch: usize,
    /// Columns of all hosts together.
    pub columns: usize,
    /// Columns of the host that has most of them.
    pub widest_host: usize,
    /// Columns of the guest, its intercept counted.
    pub guest_columns: usize,
    /// What the guest's policy asks, so that its labels stay its own.
    pub labels: LabelRules,
    /// Parameters that must be the same everywhere.
    pub agreed: Agreed,
    /// The power of two by which residuals are divided before they are encoded; 0 for classes, whose messages do not have it.
    // Left out for classes: their plans have the bytes that they had before units (decision 43).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unit: i16,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references in"
)]
fn is_zero(unit: &i16) -> bool {
    *unit == 0
}

impl Agreed {
    /// As one role's parameters have it.
    pub(super) fn of(training: &Training) -> Self {
        let validation = training.validation.clone();
        Self {
            batches: training.batches,
            max_iter: training.max_iter,
            early_stop: training.early_stop,
            tol: training.tol,
            // Metrics are the guest's own affair; others need to know only whether a word about
            // stopping comes.
            stops_early: validation
                .as_ref()
                .is_some_and(|validation| validation.stop_after.is_some()),
            validation: validation.map(|validation| validation.epochs),
        }
    }
}

/// What the guest announces of a batch's scale, as powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The scale of this batch.
    pub now: u16,
    /// The one that scores of the next batch have at first.
    pub next: u16,
}

#[cfg(test)]
mod tests {
    use component_kit::{Packed, Payload};
    use serde_json::json;

    use super::*;

    fn plan(unit: i16) -> Plan {
        let malicious_hosts = component_kit::MaliciousHosts::Trust;
        let labels = LabelRules {
            rows_per_column: 12,
            small_table: 200,
            refuses: true,
            malicious_hosts,
        };
        let plan = json!({
            "rows": 60, "validate_rows": null, "models": 1, "first_epoch": 0, "columns": 3, "widest_host": 3,
            "guest_columns": 3, "labels": labels,
            "agreed": {
                "batches": {"batch_size": -1, "strategy": "full", "shuffle": false, "masked_rate": 0.0},
                "max_iter": 4, "early_stop": "diff", "tol": 1e-9, "validation": null, "stops_early": false,
            },
        });
        // As parties of earlier releases send it: there is no unit.
        let plan: Plan = serde_json::from_value(plan).unwrap();
        Plan { unit, ..plan }
    }

    #[test]
    fn a_plan_for_classes_has_the_bytes_that_it_had_before_there_were_units() {
        let bytes = Packed(plan(0)).encode().unwrap();
        assert!(!bytes.windows(4).any(|four| four == b"unit"));
        assert_eq!(Packed::<Plan>::decode(&bytes).unwrap().0, plan(0));
        let bytes = Packed(plan(-21)).encode().unwrap();
        assert_eq!(Packed::<Plan>::decode(&bytes).unwrap().0.unit, -21);
    }
}
