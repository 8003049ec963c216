//! Offers: accepted, refused by a rule, forged.

use pki::Identity;

use super::*;
use crate::trial::{Certificates, OPEN, agent_state, assignment, offer, party, script};
use vocabulary::{Participant, Role};
use wire::{Address, AttemptKey};

struct Host {
    _folder: tempfile::TempDir,
    certificates: Certificates,
    agent_state: Arc<AgentState>,
    offers: Offers,
}

fn offers_of(agent_state: &Arc<AgentState>, identity: &Identity) -> Offers {
    let identity = identity.clone();
    let whoami: Whoami = Arc::new(move || identity.clone());
    Offers::new(
        agent_state.clone(),
        whoami.clone(),
        Casts::default(),
        Tickets::new(agent_state.clone(), whoami),
    )
}

async fn agent(id: &str, policy: &str) -> Host {
    let folder = tempfile::tempdir().unwrap();
    let agent_state = agent_state(folder.path(), id, policy).await;
    let certificates = Certificates::new();
    let identity = certificates.identity(id, Kind::Agent);
    let offers = offers_of(&agent_state, &identity);
    Host {
        _folder: folder,
        certificates,
        agent_state,
        offers,
    }
}

impl Host {
    fn signed(&self, by: &str, kind: Kind) -> SignedBytes {
        let bytes = offer(&script("talk")).canonical_bytes().unwrap();
        self.certificates
            .identity(by, kind)
            .sign(OFFER_CONTEXT, &bytes)
            .unwrap()
    }

    async fn rules(&self) -> Vec<Option<String>> {
        let chain = crate::trial::chain(&self.agent_state);
        let rule = |record: audit::AuditRecord| match record.entry {
            AuditEntry::Offer { refused_by, .. } => Some(refused_by),
            _ => None,
        };
        chain.into_iter().filter_map(rule).collect()
    }

    async fn is_accepted(&self) -> bool {
        self.agent_state
            .records
            .accepted_offer(&offer(&script("talk")).fingerprint().unwrap())
            .await
            .unwrap()
            .is_some()
    }
}

#[tokio::test]
async fn answers_a_signed_offer_with_its_own_signature_over_the_same_bytes() {
    let host = agent("2", OPEN).await;
    let signed = host.signed("1", Kind::Agent);
    let answer = host.offers.accept(signed.clone()).await.unwrap();
    assert_eq!(answer.bytes, signed.bytes);
    let signer = verify_signed(
        &answer,
        OFFER_CONTEXT,
        &host.certificates.identity("1", Kind::Agent),
        host.agent_state.now(),
    );
    assert_eq!(signer.unwrap().party, party("2"));
    assert!(host.is_accepted().await);
    assert_eq!(host.rules().await, [None]);
}

#[tokio::test]
async fn names_the_rule_that_refuses() {
    for (policy, rule) in [
        ("", "admission.initiators"),
        (
            &OPEN.replace("components = ['*']", ""),
            "admission.components",
        ),
    ] {
        let host = agent("2", policy).await;
        let fault = host
            .offers
            .accept(host.signed("1", Kind::Agent))
            .await
            .unwrap_err();
        assert_eq!(
            (fault.code, fault.path.as_deref(), fault.party),
            (ErrorCode::OfferRefused, Some(rule), Some(party("2")))
        );
        assert!(!host.is_accepted().await);
        assert_eq!(host.rules().await, [Some(rule.to_owned())]);
    }
}

#[tokio::test]
async fn refuses_a_forged_offer() {
    let host = agent("2", OPEN).await;
    let mut changed = host.signed("1", Kind::Agent);
    let bytes = offer(&script("wait")).canonical_bytes().unwrap();
    changed.bytes = bytes;
    let foreign = Certificates::new().identity("1", Kind::Agent);
    let foreign = foreign
        .sign(
            OFFER_CONTEXT,
            &offer(&script("talk")).canonical_bytes().unwrap(),
        )
        .unwrap();
    let other_purpose = host
        .certificates
        .identity("1", Kind::Agent)
        .sign("another", &host.signed("1", Kind::Agent).bytes)
        .unwrap();
    let forged = [
        changed,
        foreign,
        other_purpose,
        host.signed("3", Kind::Agent),
        host.signed("1", Kind::Coordinator),
    ];
    for signed in forged {
        let fault = host.offers.accept(signed).await.unwrap_err();
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::OfferRefused, Some("signature")),
            "{fault}"
        );
    }
    assert_eq!(host.rules().await, vec![Some("signature".to_owned()); 5]);
    let garbage = SignedBytes {
        bytes: vec![1, 2, 3],
        ..host.signed("1", Kind::Agent)
    };
    assert!(host.offers.accept(garbage).await.is_err());
}

