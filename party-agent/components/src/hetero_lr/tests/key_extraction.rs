//! A host that has the arbiter open ciphertexts of its own making, against the real arbiter and guest. Where parties are trusted it
//! has the key of the training after a few openings of the sums that the plan gives it; sums that the plan does not have are
//! refused, and with `rekey` no key tells it an eighth of itself.

use component_kit::harness::RunRecord;
use component_kit::{
    Component, Description, LabelRules, MaliciousHosts, Packed, Payload, Result, TaskContext,
};
use crypto::rlwe::extraction::Extraction;
use crypto::rlwe::{DEGREE, PublicKey, VALUES_PER_KEY, coefficients_learned};
use secure_compute::{KeyUse, LinearScheme, SumsBytes, VectorBytes, agreed_stop};
use serde_json::{Value, json};
use vocabulary::{ErrorCode, Role};

use super::federations::{Data, defaults, losses, set};
use super::labels::OFF;
use crate::hetero_lr::loss::TaylorLogistic;
use crate::hetero_lr::{HeteroLr, Params, Scheme};
use learners::rows::Rows;
use learners::vertical::messages::{
    COLUMNS, CONVERGED, FORWARD, HOST_GRADIENT, HOST_LOSS_TERMS, HOST_SCORE, OPENED_GRADIENT,
    PUBLIC_KEY, RESIDUAL,
};
use learners::vertical::{ColumnBounds, Course, VerticalLoss};

/// HeteroLR whose host attacks, with so many columns more than it told, and sums over other rows than the plan's.
struct Cheat<const COLUMNS_MORE: isize, const ROWS_MORE: usize>;

impl<const COLUMNS_MORE: isize, const ROWS_MORE: usize> Component
    for Cheat<COLUMNS_MORE, ROWS_MORE>
{
    type Params = Params;
    const DESCRIPTION: Description = HeteroLr::DESCRIPTION;

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match task.role() {
            Role::Host => attack(task, &params, (COLUMNS_MORE, ROWS_MORE)).await,
            _ => HeteroLr::run(task, params).await,
        }
    }
}

/// One key, and what the host knows of it.
struct Prey {
    key: PublicKey,
    known: Option<(usize, Extraction)>,
    turn: usize,
}

async fn prey(turn: &TaskContext) -> Result<Prey> {
    let key = turn
        .arbiter()?
        .receive(&PUBLIC_KEY)
        .await?
        .read::<Scheme>()?;
    Ok(Prey {
        key,
        known: None,
        turn: 0,
    })
}

impl Prey {
    /// Zeros, as a host without weights sends them.
    fn zeros(&self, task: &TaskContext, rows: usize) -> Result<VectorBytes> {
        Ok(VectorBytes::of::<Scheme>(&Scheme::encrypt(
            &self.key,
            &vec![0; rows],
            &mut task.random()?,
        )))
    }

    /// One opening.
    async fn ask(&mut self, turn: &TaskContext, rows: usize, columns: usize) -> Result<()> {
        if self
            .known
            .as_ref()
            .is_none_or(|(before, _)| *before != columns)
        {
            self.known = Some((columns, Extraction::new(rows, columns)));
        }
        let (_, extraction) = self.known.as_mut().unwrap();
        let sums = extraction.ask(self.turn);
        let bytes = [&(columns as u32).to_le_bytes(), sums.as_slice()].concat();
        let arbiter = turn.arbiter()?;
        arbiter
            .send(&HOST_GRADIENT, &SumsBytes::decode(&bytes.into()).unwrap())
            .await?;
        extraction.learn(self.turn, &arbiter.receive(&OPENED_GRADIENT).await?);
        self.turn += 1;
        Ok(())
    }

    /// How many coefficients are known, and whether they are the key.
    fn tell(&self, task: &TaskContext) {
        if let Some((_, extraction)) = &self.known {
            let whole = f64::from(u8::from(extraction.has_the_key_of(&self.key)));
            task.observe("key", &[extraction.known() as f64, whole]);
        }
    }
}

