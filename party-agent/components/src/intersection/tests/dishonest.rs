//! Peers that break the protocol, each played against an honest other side.

use component_kit::harness::Federation;
use component_kit::{Component, ComponentError, Description, IdRules, Packed, Result, TaskContext};
use vocabulary::{ErrorCode, Role};

use super::super::messages::{self, HostIds, Opening, Outcome};
use super::super::steps::{Blinder, Point};
use super::super::{Intersection, Params, guest, host};
use super::table;

/// What a dishonest peer does in place of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    Nothing,
    PositionOutOfRange,
    PositionTwice,
    MoreThanThereAre,
    NothingInCommon,
    Untold,
    IdentityPoint,
    NoPoint,
    PointMissing,
    PointTwice,
    TooManyIds,
}

const LIES: [Lie; 11] = [
    Lie::Nothing,
    Lie::PositionOutOfRange,
    Lie::PositionTwice,
    Lie::MoreThanThereAre,
    Lie::NothingInCommon,
    Lie::Untold,
    Lie::IdentityPoint,
    Lie::NoPoint,
    Lie::PointMissing,
    Lie::PointTwice,
    Lie::TooManyIds,
];

/// Spoils a list of points as the lie says.
fn spoil(lie: Lie, mut points: Vec<Point>) -> Vec<Point> {
    match lie {
        Lie::IdentityPoint => points[1] = [0; 32],
        Lie::NoPoint => points[1] = [0xff; 32],
        Lie::PointMissing => _ = points.pop(),
        Lie::PointTwice => points[1] = points[0],
        _ => {}
    }
    points
}

/// A dishonest guest (an honest host against it): it has the ids a, b, c.
struct LyingGuest<const LIE: usize>;

impl<const LIE: usize> Component for LyingGuest<LIE> {
    type Params = Params;
    const DESCRIPTION: Description = Intersection::DESCRIPTION;

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match task.role() {
            Role::Guest => lie_as_guest(task, LIES[LIE]).await,
            _ => host::run(task, &params).await,
        }
    }
}

async fn lie_as_guest(task: &TaskContext, lie: Lie) -> Result<()> {
    let hosts = task.hosts();
    let ids = if lie == Lie::TooManyIds { u64::MAX } else { 3 };
    hosts
        .send(
            &messages::OPENING,
            &Packed(Opening {
                ids,
                cardinality_only: false,
                told: true,
                fewest_common: 0,
            }),
        )
        .await?;
    hosts.receive_all(&messages::HOST_IDS).await?;
    if lie == Lie::TooManyIds {
        return Ok(());
    }
    let ids = ["a", "b", "c"].map(String::from).to_vec();
    let blinder = Blinder::new(ids.into(), &mut task.random()?);
    let turn = task.round("points", 0).hosts();
    turn.send(
        &messages::GUEST_POINTS,
        &spoil(lie, blinder.blind(0..3, &task.stop())?),
    )
    .await?;
    turn.receive_all(&messages::HOST_POINTS).await?;
    task.round("doubled", 0)
        .hosts()
        .receive_all(&messages::DOUBLED_POINTS)
        .await?;
    let (outcome, positions) = match lie {
        Lie::PositionOutOfRange => (Outcome::Common(2), vec![0, 4]),
        Lie::PositionTwice => (Outcome::Common(2), vec![1, 1]),
        Lie::MoreThanThereAre => (Outcome::Common(4), vec![0, 1, 2, 3]),
        Lie::NothingInCommon => (Outcome::Empty, vec![]),
        Lie::Untold => (Outcome::Untold, vec![]),
        _ => (Outcome::Common(2), vec![0, 3]),
    };
    hosts.send(&messages::OUTCOME, &Packed(outcome)).await?;
    if positions.is_empty() {
        return Ok(());
    }
    task.round("positions", 0)
        .hosts()
        .send(&messages::COMMON_POSITIONS, &positions)
        .await
}

/// A dishonest host (an honest guest against it): it has the ids b, c, d, e.
struct LyingHost<const LIE: usize>;

