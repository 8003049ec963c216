//! Whom a daemon trusts: one party's coordinator only, no certificates without a revocation list, and relayed messages to nobody whose
//! own short-lived key does not stand in the directory.

use std::time::Duration;

use fedflow_tests::hostile::{
    ALL_MINE, Agent, Coordinator, Federation, Peer, guest, host, never, until,
};
use pki::Kind;
use wire::agent_link;

use super::super::program;
use super::toy;

/// An agent lets a coordinator alone for a while, and its log says whose it is and whose was wanted.
async fn stays_away(clinic: &Agent, coordinator: &Coordinator) {
    let before = clinic.log().len();
    until("an attempt to link", || {
        clinic.log()[before..].contains("FF404").then_some(())
    })
    .await;
    assert!(
        never(Duration::from_secs(1), || clinic.log()[before..]
            .contains("connected to the")
            .then_some(()))
        .await
    );
    assert!(coordinator.heard().is_empty(), "{:?}", coordinator.heard());
    let log = clinic.log();
    assert!(
        log.contains("coordinator 10001") && log.contains("coordinator coordinator"),
        "{log}"
    );
}

#[tokio::test]
async fn another_partys_coordinator_of_the_same_root_is_not_taken() {
    let federation = Federation::new(&program());
    let first = Coordinator::start(&federation);
    let mut clinic = federation.agent("10000", ALL_MINE);
    first.joined(&["10000"]).await;
    first.stop().await;
    // A party that has a good certificate of a coordinator, at the same address.
    let posing =
        Coordinator::start_as(&federation, federation.identity("10001", Kind::Coordinator));
    stays_away(&clinic, &posing).await;
    // Nor after a restart, which remembers who was first.
    clinic.stop();
    clinic.start();
    stays_away(&clinic, &posing).await;
    posing.stop().await;
    let again = Coordinator::start(&federation);
    again.joined(&["10000"]).await;
}

#[tokio::test]
async fn the_settings_say_whose_coordinator_is_taken_from_the_start() {
    let federation = Federation::new(&program());
    let posing =
        Coordinator::start_as(&federation, federation.identity("10001", Kind::Coordinator));
    let pinned = "coordinator_party = \"coordinator\"";
    let clinic = federation
        .party("10000")
        .policy(ALL_MINE)
        .settings(pinned)
        .start();
    stays_away(&clinic, &posing).await;
    posing.stop().await;
    Coordinator::start(&federation).joined(&["10000"]).await;
}

#[tokio::test]
async fn without_a_revocation_list_no_daemon_starts_unless_told() {
    let federation = Federation::new(&program());
    let mut daemon = federation.coordinator("");
    let mut clinic = federation.agent("10000", ALL_MINE);
    until("the agent to be linked", || {
        clinic.is_linked().then_some(())
    })
    .await;
    daemon.stop();
    clinic.stop();
    for (kind, home) in [
        ("coordinator", daemon.home().to_owned()),
        ("agent", clinic.home().to_owned()),
    ] {
        let list = home.join("identity/revoked.crl");
        let text = std::fs::read(&list).expect("a list");
        std::fs::remove_file(&list).expect("removed");
        let config = home.join(format!("{kind}.toml"));
        let ended = program().run(&[kind, "--config", config.to_str().expect("a path")]);
        let said = String::from_utf8_lossy(&ended.stdout).into_owned()
            + &String::from_utf8_lossy(&ended.stderr)
            + &std::fs::read_to_string(home.join(format!("{kind}.log"))).unwrap_or_default();
        assert!(
            !ended.status.success() && said.contains("there is no revocation list"),
            "{kind}: {said}"
        );
        assert!(
            said.contains("install-list") && said.contains("revocation = "),
            "{kind}: {said}"
        );
        // An empty one is none.
        std::fs::write(&list, "").expect("written");
        assert!(
            !program()
                .run(&[kind, "--config", config.to_str().expect("a path")])
                .status
                .success(),
            "{kind}"
        );
        std::fs::write(&list, text).expect("written");
    }
    // The clinic's operator says that there need be none.
    std::fs::remove_file(clinic.home().join("identity/revoked.crl")).expect("removed");
    let config = clinic.home().join("agent.toml");
    let text = std::fs::read_to_string(&config).expect("readable");
    std::fs::write(&config, format!("revocation = \"none\"\n{text}")).expect("written");
    daemon.start_again();
    clinic.start();
    until("the agent to be linked", || {
        clinic.is_linked().then_some(())
    })
    .await;
}

/// Two agents whose messages go through the relay, and a directory that a hostile coordinator changes.
async fn relayed_with(
    federation: &Federation,
    change: impl Fn(agent_link::Peer) -> agent_link::Peer + Send + Sync + 'static,
) {
    let coordinator = Coordinator::start(federation);
    coordinator.on_directory(move |_, peers| peers.into_iter().map(&change).collect());
    let start = |id: &str| {
        federation
            .party(id)
            .policy(ALL_MINE)
            .settings("relay_only = true")
            .start()
    };
    let (bank, clinic) = (start("9999"), start("10000"));
    coordinator.joined(&["9999", "10000"]).await;
    let job = toy(&coordinator);
    coordinator.agree(&job).await.expect("agreed");
    for who in [guest("9999"), host("10000")] {
        coordinator
            .assign(
                who.party.as_str(),
                job.assignment("secure_add_example_0", &who, 0),
            )
            .await
            .expect("taken");
    }
    let sent = never(Duration::from_secs(2), || {
        coordinator.messages().first().cloned()
    })
    .await;
    assert!(
        sent,
        "nothing is sealed to another key: {:?}",
        coordinator.messages()
    );
    assert_eq!(
        coordinator.end_of(&job.task("secure_add_example_0", &host("10000"))),
        None
    );
    // With the true directory the same messages go.
    coordinator.on_directory(|_, peers| peers);
    coordinator.joined(&["9999", "10000"]).await;
    for who in [guest("9999"), host("10000")] {
        let end = coordinator
            .ended(&job.task("secure_add_example_0", &who))
            .await;
        assert_eq!(
            end,
            vocabulary::Outcome::Succeeded,
            "{who}: {}{}",
            bank.log(),
            clinic.log()
        );
    }
    assert!(!coordinator.messages().is_empty());
}

#[tokio::test]
async fn without_a_signed_key_in_the_directory_nothing_is_sealed() {
    let federation = Federation::new(&program());
    relayed_with(&federation, |peer| agent_link::Peer {
        message_key: None,
        ..peer
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_root_or_party_in_the_directory_is_refused() {
    // Of a root of the same name, so that only the signature tells; and a good one of somebody else.
    let (federation, foreign) = (Federation::new(&program()), Federation::new(&program()));
    let key = |federation: &Federation, id: &str| Peer::new(federation, id).hello().message_key;
    let (of_bank, of_other) = (key(&foreign, "9999"), key(&federation, "10001"));
    relayed_with(&federation, move |peer| {
        let message_key = if peer.party.as_str() == "9999" {
            of_bank.clone()
        } else {
            of_other.clone()
        };
        agent_link::Peer {
            message_key,
            ..peer
        }
    })
    .await;
}