#[tokio::test]
async fn signs_the_jobs_of_its_own_users_only() {
    let guest = agent("1", OPEN).await;
    let signed = guest
        .offers
        .sign(offer(&script("talk")), None)
        .await
        .unwrap();
    assert_eq!(signed.signer, party("1"));
    assert!(guest.is_accepted().await);
    let host = agent("2", OPEN).await;
    assert_eq!(
        host.offers
            .sign(offer(&script("talk")), None)
            .await
            .unwrap_err()
            .code,
        ErrorCode::OfferRefused
    );
    let mut without_me = offer(&script("talk"));
    without_me.cast.guest = vec![party("3")];
    assert_eq!(
        guest
            .offers
            .sign(without_me, None)
            .await
            .unwrap_err()
            .path
            .as_deref(),
        Some("cast")
    );
}

#[tokio::test]
async fn refuses_a_version_it_does_not_have() {
    let guest = agent("1", OPEN).await;
    let mut newer = offer(&script("talk"));
    newer.steps[0].version = 2;
    assert_eq!(
        guest.offers.sign(newer, None).await.unwrap_err().code,
        ErrorCode::CatalogueMismatch
    );
}

#[tokio::test]
async fn lets_only_the_cast_of_an_accepted_job_write() {
    let host = agent("2", OPEN).await;
    let admit = host.offers.casts.admit();
    let key = AttemptKey {
        job: crate::trial::job(),
        step: assignment(Role::Host, "2", 0, &script("talk")).task.step,
        attempt: vocabulary::Attempt(0),
        offer: offer(&script("talk")).fingerprint().unwrap(),
    };
    let envelope = |from: &str| EnvelopeHead {
        address: Address {
            attempt: key.clone(),
            from: Participant::new(Role::Guest, party(from)),
            to: Participant::new(Role::Host, party("2")),
            tag: "t".to_owned(),
        },
        message: "m".to_owned(),
        size: 0,
    };
    assert_eq!(
        admit(&envelope("1")).unwrap_err().code,
        ErrorCode::PartyLost
    );
    host.offers
        .accept(host.signed("1", Kind::Agent))
        .await
        .unwrap();
    assert!(admit(&envelope("1")).is_ok());
    assert_eq!(
        admit(&envelope("3")).unwrap_err().code,
        ErrorCode::PermissionDenied
    );
}