impl<const LIE: usize> Component for LyingHost<LIE> {
    type Params = Params;
    const DESCRIPTION: Description = Intersection::DESCRIPTION;

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match task.role() {
            Role::Guest => guest::run(task, &params).await,
            _ => lie_as_host(task, LIES[LIE]).await,
        }
    }
}

async fn lie_as_host(task: &TaskContext, lie: Lie) -> Result<()> {
    let guest = task.guest()?;
    guest.receive(&messages::OPENING).await?;
    let ids = if lie == Lie::TooManyIds { u64::MAX } else { 4 };
    guest
        .send(
            &messages::HOST_IDS,
            &Packed(HostIds {
                ids,
                fewest_common: 0,
                counts_first: false,
            }),
        )
        .await?;
    let own = ["b", "c", "d", "e"].map(String::from).to_vec();
    let blinder = Blinder::new(own.into(), &mut task.random()?);
    let turn = task.round("points", 0).guest()?;
    turn.send(
        &messages::HOST_POINTS,
        &spoil(lie, blinder.blind(0..4, &task.stop())?),
    )
    .await?;
    let theirs = turn.receive(&messages::GUEST_POINTS).await?;
    let doubled = blinder.double(&theirs, &task.stop())?.expect("good points");
    task.round("doubled", 0)
        .guest()?
        .send(&messages::DOUBLED_POINTS, &doubled)
        .await?;
    guest.receive(&messages::OUTCOME).await?;
    task.round("positions", 0)
        .guest()?
        .receive(&messages::COMMON_POSITIONS)
        .await
        .map(|_| ())
}

/// A guest that has one id of the host's and wants to know more: it returns what the host counts.
struct PaddingGuest<const LIE: usize>;

impl<const LIE: usize> Component for PaddingGuest<LIE> {
    type Params = Params;
    const DESCRIPTION: Description = Intersection::DESCRIPTION;

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match task.role() {
            Role::Guest => pad(task, LIE).await,
            _ => host::run(task, &params).await,
        }
    }
}

async fn pad(task: &TaskContext, lie: usize) -> Result<()> {
    let hosts = task.hosts();
    let opening = Opening {
        ids: 3,
        cardinality_only: false,
        told: true,
        fewest_common: 0,
    };
    hosts.send(&messages::OPENING, &Packed(opening)).await?;
    hosts.receive_all(&messages::HOST_IDS).await?;
    let ids: Vec<String> = ["b", "not there", "nor there"].map(String::from).to_vec();
    let mut random = task.random()?;
    let (blinder, other) = (
        Blinder::new(ids.clone().into(), &mut random),
        Blinder::new(ids.into(), &mut random),
    );
    let turn = task.round("points", 0).hosts();
    let mut own = blinder.blind(0..3, &task.stop())?;
    if lie == 1 {
        own = vec![own[0]; 3];
    } else if lie == 2 {
        own[1..].copy_from_slice(&other.blind(0..2, &task.stop())?);
    }
    turn.send(&messages::GUEST_POINTS, &own).await?;
    let points = turn.receive_all(&messages::HOST_POINTS).await?.remove(0);
    let mut returned = blinder.double(&points, &task.stop())?.expect("points");
    match lie {
        3 => returned[1..].copy_from_slice(&own),
        4 => returned[1] = returned[0],
        5 => returned[0] = [0xff; 32],
        _ => {}
    }
    task.round("returned", 0)
        .hosts()
        .send(&messages::RETURNED_POINTS, &returned)
        .await?;
    let released = hosts.receive_all(&messages::RELEASE).await?;
    assert!(
        !released[0].0,
        "lie {lie} had {} ids counted",
        returned.len()
    );
    // Whatever comes now would tell which of the ids the host has.
    task.round("doubled", 0)
        .hosts()
        .receive_all(&messages::DOUBLED_POINTS)
        .await
        .map(|_| ())
}

