//! The sub-protocols played by all roles in one process, as a component plays them.

use std::sync::Arc;

use component_kit::harness::{Federation, RunRecord};
use component_kit::{
    Check, Component, Description, Message, Packed, Problems, Result, TaskContext,
};
use ndarray::{Array2, array};
use serde_json::json;
use vocabulary::{Disclosure, ErrorCode, MessageLine, Role, Tells};

use crate::encrypted_gradient::{OpeningMessages, learn_sums, open_sums, prepare_columns};
use crate::fixed::{self, ColumnScales, RESIDUAL_BITS, Scale};
use crate::hidden_members::{HidingMessages, keep_members, serve};
use crate::key_ceremony::{make_keys, receive_key};
use crate::{
    Origin, PublicKeyBytes, RingLwe, SumsBytes, SumsShape, VectorBytes, agreed_stop,
    aligned_batches,
};

const KEY: Message<PublicKeyBytes> = Message::new(
    "KEY",
    Role::Arbiter,
    &[Role::Guest, Role::Host],
    Disclosure::PublicKey,
);
const ROWS: Message<Vec<u32>> =
    Message::new("ROWS", Role::Guest, &[Role::Host], Disclosure::RowPositions);
const MASKED: Message<VectorBytes> =
    Message::new("MASKED", Role::Guest, &[Role::Arbiter], Disclosure::Masked);
const POSITIONS: Message<Vec<u32>> = Message::new(
    "POSITIONS",
    Role::Guest,
    &[Role::Arbiter],
    Disclosure::RowPositions,
);
const FRESH: Message<VectorBytes> = Message::new(
    "FRESH",
    Role::Arbiter,
    &[Role::Guest],
    Disclosure::Ciphertext,
);
const RESIDUAL: Message<VectorBytes> = Message::new(
    "RESIDUAL",
    Role::Guest,
    &[Role::Host],
    Disclosure::Ciphertext,
);
const SUMS: Message<SumsBytes> =
    Message::new("SUMS", Role::Host, &[Role::Arbiter], Disclosure::Masked);
const OPENED: Message<Vec<u64>> =
    Message::new("OPENED", Role::Arbiter, &[Role::Host], Disclosure::Masked);
const PART: Message<VectorBytes> =
    Message::new("PART", Role::Host, &[Role::Guest], Disclosure::Ciphertext);
const LENGTH: Message<SumsBytes> = Message::new(
    "LENGTH",
    Role::Guest,
    &[Role::Arbiter],
    Disclosure::Aggregate,
);
const STOP: Message<Packed<bool>> = Message::new(
    "STOP",
    Role::Arbiter,
    &[Role::Guest, Role::Host],
    Disclosure::Control,
);

const ALL: &[MessageLine] = &[
    KEY.line(),
    ROWS.line(),
    MASKED.line(),
    POSITIONS.line(),
    FRESH.line(),
    RESIDUAL.line(),
    SUMS.line(),
    OPENED.line(),
    PART.line(),
    LENGTH.line(),
    STOP.line(),
];
const HIDING: HidingMessages<'static> = HidingMessages {
    masked: &MASKED,
    positions: &POSITIONS,
    fresh: &FRESH,
};
const OPENING: OpeningMessages<'static> = OpeningMessages {
    masked: &SUMS,
    opened: &OPENED,
};

/// Residuals of five rows, of which the last but one and the second train.
const RESIDUALS: [f64; 5] = [0.5, -1.25, 3.0, 2.0, -7.0];

#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Params {
    /// Rows the guest names to the host.
    rows: Vec<u32>,
    /// Members of the batch.
    members: Vec<usize>,
    /// Columns that the arbiter takes a host to have.
    most: usize,
}

impl Check for Params {
    fn check(&self, _: &mut Problems) {}
}

struct Probe;

impl Component for Probe {
    type Params = Params;
    const DESCRIPTION: Description = Description::named("probe", "plays sub-protocols")
        .roles(&[Role::Guest, Role::Host, Role::Arbiter])
        .messages(ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match task.role() {
            Role::Guest => guest(task, params).await,
            Role::Host => host(task).await,
            _ => arbiter(task, params).await,
        }
    }
}

async fn guest(task: &TaskContext, params: Params) -> Result<()> {
    let mut encryptor = receive_key::<RingLwe>(task, &task.arbiter()?, &KEY).await?;
    task.hosts().send(&ROWS, &params.rows).await?;
    let values = fixed::encode("residual", &RESIDUALS, RESIDUAL_BITS, 64.0)?;
    let sealed = encryptor.seal(task, values).await?;
    let vector = sealed.read::<RingLwe>(5, Origin::Fresh)?;
    let kept =
        keep_members::<RingLwe>(task, &mut encryptor, HIDING, vector, &params.members).await?;
    task.hosts()
        .send(&RESIDUAL, &VectorBytes::of::<RingLwe>(&kept))
        .await?;
    agreed_stop::reveal_length(task, &mut encryptor, (&PART, &LENGTH), (&[0.3, 0.4], 0)).await?;
    let stop = agreed_stop::hear(&task.arbiter()?, &STOP).await?;
    task.metrics(&[Tells::Joint]).summary(&json!(stop));
    Ok(())
}