#[tokio::test]
async fn takes_messages_only_under_the_offer_that_was_accepted_last() {
    let host = agent("2", OPEN).await;
    let admit = host.offers.casts.admit();
    let step = assignment(Role::Host, "2", 0, &script("talk")).task.step;
    let envelope = |offer: &str| {
        let (job, step, attempt) = (crate::trial::job(), step.clone(), vocabulary::Attempt(0));
        let who = |role, id| Participant::new(role, party(id));
        let attempt = AttemptKey {
            job,
            step,
            attempt,
            offer: offer.to_owned(),
        };
        let address = Address {
            attempt,
            from: who(Role::Guest, "1"),
            to: who(Role::Host, "2"),
            tag: "t".to_owned(),
        };
        admit(&EnvelopeHead {
            address,
            message: "m".to_owned(),
            size: 0,
        })
        .map_err(|fault| fault.code)
    };
    let (first, second) = (host.signed("1", Kind::Agent), amended(&host, |_| {}));
    let (one, two) = (fingerprint_of(&first.bytes), fingerprint_of(&second.bytes));
    host.offers.accept(first.clone()).await.unwrap();
    assert_eq!(
        (envelope(&one), envelope(&two)),
        (Ok(()), Err(ErrorCode::OfferRefused))
    );
    assert_eq!(
        envelope(""),
        Err(ErrorCode::OfferRefused),
        "a sender that names no offer is of an older version"
    );
    host.offers.accept(second.clone()).await.unwrap();
    assert_eq!(
        (envelope(&one), envelope(&two)),
        (Err(ErrorCode::OfferRefused), Ok(()))
    );
    // The coordinator shows the earlier offer again, which the initiator signed once; the last one may come again.
    for _ in 0..2 {
        let fault = host.offers.accept(first.clone()).await.unwrap_err();
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::OfferRefused, Some("offer")),
            "{fault}"
        );
        host.offers.accept(second.clone()).await.unwrap();
        assert_eq!(
            (envelope(&one), envelope(&two)),
            (Err(ErrorCode::OfferRefused), Ok(()))
        );
    }
    // The parameters are changed back: the offer ends at another time.
    let mut back = offer(&script("talk"));
    back.expires = back.expires.map(|end| end.plus_millis(1));
    let third = signed_by(&host, "1", &back);
    host.offers.accept(third.clone()).await.unwrap();
    assert_eq!(
        (envelope(&one), envelope(&fingerprint_of(&third.bytes))),
        (Err(ErrorCode::OfferRefused), Ok(()))
    );
    for old in [first, second] {
        host.offers.accept(old).await.unwrap_err();
    }
    assert_eq!(
        host.agent_state
            .records
            .offers_of(&crate::trial::job())
            .await
            .unwrap()
            .pop(),
        Some(back)
    );
}

#[tokio::test]
async fn its_own_users_jobs_go_back_to_no_earlier_offer() {
    let guest = agent("1", OPEN).await;
    guest
        .offers
        .sign(offer(&script("talk")), None)
        .await
        .unwrap();
    guest
        .offers
        .sign(offer(&script("sum")), None)
        .await
        .unwrap();
    let fault = guest
        .offers
        .sign(offer(&script("talk")), None)
        .await
        .unwrap_err();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("offer")),
        "{fault}"
    );
    guest
        .offers
        .sign(offer(&script("sum")), None)
        .await
        .unwrap();
    // What an agent remembers no more is a first offer again.
    guest
        .agent_state
        .records
        .forget_offers(&crate::trial::job())
        .await
        .unwrap();
    guest
        .offers
        .sign(offer(&script("talk")), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn says_what_is_wrong_with_parameters_and_where() {
    let host = agent("2", OPEN).await;
    let check = |component: &str, role, parameters| StepCheck {
        step: vocabulary::StepName::new("s_0").unwrap(),
        component: component.to_owned(),
        role,
        parameters,
    };
    let faults = host.offers.check(&[
        check("scripted", Role::Guest, script("talk")),
        check("scripted", Role::Guest, script("sing")),
        check("unheard_of", Role::Guest, script("talk")),
    ]);
    let paths: Vec<_> = faults
        .iter()
        .map(|fault| (fault.code, fault.path.as_deref().unwrap()))
        .collect();
    assert_eq!(
        paths,
        [
            (ErrorCode::ParameterInvalid, "s_0.script"),
            (ErrorCode::ComponentUnknown, "s_0")
        ]
    );
}

#[tokio::test]
async fn takes_no_second_offer_of_a_job() {
    let guest = agent("1", OPEN).await;
    guest
        .offers
        .sign(offer(&script("talk")), None)
        .await
        .unwrap();
    guest
        .offers
        .sign(offer(&script("talk")), None)
        .await
        .unwrap();
    let mut other = offer(&script("talk"));
    other.steps[0].stage = vocabulary::Stage::Apply;
    let fault = guest.offers.sign(other, None).await.unwrap_err();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("job"))
    );
    assert_eq!(guest.rules().await, [None, None, Some("job".to_owned())]);
    let mut joined = offer(&script("talk"));
    joined.steps[0]
        .participants
        .push(Participant::new(Role::Host, party("3")));
    assert_eq!(
        guest
            .offers
            .sign(joined, None)
            .await
            .unwrap_err()
            .path
            .as_deref(),
        Some("cast")
    );
}

