//! Hours, end dates and daily counts by a clock that the test moves.

use std::sync::Arc;

use component_kit::TaskHost as _;
use policy::Consent as _;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, ManualClock, Offer, PartyId, Role, Timestamp};

use crate::agent_state::AgentState;
use crate::consent::Consent;
use crate::judgement;
use crate::report::Reporter;
use crate::task_host::AgentTaskHost;
use crate::trial::{OPEN, agent_state, assignment, input_was_made, offer, script};

const HOUR: i64 = 3_600_000;
/// 2026-12-01, 08:00 UTC.
const MORNING: Timestamp = Timestamp((20_788 * 24 + 8) * HOUR * 1_000);

/// Host 2 at eight in the morning, with an offer of party 1 that it accepted and an order under it.
async fn host(
    limits: &str,
) -> (
    tempfile::TempDir,
    Arc<AgentState>,
    Arc<ManualClock>,
    Offer,
    Consent,
) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(MORNING));
    let open = OPEN.replace("[limits]\n", &format!("{limits}\n[limits]\n"));
    let built = agent_state(folder.path(), "2", &open).await;
    let mut built = Arc::into_inner(built).unwrap();
    built.clock = clock.clone();
    let agent_state = Arc::new(built);
    let offer = offer(&script("talk"));
    let order = assignment(Role::Host, "2", 0, &script("talk"));
    agent_state
        .records
        .accept_offer(&offer.fingerprint().unwrap(), &offer, clock.now())
        .await
        .unwrap();
    input_was_made(&agent_state, &order).await;
    let consent = Consent::new(agent_state.clone(), order, offer.clone());
    (folder, agent_state, clock, offer, consent)
}

/// The rule that refuses the offer now, and the one that stops what runs under it.
async fn rules(
    agent_state: &AgentState,
    offer: &Offer,
    consent: &Consent,
) -> (Option<String>, Option<String>) {
    let offered = judgement::judge(agent_state, &agent_state.policy(), offer)
        .await
        .err();
    let running = consent.in_force().await.err();
    (
        offered.and_then(|fault| fault.path),
        running.and_then(|fault| fault.path),
    )
}

#[tokio::test]
async fn hours_open_and_close_offers_and_what_runs() {
    let (_folder, agent_state, clock, offer, consent) =
        host("[peer.1]\nhours = ['08:00-10:00', '22:00-02:00']").await;
    let closed = || (Some("peer.hours".to_owned()), Some("peer.hours".to_owned()));
    for (hours, is_open) in [
        (0, true),
        (1, true),
        (2, false),
        (13, false),
        (14, true),
        (17, true),
        (18, false),
        (24, true),
    ] {
        clock.advance_millis(hours * HOUR - clock.now().millis_since(MORNING));
        let expected = if is_open { (None, None) } else { closed() };
        assert_eq!(
            rules(&agent_state, &offer, &consent).await,
            expected,
            "{hours} hours behind eight"
        );
    }
}

#[tokio::test]
async fn the_last_day_ends_offers_and_what_runs() {
    let (_folder, agent_state, clock, offer, consent) =
        host("[peer.1]\nuntil = '2026-12-02'").await;
    assert_eq!(rules(&agent_state, &offer, &consent).await, (None, None));
    clock.advance_millis(40 * HOUR - 1);
    assert_eq!(
        rules(&agent_state, &offer, &consent).await,
        (None, None),
        "a moment before the end of the last day"
    );
    clock.advance_millis(1);
    let over = Some("peer.until".to_owned());
    assert_eq!(
        rules(&agent_state, &offer, &consent).await,
        (over.clone(), over)
    );
}

#[tokio::test]
async fn the_general_rules_count_where_a_peer_has_none_and_not_for_others() {
    let (_folder, agent_state, _clock, offer, consent) =
        host("[peer.7]\nuntil = '2026-11-30'\nhours = []").await;
    assert_eq!(
        rules(&agent_state, &offer, &consent).await,
        (None, None),
        "of a party that is not in the job"
    );
    for rule in ["hours = []", "until = '2026-11-30'"] {
        let open = OPEN.replace("[limits]\n", &format!("[limits]\n{rule}\n"));
        let policy = policy::Policy::new(agent_state.me.clone(), toml::from_str(&open).unwrap());
        agent_state.set_policy(policy);
        let (offered, running) = rules(&agent_state, &offer, &consent).await;
        assert!(
            offered.is_some_and(|path| path.starts_with("limits.")) && running.is_some(),
            "{rule}"
        );
    }
}

