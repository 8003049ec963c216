//! Labels of any size: the same figures in the units of the labels, and peers that lie about them.

use component_kit::harness::Federation;
use component_kit::{Component, Description, Packed, Result, TaskContext};
use learners::vertical::Plan;
use learners::vertical::messages::{COLUMNS, PLAN, PUBLIC_KEY};
use serde_json::json;
use vocabulary::{ErrorCode, Role};

use super::data::{Data, agrees, losses, weights};
use crate::hetero_linr::{HeteroLinR, Params};

/// Columns and a rate that let scores outgrow what the finest scale holds.
pub(super) fn growing() -> Federation {
    let mut data = Data::new(60, &[2, 3], (1.0, 0.0));
    data.parts.iter_mut().for_each(|part| *part *= 20.0);
    data.federation(json!({"max_iter": 3, "learning_rate": 0.01, "decay": 0}))
}

#[tokio::test]
async fn labels_of_every_size_are_learned_as_exactly() {
    for (factor, offset) in [
        (1e-9, 0.0),
        (1e-4, 0.0),
        (1e6, 0.0),
        (1.0, 2000.0),
        (1e12, -3e12),
    ] {
        let data = Data::new(60, &[2, 3], (factor, offset));
        agrees(&data, json!({"max_iter": 6, "tol": 1e-9 * factor})).await;
        let steps =
            json!({"max_iter": 40, "early_stop": "weight_diff", "tol": 0.3 * factor, "decay": 0});
        let played = agrees(&data, steps).await;
        // Labels around zero are learned before the last epoch.
        assert!(losses(&played).len() < 40 || offset != 0.0, "{factor}");
    }
}

#[tokio::test]
async fn residuals_that_outgrow_their_bounds_get_a_coarser_scale() {
    let mut data = Data::new(60, &[2, 3], (1.0, 0.0));
    data.parts.iter_mut().for_each(|part| *part *= 20.0);
    let played = growing().run::<HeteroLinR>().await.all_succeeded();
    let grew = |line: &String| line.starts_with("scores grew");
    assert!(
        played
            .parts
            .iter()
            .any(|(_, part)| part.log.iter().any(grew))
    );
    let fit = super::data::plain(
        &data,
        json!({"max_iter": 3, "learning_rate": 0.01, "decay": 0}),
    );
    for (own, expected) in weights(&played).iter().zip(&fit.weights) {
        assert!(
            (own - expected).abs() < 1e-6 * expected.abs().max(1.0),
            "{own} is not {expected}"
        );
    }
}

#[tokio::test]
async fn two_hosts_and_large_labels_agree() {
    let data = Data::new(90, &[2, 2, 3], (1e7, 1e6));
    agrees(&data, json!({"early_stop": "weight_diff", "tol": 1.0})).await;
}

/// HeteroLinR whose guest plans with another unit than there is.
struct Cheat;

impl Component for Cheat {
    type Params = Params;
    const DESCRIPTION: Description = HeteroLinR::DESCRIPTION;

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        if task.role() != Role::Guest {
            return HeteroLinR::run(task, params).await;
        }
        task.arbiter()?.receive(&PUBLIC_KEY).await?;
        task.hosts().receive_all(&COLUMNS).await?;
        let plan = json!({
            "rows": 60, "validate_rows": null, "models": 1, "first_epoch": 0, "columns": 3, "widest_host": 3,
            "guest_columns": 3, "labels": task.label_rules(), "unit": 201,
            "agreed": {
                "batches": {"batch_size": -1, "strategy": "full", "shuffle": false, "masked_rate": 0.0},
                "max_iter": 4, "early_stop": "diff", "tol": 1e-9, "validation": null, "stops_early": false,
            },
        });
        let plan: Plan = serde_json::from_value(plan).unwrap();
        task.hosts().send(&PLAN, &Packed(plan.clone())).await?;
        task.arbiter()?.send(&PLAN, &Packed(plan)).await
    }
}

#[tokio::test]
async fn a_unit_beyond_all_labels_breaks_the_protocol() {
    let data = Data::new(60, &[2, 3], (1.0, 0.0));
    let played = data.federation(json!({})).run::<Cheat>().await;
    // Who refuses first stops the others.
    let fault = played.fault().unwrap();
    assert_eq!(fault.code, ErrorCode::ProtocolViolation, "{fault}");
    assert!(fault.message.contains("2^201"), "{fault}");
}