#[tokio::test]
async fn no_padding_makes_few_common_ids_many() {
    let rules = IdRules {
        fewest_ids: 1,
        fewest_common: 2,
        ..IdRules::default()
    };
    async fn against<const LIE: usize>(rules: IdRules) -> (Option<ErrorCode>, usize) {
        let federation = Federation::new(1, false);
        let (guest, host) = (federation.guest(), federation.host(0));
        let federation = federation.input(&guest, "data", table(&["b"], 1.0));
        let federation = federation.input(&host, "data", table(&["b", "c", "d", "e"], 2.0));
        let played = federation
            .id_rules(&host, rules, None)
            .run::<PaddingGuest<LIE>>()
            .await;
        let told = played
            .envelopes
            .iter()
            .filter(|envelope| envelope.message == "doubled_points")
            .count();
        let code = match &played.part(&host).result {
            Err(ComponentError::Fault(fault)) => Some(fault.code),
            _ => None,
        };
        (code, told)
    }
    let (refused, violation) = (
        Some(ErrorCode::ReleaseRefused),
        Some(ErrorCode::ProtocolViolation),
    );
    assert_eq!(against::<0>(rules).await, (refused, 0), "one common id");
    assert_eq!(
        against::<1>(rules).await,
        (violation, 0),
        "one id three times"
    );
    assert_eq!(
        against::<2>(rules).await,
        (refused, 0),
        "ids under another key"
    );
    assert_eq!(
        against::<3>(rules).await,
        (refused, 0),
        "the own points in place of the host's"
    );
    assert_eq!(
        against::<4>(rules).await,
        (violation, 0),
        "one of the host's points twice"
    );
    assert_eq!(
        against::<5>(rules).await,
        (refused, 0),
        "bytes that are not a point"
    );
}

async fn code_against<C: Component>() -> Option<ErrorCode> {
    let federation = Federation::new(1, false);
    let (guest, host) = (federation.guest(), federation.host(0));
    let federation = federation.input(&guest, "data", table(&["a", "b", "c"], 1.0));
    let federation = federation.input(&host, "data", table(&["b", "c", "d", "e"], 2.0));
    federation.run::<C>().await.fault().map(|fault| fault.code)
}

#[tokio::test]
async fn a_host_believes_no_dishonest_guest() {
    let violation = Some(ErrorCode::ProtocolViolation);
    assert_eq!(
        code_against::<LyingGuest<0>>().await,
        None,
        "the honest stand-in is believed"
    );
    assert_eq!(
        code_against::<LyingGuest<1>>().await,
        violation,
        "a position out of range"
    );
    assert_eq!(
        code_against::<LyingGuest<2>>().await,
        violation,
        "a position that stands twice"
    );
    assert_eq!(
        code_against::<LyingGuest<3>>().await,
        violation,
        "more rows than there are"
    );
    assert_eq!(
        code_against::<LyingGuest<4>>().await,
        Some(ErrorCode::IntersectionEmpty),
        "nothing in common"
    );
    assert_eq!(
        code_against::<LyingGuest<5>>().await,
        violation,
        "a result kept back against the agreement"
    );
    assert_eq!(
        code_against::<LyingGuest<6>>().await,
        violation,
        "the identity, which would come back unblinded"
    );
    assert_eq!(
        code_against::<LyingGuest<7>>().await,
        violation,
        "bytes that are not a point"
    );
    assert_eq!(
        code_against::<LyingGuest<8>>().await,
        violation,
        "a point missing"
    );
    assert_eq!(
        code_against::<LyingGuest<10>>().await,
        violation,
        "more ids than a table has"
    );
}

#[tokio::test]
async fn a_guest_believes_no_dishonest_host() {
    let violation = Some(ErrorCode::ProtocolViolation);
    assert_eq!(
        code_against::<LyingHost<0>>().await,
        None,
        "the honest stand-in is believed"
    );
    assert_eq!(
        code_against::<LyingHost<6>>().await,
        violation,
        "the identity"
    );
    assert_eq!(
        code_against::<LyingHost<7>>().await,
        violation,
        "bytes that are not a point"
    );
    assert_eq!(
        code_against::<LyingHost<8>>().await,
        violation,
        "a point missing"
    );
    assert_eq!(
        code_against::<LyingHost<9>>().await,
        violation,
        "a point that stands twice"
    );
    assert_eq!(
        code_against::<LyingHost<10>>().await,
        violation,
        "more ids than a table has"
    );
}