#[tokio::test]
async fn a_day_begins_anew_at_midnight_and_its_counts_outlive_a_restart() {
    let (folder, agent_state, clock, offer, _consent) = host("[peer.1]\njobs_per_day = 2").await;
    let count = async |agent_state: &AgentState| {
        let policy = agent_state.policy();
        let counted = judgement::counted(agent_state, &policy, &offer)
            .await
            .unwrap();
        assert_eq!(counted[0].name, "jobs of party 1");
        let day = agent_state.now().0.div_euclid(24 * HOUR * 1_000);
        let all: Vec<_> = counted
            .iter()
            .map(|one| {
                (
                    records::Queries {
                        day,
                        asker: one.name.clone(),
                        count: one.count,
                    },
                    one.most.most(),
                )
            })
            .collect();
        agent_state
            .records
            .count_within(&all)
            .await
            .unwrap()
            .map(|at| counted[at].rule)
    };
    assert_eq!(
        (count(&agent_state).await, count(&agent_state).await),
        (None, None)
    );
    assert_eq!(count(&agent_state).await, Some("limits.jobs_per_day"));
    agent_state.records.close().await;
    let again = crate::trial::agent_state(
        &folder.path().join("."),
        "2",
        &OPEN.replace("[limits]\n", "[peer.1]\njobs_per_day = 2\n[limits]\n"),
    )
    .await;
    let mut again = Arc::into_inner(again).unwrap();
    again.clock = clock.clone();
    assert_eq!(count(&again).await, Some("limits.jobs_per_day"));
    clock.advance_millis(16 * HOUR - 1);
    assert_eq!(count(&again).await, Some("limits.jobs_per_day"));
    clock.advance_millis(1);
    assert_eq!(count(&again).await, None);
}

#[tokio::test]
async fn ids_count_in_the_day_in_which_they_were_reserved_and_no_older_day_opens_again() {
    let (_folder, agent_state, clock, offer, _consent) =
        host("[peer.1]\nnew_ids_per_day = 9").await;
    let reporter = Reporter::start(agent_state.clone()).await.unwrap();
    let peer = PartyId::new("1").unwrap();
    let outside = || {
        let order = assignment(Role::Host, "2", 0, &script("talk"));
        AgentTaskHost::new(
            agent_state.clone(),
            reporter.clone(),
            order,
            &offer,
            CancellationToken::new(),
        )
    };
    let ids = |many: std::ops::Range<u32>| many.map(|id| format!("id{id}")).collect::<Vec<_>>();
    let first = MORNING.0.div_euclid(24 * HOUR * 1_000);
    let counts = async || {
        let mut counts = Vec::new();
        for day in [first, first + 1] {
            let of_day = agent_state.records.queries_of(day).await.unwrap();
            counts.push(
                of_day
                    .iter()
                    .find(|one| one.asker == "new ids of party 1")
                    .map(|one| one.count),
            );
        }
        counts
    };
    let over_midnight = outside();
    over_midnight.reserve_ids(&peer, 1).await.unwrap();
    clock.advance_millis(16 * HOUR);
    let next_day = outside();
    next_day.reserve_ids(&peer, 6).await.unwrap();
    over_midnight.reserve_ids(&peer, 5).await.unwrap();
    assert_eq!(counts().await, [Some(6), Some(6)]);
    over_midnight.told_ids(&peer, &ids(0..4), 6).await.unwrap();
    next_day.told_ids(&peer, &ids(4..10), 6).await.unwrap();
    assert_eq!(counts().await, [Some(4), Some(6)]);
    clock.advance_millis(-16 * HOUR);
    let set_back = outside();
    assert!(
        set_back.reserve_ids(&peer, 4).await.is_err(),
        "the older day has space for five"
    );
    set_back.reserve_ids(&peer, 3).await.unwrap();
    assert_eq!(counts().await, [Some(4), Some(9)]);
}