#[tokio::test]
async fn lets_nobody_write_for_a_step_that_the_job_does_not_have() {
    let host = agent("2", OPEN).await;
    host.offers
        .accept(host.signed("1", Kind::Agent))
        .await
        .unwrap();
    let step = vocabulary::StepName::new("another_0").unwrap();
    let attempt = AttemptKey {
        job: crate::trial::job(),
        step,
        attempt: vocabulary::Attempt(0),
        offer: offer(&script("talk")).fingerprint().unwrap(),
    };
    let who = |role, id| Participant::new(role, party(id));
    let address = Address {
        attempt,
        from: who(Role::Guest, "1"),
        to: who(Role::Host, "2"),
        tag: "t".to_owned(),
    };
    let head = EnvelopeHead {
        address,
        message: "m".to_owned(),
        size: 0,
    };
    assert_eq!(
        (host.offers.casts.admit())(&head).unwrap_err().code,
        ErrorCode::PermissionDenied
    );
}

/// The offer with other parameters, as another party's agent signed it.
fn amended(host: &Host, change: impl FnOnce(&mut Offer)) -> SignedBytes {
    let mut other = offer(&script("sum"));
    change(&mut other);
    host.certificates
        .identity("1", Kind::Agent)
        .sign(OFFER_CONTEXT, &other.canonical_bytes().unwrap())
        .unwrap()
}

#[tokio::test]
async fn accepts_a_second_offer_of_a_job_that_changes_parameters_alone() {
    let host = agent("2", OPEN).await;
    host.offers
        .accept(host.signed("1", Kind::Agent))
        .await
        .unwrap();
    host.offers.accept(amended(&host, |_| ())).await.unwrap();
    let other = |offer: &mut Offer| offer.steps[0].inputs.clear();
    let fault = host.offers.accept(amended(&host, other)).await.unwrap_err();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("job"))
    );
    let component = |offer: &mut Offer| offer.steps[0].stage = vocabulary::Stage::Apply;
    assert!(host.offers.accept(amended(&host, component)).await.is_err());
    // A table that the policy does not name stays out of reach in a second offer as in a first.
    let strict = agent(
        "2",
        &OPEN.replace("tables = ['*']", "tables = ['experiment.offered']"),
    )
    .await;
    strict
        .offers
        .accept(strict.signed("1", Kind::Agent))
        .await
        .unwrap();
    let secret =
        |offer: &mut Offer| offer.steps[0].tables[1].1 = vocabulary::TableRef::new("lab", "secret");
    let fault = strict
        .offers
        .accept(amended(&strict, secret))
        .await
        .unwrap_err();
    assert_eq!(fault.path.as_deref(), Some("admission.tables"));
}

/// The job after the one of the scripts, which takes its step over.
fn heir() -> Offer {
    let mut heir = offer(&script("talk"));
    heir.steps[0].inherited = Some(heir.job.clone());
    heir.job = vocabulary::JobId::new("20270101000000000000").unwrap();
    heir
}

/// A later job, which takes over the step behind the one that read the table.
fn later_heir() -> Offer {
    let mut later = heir();
    later.job = vocabulary::JobId::new("20290101000000000000").unwrap();
    later.steps[1].inherited = later.steps[0].inherited.take();
    later.steps[0].tables.clear();
    later.steps[0].inputs.clear();
    later
}

fn signed_by(host: &Host, by: &str, offer: &Offer) -> SignedBytes {
    host.certificates
        .identity(by, Kind::Agent)
        .sign(OFFER_CONTEXT, &offer.canonical_bytes().unwrap())
        .unwrap()
}