async fn host(task: &TaskContext) -> Result<()> {
    let mut encryptor = receive_key::<RingLwe>(task, &task.arbiter()?, &KEY).await?;
    let rows = aligned_batches::receive_rows(task, &ROWS, 5, 6).await?;
    let columns: Arc<Array2<f64>> = Arc::new(array![
        [9.0, 9.0],
        [1.0, 0.5],
        [2.0, 0.25],
        [4.0, -1.0],
        [8.0, 2.0],
        [16.0, 3.0]
    ]);
    let scales = ColumnScales::fit(columns.view())?;
    let matrix = prepare_columns::<RingLwe>(task, &columns, &scales, Some(rows), 0..2).await?;
    let residual = task
        .guest()?
        .receive(&RESIDUAL)
        .await?
        .read::<RingLwe>(5, Origin::SumOf(4))?;
    let sums =
        learn_sums::<RingLwe>(task, &mut encryptor, OPENING, matrix, Arc::new(residual)).await?;
    task.metrics(&[Tells::Joint]).summary(&json!(
        scales.decode_sums(&sums, Scale::FINEST.residual_bits())?
    ));
    agreed_stop::send_length(task, &mut encryptor, &PART, (&[1.2], 0)).await?;
    agreed_stop::hear(&task.arbiter()?, &STOP).await.map(|_| ())
}

async fn arbiter(task: &TaskContext, params: Params) -> Result<()> {
    let peers = task.all_of(&[Role::Guest, Role::Host]);
    let mut holder = make_keys::<RingLwe>(task, &peers, &KEY).await?;
    serve(task, &mut holder, HIDING, 5, 2).await?;
    for host in task.hosts().each() {
        open_sums(
            task,
            &mut holder,
            OPENING,
            &host,
            SumsShape {
                rows: 5,
                columns: params.most,
            },
        )
        .await?;
    }
    let length = agreed_stop::read_length(task, &mut holder, &LENGTH, 0).await?;
    task.metrics(&[Tells::Joint]).summary(&json!(length));
    agreed_stop::announce(&peers, &STOP, true).await
}

async fn play(parameters: serde_json::Value) -> (Federation, RunRecord) {
    let federation = Federation::new(1, true).parameters(parameters);
    let played = federation.run::<Probe>().await;
    (federation, played)
}

#[tokio::test]
async fn a_host_learns_the_sums_over_members_only() {
    let (federation, played) =
        play(json!({"rows": [1, 2, 3, 4, 5], "members": [3, 1], "most": 2})).await;
    let played = played.all_succeeded();
    let summary = |who| played.part(&who).summary.clone().unwrap();
    // Rows 2 and 4 of the host: -1.25 (2, .25) + 2 (8, 2).
    assert_eq!(summary(federation.host(0)), json!([13.5, 3.6875]));
    let length = summary(federation.arbiter()).as_f64().unwrap();
    assert!(
        (length - 1.3).abs() < 1e-6,
        "the root of .3^2 + .4^2 + 1.2^2, not {length}"
    );
    assert_eq!(summary(federation.guest()), json!(true));
}

#[tokio::test]
async fn the_key_holder_opens_exactly_the_sums_of_the_plan() {
    for most in [1, 3] {
        let (_, played) =
            play(json!({"rows": [1, 2, 3, 4, 5], "members": [3, 1], "most": most})).await;
        let fault = played.fault().unwrap();
        assert!(
            fault.code == ErrorCode::ProtocolViolation && fault.message.contains("2 sums"),
            "{fault:?}"
        );
        assert!(
            fault.message.contains(&format!("the plan has {most}")),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn refuses_rows_and_members_that_were_not_agreed() {
    for (rows, members) in [
        (json!([1, 2, 3, 4]), json!([3, 1])),
        (json!([1, 2, 3, 4, 4]), json!([3, 1])),
        (json!([1, 2, 3, 4, 6]), json!([3, 1])),
        (json!([1, 2, 3, 4, 5]), json!([3, 3])),
        (json!([1, 2, 3, 4, 5]), json!([3, 7])),
        (json!([1, 2, 3, 4, 5]), json!([3])),
    ] {
        let (_, played) = play(json!({"rows": rows, "members": members, "most": 2})).await;
        assert_eq!(
            played.fault().map(|fault| fault.code),
            Some(ErrorCode::ProtocolViolation),
            "{rows} {members}"
        );
    }
}

#[tokio::test]
async fn what_the_key_holder_opens_is_uniform() {
    let (_, played) = play(json!({"rows": [1, 2, 3, 4, 5], "members": [3, 1], "most": 2})).await;
    let opened = played
        .envelopes
        .iter()
        .find(|envelope| envelope.message == "OPENED")
        .unwrap();
    let (values, _) = opened.body.as_chunks::<8>();
    // Sums of a handful of small numbers would leave the high bits at zero or one.
    assert!(
        values
            .iter()
            .all(|value| !matches!(u64::from_le_bytes(*value) >> 56, 0 | 0xff))
    );
}
