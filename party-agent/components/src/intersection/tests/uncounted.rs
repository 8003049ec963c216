//! Guests that let a host count little of what they might find: they find what was counted, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use component_kit::harness::{Federation, RunRecord};
use component_kit::{Component, Description, IdRules, Packed, Result, TaskContext};
use crypto::Random;
use serde_json::json;
use vocabulary::{ErrorCode, Participant, Role};

use super::super::messages::{self, Opening, Outcome};
use super::super::steps::{self, Blinder, Point};
use super::super::{Intersection, Params, host};
use super::table;

/// Every party has all of these: more than fit into a message.
const IDS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

/// How many of them a cheating guest lets the host count.
const SHOWN: usize = 1;

/// What the guest does in place of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cheat {
    /// It does what it should.
    Nothing,
    /// It gives back bytes of its own in place of most of the host's points.
    GarblesReturned,
    /// It gives most of the host's points back under another key, which any check of points against each other would let pass.
    ReturnsUnderAnotherKey,
    /// It returns everything as it should, and asked for most ids under a key of which the host hears nothing.
    AsksUnderAnotherKey,
}

const CHEATS: [Cheat; 4] = [
    Cheat::Nothing,
    Cheat::GarblesReturned,
    Cheat::ReturnsUnderAnotherKey,
    Cheat::AsksUnderAnotherKey,
];

/// A guest that cheats (honest hosts against it).
struct Cheater<const CHEAT: usize>;

impl<const CHEAT: usize> Component for Cheater<CHEAT> {
    type Params = Params;
    const DESCRIPTION: Description = Intersection::DESCRIPTION;

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match task.role() {
            Role::Guest => cheat(task, &params, CHEATS[CHEAT]).await,
            _ => host::run(task, &params).await,
        }
    }
}

async fn cheat(task: &TaskContext, params: &Params, cheat: Cheat) -> Result<()> {
    let hosts = task.hosts();
    let ids: Arc<Vec<String>> = Arc::new(IDS.map(String::from).to_vec());
    let opening = Opening {
        ids: ids.len() as u64,
        cardinality_only: params.cardinality_only,
        told: params.host_is_told(),
        fewest_common: 0,
    };
    hosts.send(&messages::OPENING, &Packed(opening)).await?;
    hosts.receive_all(&messages::HOST_IDS).await?;
    let mut random = task.random()?;
    let keys = [
        Blinder::new(ids.clone(), &mut random),
        Blinder::new(ids.clone(), &mut random),
    ];
    let mut own = keys[0].blind(0..IDS.len(), &task.stop())?;
    if cheat == Cheat::AsksUnderAnotherKey {
        own.splice(SHOWN.., keys[1].blind(SHOWN..IDS.len(), &task.stop())?);
    }
    let theirs = exchange_points(task, &own).await?;
    let doubled = |points: &Vec<Point>| -> Result<[Vec<Point>; 2]> {
        let under = |key: &Blinder| -> Result<Vec<Point>> {
            Ok(key.double(points, &task.stop())?.expect("points"))
        };
        Ok([under(&keys[0])?, under(&keys[1])?])
    };
    let found: Vec<[Vec<Point>; 2]> = theirs.iter().map(doubled).collect::<Result<_>>()?;
    let returned: Vec<Vec<Point>> = found
        .iter()
        .map(|found| spoil(cheat, found, &mut random))
        .collect();
    return_points(task, &returned).await?;
    hosts.receive_all(&messages::RELEASE).await?;
    recognise(task, &found).await?;
    let count = if cheat == Cheat::Nothing {
        IDS.len()
    } else {
        SHOWN
    };
    announce_outcome(task, count, params.cardinality_only).await
}

/// Sends the guest's points and takes each host's.
async fn exchange_points(task: &TaskContext, own: &[Point]) -> Result<Vec<Vec<Point>>> {
    let mut theirs = vec![Vec::new(); task.hosts().len()];
    for number in 0..steps::turns(IDS.len()) {
        let turn = task.round("points", number).hosts();
        turn.send(
            &messages::GUEST_POINTS,
            &own[steps::chunk_of(IDS.len(), number)].to_vec(),
        )
        .await?;
        for (host, points) in theirs
            .iter_mut()
            .zip(turn.receive_all(&messages::HOST_POINTS).await?)
        {
            host.extend(points);
        }
    }
    Ok(theirs)
}

/// Gives each host what is said to be its points under the guest's key.
async fn return_points(task: &TaskContext, returned: &[Vec<Point>]) -> Result<()> {
    for number in 0..steps::turns(IDS.len()) {
        let turn = task.round("returned", number).hosts();
        for (host, points) in turn.each().zip(returned) {
            host.send(
                &messages::RETURNED_POINTS,
                &points[steps::chunk_of(IDS.len(), number)].to_vec(),
            )
            .await?;
        }
    }
    Ok(())
}

/// Tells the hosts that so many ids are common and, unless only their number counts, which.
async fn announce_outcome(task: &TaskContext, count: usize, size_alone: bool) -> Result<()> {
    task.hosts()
        .send(&messages::OUTCOME, &Packed(Outcome::Common(count as u64)))
        .await?;
    let turns = if size_alone { 0 } else { steps::turns(count) };
    for number in 0..turns {
        let positions = steps::chunk_of(count, number)
            .map(|place| place as u64)
            .collect();
        task.round("positions", number)
            .hosts()
            .send(&messages::COMMON_POSITIONS, &positions)
            .await?;
    }
    Ok(())
}