#[tokio::test]
async fn takes_over_what_succeeded_under_an_offer_that_is_still_acceptable() {
    let host = agent("2", OPEN).await;
    let (records, now) = (&host.agent_state.records, host.agent_state.now());
    let signed = signed_by(&host, "1", &heir());
    let fault = host.offers.accept(signed.clone()).await.unwrap_err();
    assert!(
        fault.message.contains("it has not succeeded here"),
        "{fault}"
    );

    host.offers
        .accept(host.signed("1", Kind::Agent))
        .await
        .unwrap();
    let order = assignment(Role::Host, "2", 0, &script("talk"));
    records.begin_attempt(&order, now).await.unwrap();
    assert!(host.offers.accept(signed.clone()).await.is_err(), "it runs");
    let model = vocabulary::ModelRef {
        version: order.model_version.clone(),
        step: order.task.step.clone(),
        owner: order.task.participant(),
    };
    let content = records::ModelRecord {
        component: "scripted".into(),
        component_version: 1,
        content: vec![7],
    };
    records.save_model(&model, &content, now).await.unwrap();
    records
        .end_attempt(
            &order.task,
            order.attempt,
            records::AttemptState::Succeeded,
            now,
        )
        .await
        .unwrap();

    for _ in 0..2 {
        host.offers.accept(signed.clone()).await.unwrap();
    }
    let job = heir().job;
    let taken = records
        .newest_attempt(&job, &order.task.step, Role::Host)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (taken.state, &taken.assignment.task.job),
        (records::AttemptState::Succeeded, &job)
    );
    let own = vocabulary::ModelRef {
        version: job.to_string(),
        ..model
    };
    assert!(records.model(&own).await.unwrap() == Some(content));

    let mut foreign = heir();
    (foreign.job, foreign.initiator) = (
        vocabulary::JobId::new("20280101000000000000").unwrap(),
        Participant::new(Role::Host, party("2")),
    );
    let fault = host.offers.sign(foreign, None).await.unwrap_err();
    assert!(
        fault.message.contains("another party started it"),
        "{fault}"
    );

    let closed: policy::Rules =
        toml::from_str(&OPEN.replace("tables = ['*']", "tables = []")).unwrap();
    host.agent_state
        .set_policy(policy::Policy::new(party("2"), closed));
    // The step that read the table is not taken over, and the job in which it ran is judged whole.
    crate::trial::input_was_made(&host.agent_state, &order).await;
    let fault = host
        .offers
        .accept(signed_by(&host, "1", &later_heir()))
        .await
        .unwrap_err();
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.tables"),
        "the earlier offer is judged by the policy of today"
    );
}

#[tokio::test]
async fn a_grant_admits_what_the_file_does_not_name_where_the_switch_is_on() {
    use records::{Permission, PermissionKind};
    let closed = OPEN.replace("components = ['*']", "");
    let grant = |role| Permission {
        kind: PermissionKind::Component,
        role,
        namespace: String::new(),
        name: "scripted".to_owned(),
    };
    for (policy, role, admitted) in [
        (closed.clone(), None, false),
        (
            format!("{closed}[permissions]\ncomponent = true\n"),
            None,
            true,
        ),
        (
            format!("{closed}[permissions]\ncomponent = true\n"),
            Some(Role::Guest),
            true,
        ),
        (
            format!("{closed}[permissions]\ncomponent = true\n"),
            Some(Role::Host),
            false,
        ),
    ] {
        let host = agent("2", &policy).await;
        host.agent_state
            .records
            .grant(&party("1"), &[grant(role)], host.agent_state.now())
            .await
            .unwrap();
        let answer = host.offers.accept(host.signed("1", Kind::Agent)).await;
        assert_eq!(answer.is_ok(), admitted, "{role:?}: {:?}", answer.err());
    }
}

#[tokio::test]
async fn refuses_an_offer_of_a_pinned_party_with_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let agent_state = agent_state(folder.path(), "2", OPEN).await;
    let certificates = Certificates::new();
    let identity = certificates.identity("2", Kind::Agent);
    let pins = identity.trust().pins().clone();
    let offers = offers_of(&agent_state, &identity);
    let bytes = offer(&script("talk")).canonical_bytes().unwrap();
    let guest = certificates.identity("1", Kind::Agent);
    let signed = guest.sign(OFFER_CONTEXT, &bytes).unwrap();
    pins.replace(
        [(
            party("1"),
            certificates.identity("2", Kind::Agent).public_key_sec1(),
        )]
        .into(),
    );
    let fault = offers.accept(signed.clone()).await.unwrap_err();
    assert!(
        fault.code == ErrorCode::OfferRefused && fault.message.contains("pinned"),
        "{fault}"
    );
    pins.replace([(party("1"), guest.public_key_sec1())].into());
    assert!(offers.accept(signed).await.is_ok());
}