async fn attack(
    task: &TaskContext,
    params: &Params,
    (columns_more, rows_more): (isize, usize),
) -> Result<()> {
    let table = Rows::need(task, "train_data", None, TaylorLogistic::LABELS).await?;
    let (own, rows) = (table.names.len(), table.ids.len());
    let mut prey = prey(task).await?;
    task.all_of(&[Role::Guest, Role::Arbiter])
        .send(&COLUMNS, &Packed(own))
        .await?;
    let known = ColumnBounds {
        columns: own..=own,
        widest: own..=own,
    };
    let course =
        Course::receive::<TaylorLogistic, Scheme>(task, &params.training(), 1, known).await?;
    let mut keys = KeyUse::new(course.limit);
    for epoch in course.epochs() {
        let turn = task.round("epoch", epoch);
        for part in 0..course.parts() {
            let turn = Course::part_turn(&turn.round("batch", 0), part);
            if keys.is_over(course.values(part)) {
                prey.tell(task);
                prey = self::prey(&turn).await?;
            }
            turn.guest()?
                .send(&FORWARD, &prey.zeros(task, rows)?)
                .await?;
            if part == 0 && course.has_loss() {
                turn.guest()?
                    .send(&HOST_LOSS_TERMS, &prey.zeros(task, rows)?)
                    .await?;
            }
            turn.guest()?.receive(&RESIDUAL).await?;
            let columns = course.part(part, own).len();
            if columns > 0 {
                prey.ask(
                    &turn,
                    rows + rows_more,
                    columns.checked_add_signed(columns_more).unwrap(),
                )
                .await?;
            }
        }
        agreed_stop::hear(&turn.arbiter()?, &CONVERGED).await?;
    }
    prey.tell(task);
    let turn = task.round("predict", 0).round("rows", 0).round("class", 0);
    turn.guest()?.send(&HOST_SCORE, &vec![0.0; rows]).await
}

fn rules(malicious_hosts: MaliciousHosts) -> LabelRules {
    LabelRules {
        malicious_hosts,
        ..OFF
    }
}

/// 62 rows: the sums sit at every 64th place, so that 59 at once are read whole in five openings.
async fn play<C: Component>(
    columns: usize,
    epochs: usize,
    malicious_hosts: MaliciousHosts,
) -> RunRecord {
    let parameters = set(defaults(), json!({"max_iter": epochs, "tol": 1e-12}));
    let federation = Data::new(62, 2, columns)
        .federation(parameters)
        .label_rules(rules(malicious_hosts));
    federation.run::<C>().await
}

/// Coefficients known of each key, and whether they are the whole key.
fn keys(played: &RunRecord) -> Vec<(usize, bool)> {
    let host = played
        .parts
        .iter()
        .find(|(who, _)| who.role == Role::Host)
        .unwrap()
        .1;
    let of = |(_, values): &(String, Vec<f64>)| (values[0] as usize, values[1] == 1.0);
    host.observed
        .iter()
        .filter(|(name, _)| name.ends_with("key"))
        .map(of)
        .collect()
}

#[tokio::test]
async fn six_openings_of_59_sums_tell_the_key_of_parties_that_are_trusted() {
    let played = play::<Cheat<0, 0>>(59, 6, MaliciousHosts::Trust)
        .await
        .all_succeeded();
    assert_eq!(keys(&played), [(DEGREE, true)]);
    // Every party's log says so beforehand.
    for (who, part) in &played.parts {
        let line = part
            .log
            .iter()
            .find(|line| line.starts_with("keys:"))
            .unwrap();
        assert!(line.contains("up to 360 values"), "{who}: {line}");
        assert!(
            line.contains("131 bits left") && line.ends_with("has 0"),
            "{who}: {line}"
        );
        assert!(
            part.log.iter().any(|line| line.starts_with("flooding:")),
            "{who}: {:?}",
            part.log
        );
    }
}

#[tokio::test]
async fn with_further_keys_none_tells_an_eighth_of_itself() {
    let played = play::<Cheat<0, 0>>(59, 6, MaliciousHosts::Rekey)
        .await
        .all_succeeded();
    let keys = keys(&played);
    // Six columns parts of eleven each, and every one has its own key.
    assert_eq!(keys.len(), 6 * 6, "{keys:?}");
    assert!(
        keys.iter()
            .all(|(known, whole)| *known < DEGREE / 8 && !whole),
        "{keys:?}"
    );
    assert!(
        keys.iter()
            .all(|(known, _)| *known <= coefficients_learned(VALUES_PER_KEY)),
        "{keys:?}"
    );
    // A host with few columns has several batches by one key, and no more.
    let few = self::keys(
        &play::<Cheat<0, 0>>(3, 9, MaliciousHosts::Rekey)
            .await
            .all_succeeded(),
    );
    assert!(
        few.len() == 3
            && few
                .iter()
                .all(|(known, whole)| *known < DEGREE / 8 && !whole),
        "{few:?}"
    );
}

async fn broken<const COLUMNS_MORE: isize, const ROWS_MORE: usize>(
    columns: usize,
    rule: MaliciousHosts,
    text: &str,
) {
    let fault = play::<Cheat<COLUMNS_MORE, ROWS_MORE>>(columns, 6, rule)
        .await
        .fault()
        .unwrap();
    assert_eq!(fault.code, ErrorCode::ProtocolViolation, "{fault}");
    assert!(fault.message.contains(text), "{fault}");
}