/// What the guest gives back of a host's points, given those under each key.
fn spoil(cheat: Cheat, [one, other]: &[Vec<Point>; 2], random: &mut Random) -> Vec<Point> {
    let mut returned = one.clone();
    match cheat {
        Cheat::GarblesReturned => returned[SHOWN..]
            .iter_mut()
            .for_each(|point| random.fill(point)),
        Cheat::ReturnsUnderAnotherKey => returned[SHOWN..].copy_from_slice(&other[SHOWN..]),
        Cheat::Nothing | Cheat::AsksUnderAnotherKey => {}
    }
    returned
}

/// Writes down, for each host, how many of its own points the guest recognises with all the keys it has.
async fn recognise(task: &TaskContext, found: &[[Vec<Point>; 2]]) -> Result<()> {
    let mut answers = vec![Vec::new(); found.len()];
    for number in 0..steps::turns(IDS.len()) {
        let points = task
            .round("doubled", number)
            .hosts()
            .receive_all(&messages::DOUBLED_POINTS)
            .await?;
        for (answer, points) in answers.iter_mut().zip(points) {
            answer.extend(points);
        }
    }
    for (answer, found) in answers.iter().zip(found) {
        let known: BTreeSet<&Point> = found.iter().flatten().collect();
        let seen = answer.iter().filter(|point| known.contains(point)).count();
        task.info(format!("recognised {seen} of {}", answer.len()));
    }
    Ok(())
}

/// So many hosts, each of which lets the guest find so many ids a day.
fn federation(hosts: usize, most: u64) -> Federation {
    let rules = IdRules {
        fewest_ids: 1,
        fewest_common: 1,
        is_counted: true,
        is_online: false,
    };
    let federation = Federation::new(hosts, false);
    let guest = federation.guest();
    let federation = federation.input(&guest, "data", table(&IDS, 1.0));
    let who: Vec<Participant> = (0..hosts).map(|number| federation.host(number)).collect();
    who.iter().fold(federation, |all, host| {
        all.input(host, "data", table(&IDS, 2.0))
            .id_rules(host, rules, Some(most))
    })
}

fn recognised(played: &RunRecord, guest: &Participant) -> Vec<String> {
    played
        .part(guest)
        .log
        .iter()
        .filter(|line| line.starts_with("recognised"))
        .cloned()
        .collect()
}

/// What the guest recognises where each host lets it find exactly as much as it counts.
async fn found_by<const CHEAT: usize>(hosts: usize, most: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for size_alone in if hosts == 1 {
        &[false, true][..]
    } else {
        &[false]
    } {
        let asked = json!({"cardinality_only": size_alone, "sync_cardinality": size_alone});
        let federation = federation(hosts, most as u64).parameters(asked);
        let played = federation.run::<Cheater<CHEAT>>().await.all_succeeded();
        seen.extend(recognised(&played, &federation.guest()));
    }
    seen
}

#[tokio::test]
async fn a_guest_finds_what_was_counted_and_nothing_else() {
    let all = "recognised 10 of 10";
    let shown = "recognised 1 of 10";
    // With one host for the rows and for their number alone, and with two hosts.
    for hosts in [1, 2] {
        assert_eq!(
            found_by::<0>(hosts, IDS.len()).await,
            [all; 2],
            "an honest guest finds everything"
        );
        assert_eq!(
            found_by::<1>(hosts, SHOWN).await,
            [shown; 2],
            "bytes in place of the host's points"
        );
        assert_eq!(
            found_by::<2>(hosts, SHOWN).await,
            [shown; 2],
            "the host's points under another key"
        );
        assert_eq!(
            found_by::<3>(hosts, SHOWN).await,
            [shown; 2],
            "ids asked for under another key"
        );
    }
}

#[tokio::test]
async fn the_limit_holds_for_what_is_found() {
    // The same cheat-free guest one below what it finds, and cheating ones one below what they show.
    async fn against<const CHEAT: usize>(most: usize) -> (Option<ErrorCode>, Vec<String>) {
        let federation = federation(1, most as u64);
        let played = federation.run::<Cheater<CHEAT>>().await;
        (
            played.fault().map(|fault| fault.code),
            recognised(&played, &federation.guest()),
        )
    }
    let refused = (Some(ErrorCode::ReleaseRefused), Vec::new());
    assert_eq!(against::<0>(IDS.len() - 1).await, refused);
    assert_eq!(against::<1>(SHOWN - 1).await, refused);
    assert_eq!(against::<2>(SHOWN - 1).await, refused);
    assert_eq!(against::<3>(SHOWN - 1).await, refused);
}

#[tokio::test]
async fn honest_parties_notice_nothing_of_what_is_kept_back() {
    // Of the guest's eighteen ids twelve are common with the first host: the other points come back as random bytes.
    let open = super::two_hosts()
        .run::<Intersection>()
        .await
        .all_succeeded();
    let counted = super::bounds::counting(super::two_hosts())
        .run::<Intersection>()
        .await
        .all_succeeded();
    let points = |played: &RunRecord, host: &Participant| -> Vec<Vec<u8>> {
        let envelopes = played
            .envelopes
            .iter()
            .filter(|envelope| envelope.message == "doubled_points");
        let own = envelopes.filter(|envelope| envelope.from == *host);
        own.flat_map(|envelope| {
            envelope
                .body
                .chunks(32)
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        })
        .collect()
    };
    let federation = super::two_hosts();
    for who in federation.participants() {
        let hash = |played: &RunRecord| played.part(&who).output().content_hash().expect("hash");
        assert_eq!(hash(&open), hash(&counted), "{who}");
    }
    for (number, common) in [(0, 12), (1, 7)] {
        // The harness repeats keys and orders.
        let host = federation.host(number);
        let (before, now) = (points(&open, &host), points(&counted, &host));
        assert_eq!((before.len(), now.len()), (18, 18));
        assert_eq!(
            before
                .iter()
                .zip(&now)
                .filter(|(before, now)| before == now)
                .count(),
            common,
            "{host}"
        );
    }
}