#[tokio::test]
async fn sums_that_the_plan_does_not_have_break_the_protocol() {
    use MaliciousHosts::{Rekey, Trust};
    broken::<1, 0>(58, Trust, "asks to open 59 sums where the plan has 58").await;
    broken::<-1, 0>(60, Trust, "asks to open 59 sums where the plan has 60").await;
    broken::<0, 100>(59, Trust, "where 2^6 was agreed").await;
    // One sum of each, at another place.
    broken::<0, 3>(1, Trust, "sums at every 2^7").await;
    broken::<48, 0>(59, Rekey, "asks to open 59 sums where the plan has 11").await;
    broken::<1, 0>(2, Rekey, "asks to open 3 sums where the plan has 2").await;
}

#[tokio::test]
async fn a_training_that_takes_more_than_one_key_is_refused_before_it_begins() {
    let played = play::<HeteroLr>(3, 6, MaliciousHosts::Refuse).await;
    let fault = played.fault().unwrap();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::ReleaseRefused, Some("labels.malicious_hosts"))
    );
    assert!(
        fault.message.contains("open 24 values for a party"),
        "{fault}"
    );
    assert!(
        !played
            .envelopes
            .iter()
            .any(|envelope| envelope.message == "plan" || envelope.message == "forward")
    );
    // Three sums and a loss in three epochs are twelve values.
    let _ = play::<HeteroLr>(3, 3, MaliciousHosts::Refuse)
        .await
        .all_succeeded();
}

/// The figures are the same by however many keys.
async fn same_by_many_keys(widths: &[usize], others: Value) {
    let data = Data::of_parts(80, widths, 5);
    let run = async |rule| {
        let federation = data
            .federation(set(defaults(), others.clone()))
            .label_rules(rules(rule))
            .seed(3);
        federation.run::<HeteroLr>().await.all_succeeded()
    };
    let (one, many) = (
        run(MaliciousHosts::Trust).await,
        run(MaliciousHosts::Rekey).await,
    );
    let keys = |played: &RunRecord| {
        played
            .envelopes
            .iter()
            .filter(|envelope| envelope.message == "public_key")
            .count()
    };
    assert!(
        keys(&one) == widths.len() && keys(&many) >= 4 * widths.len(),
        "{} {}",
        keys(&one),
        keys(&many)
    );
    let weights = |played: &RunRecord| -> Vec<f64> {
        let models = played
            .parts
            .iter()
            .filter(|(who, _)| who.role != Role::Arbiter);
        models
            .flat_map(|(who, _)| super::model(played, who).trained[0].weights.clone())
            .collect()
    };
    for (one, many) in weights(&one)
        .iter()
        .zip(weights(&many))
        .map(|(one, many)| (*one, many))
    {
        assert!((one - many).abs() < 1e-5, "{one} is not {many}");
    }
    if widths.len() == 2 {
        assert!(
            losses(&one)
                .iter()
                .zip(losses(&many))
                .all(|(one, many)| (one - many).abs() < 1e-5)
        );
    }
}

#[tokio::test]
async fn many_keys_give_the_figures_of_one() {
    // More columns than a key serves, in one batch of all rows.
    same_by_many_keys(&[2, 30], json!({"max_iter": 2, "tol": 1e-12})).await;
    // The guest has most of them, and the length of steps takes a value too.
    same_by_many_keys(
        &[14, 3, 13],
        json!({"max_iter": 2, "early_stop": "weight_diff", "tol": 1e-12}),
    )
    .await;
}

#[tokio::test]
async fn hidden_batches_and_growing_scores_go_by_many_keys() {
    let data = Data::of_parts(120, &[3, 14], 9).scaled(60.0);
    let strict = LabelRules {
        rows_per_column: 12,
        small_table: 10,
        refuses: false,
        ..rules(MaliciousHosts::Rekey)
    };
    let parameters = json!({"max_iter": 2, "batch_size": 60, "tol": 1e-12, "learning_rate": 3.0});
    let federation = data
        .federation(set(defaults(), parameters))
        .label_rules(strict);
    let played = federation.run::<HeteroLr>().await.all_succeeded();
    let said = |name: &str| {
        played
            .envelopes
            .iter()
            .filter(|envelope| envelope.message == name)
            .count()
    };
    assert!(said("masked_residual") == 8 && said("public_key") >= 14 && said("scale") > 0);
    assert!(losses(&played).iter().all(|loss| loss.is_finite()));
}
