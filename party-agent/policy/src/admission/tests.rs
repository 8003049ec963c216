//! What is admitted and what is not, rule by rule.

use super::*;
use crate::cap::Cap;
use crate::rules::Rules;
use vocabulary::{
    Cast, Disclosure, JobId, MessageLine, ModelInput, ModelRef, OfferedFile, OfferedInput,
    OfferedStep, Participant, Stage, StepName,
};

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

fn facts() -> Facts {
    Facts {
        now: NOW,
        ..Facts::default()
    }
}

fn rule(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refused { rule, .. } => rule,
        Verdict::Allowed => "allowed",
    }
}

fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("valid")
}

fn offer() -> Offer {
    let host = Participant::new(Role::Host, party("2"));
    Offer {
        job: JobId::new("1").expect("valid"),
        initiator: Participant::new(Role::Guest, party("1")),
        cast: Cast {
            guest: vec![party("1")],
            host: vec![party("2")],
            ..Cast::default()
        },
        steps: vec![OfferedStep {
            step: StepName::new("reader_0").expect("valid"),
            component: "reader".to_owned(),
            version: 1,
            stage: Stage::Fit,
            roles: vec![Role::Guest, Role::Host],
            participants: vec![host.clone()],
            parameters: vec![],
            tables: vec![(host, TableRef::new("experiment", "t"))],
            inputs: vec![],
            models: vec![],
            inherited: None,
        }],
        created: Timestamp(0),
        expires: Some(NOW.plus_millis(Timestamp::DAY_MILLIS)),
        attempts: Some(4),
        keeps: None,
    }
}

fn open() -> Rules {
    toml::from_str("[admission]\ninitiators = ['1']\npeers = ['1']\ncomponents = ['reader']\ntables = ['experiment.*']")
        .expect("rules")
}

fn judge(change: impl FnOnce(&mut Rules)) -> Verdict {
    let mut rules = open();
    change(&mut rules);
    Policy::new(party("2"), rules).admit(&offer(), &party("1"), &facts())
}

#[test]
fn admits_what_every_rule_names() {
    assert_eq!(judge(|_| ()), Verdict::Allowed);
}

#[test]
fn refuses_whatever_one_rule_does_not_name() {
    assert_eq!(
        rule(judge(|rules| rules.admission.initiators.clear())),
        "admission.initiators"
    );
    assert_eq!(
        rule(judge(|rules| rules.admission.peers.clear())),
        "admission.peers"
    );
    assert_eq!(
        rule(judge(|rules| rules.admission.components.clear())),
        "admission.components"
    );
    assert_eq!(
        rule(judge(|rules| rules.admission.tables.clear())),
        "admission.tables"
    );
}

#[test]
fn refuses_an_arbiter_that_is_guest_or_host_unless_the_rule_is_off() {
    let double = Offer {
        cast: Cast {
            arbiter: vec![party("2")],
            ..offer().cast
        },
        ..offer()
    };
    let verdict = Policy::new(party("2"), open()).admit(&double, &party("1"), &facts());
    assert!(
        matches!(
            verdict,
            Verdict::Refused {
                rule: "admission.independent_arbiter",
                ..
            }
        ),
        "{verdict:?}"
    );
    let mut rules = open();
    rules.admission.independent_arbiter = false;
    assert_eq!(
        Policy::new(party("2"), rules).admit(&double, &party("1"), &facts()),
        Verdict::Allowed
    );
}

#[test]
fn grants_stand_beside_the_lists_where_the_switch_is_on() {
    let granted = Grants {
        components: vec!["reader".to_owned()],
        tables: vec![TableRef::new("experiment", "t")],
        ..Grants::default()
    };
    let judge = |switches: (bool, bool), grants: &Grants| {
        let facts = Facts {
            grants: grants.clone(),
            ..facts()
        };
        let mut rules = open();
        rules.admission.components.clear();
        rules.admission.tables.clear();
        (rules.permissions.component, rules.permissions.dataset) = switches;
        Policy::new(party("2"), rules).admit(&offer(), &party("1"), &facts)
    };
    assert_eq!(judge((true, true), &granted), Verdict::Allowed);
    assert_eq!(rule(judge((false, true), &granted)), "admission.components");
    assert_eq!(rule(judge((true, false), &granted)), "admission.tables");
    let other = Grants {
        tables: vec![TableRef::new("experiment", "u")],
        ..granted.clone()
    };
    assert_eq!(rule(judge((true, true), &other)), "admission.tables");
    let all = Grants {
        components: vec!["*".to_owned()],
        every_table: true,
        tables: vec![],
    };
    assert_eq!(judge((true, true), &all), Verdict::Allowed);
    let mut closed = Rules::default();
    (closed.permissions.component, closed.permissions.dataset) = (true, true);
    let verdict = Policy::new(party("2"), closed).admit(
        &offer(),
        &party("1"),
        &Facts {
            grants: all,
            ..facts()
        },
    );
    assert_eq!(
        rule(verdict),
        "admission.initiators",
        "a grant does not make an initiator"
    );
}

#[test]
fn a_namespace_does_not_reach_into_one_that_begins_like_it() {
    let allowed = |entry: &str, namespace: &str| {
        names_table(&[entry.to_owned()], &TableRef::new(namespace, "t"))
    };
    assert!(
        allowed("lab.*", "lab")
            && allowed("lab.t", "lab")
            && allowed("lab.t*", "lab")
            && allowed("*", "lab")
    );
    assert!(allowed("la*", "lab.secret"), "no dot: whatever begins so");
    assert!(!allowed("lab.*", "lab.secret") && !allowed("lab.x*", "lab"));
}

#[test]
fn refuses_an_offer_that_somebody_else_signed() {
    assert!(
        !Policy::new(party("2"), open())
            .admit(&offer(), &party("3"), &facts())
            .is_allowed()
    );
}

#[test]
fn the_default_refuses_everything_foreign() {
    assert!(
        !Policy::new(party("2"), Rules::default())
            .admit(&offer(), &party("1"), &facts())
            .is_allowed()
    );
}

/// A job of party 2 alone: it moves a table of its own.
fn own() -> Offer {
    let me = Participant::new(Role::Local, party("2"));
    Offer {
        initiator: me.clone(),
        cast: Cast {
            local: vec![me.party.clone()],
            ..Cast::default()
        },
        steps: vec![OfferedStep {
            roles: vec![Role::Local],
            component: "writer".to_owned(),
            participants: vec![me.clone()],
            tables: vec![(me, TableRef::new("secret", "salaries"))],
            ..offer().steps[0].clone()
        }],
        ..offer()
    }
}

fn judge_own(rules: &str, offer: &Offer, has_ticket: bool) -> &'static str {
    let policy = Policy::new(party("2"), toml::from_str(rules).expect("rules"));
    rule(policy.admit(
        offer,
        &offer.initiator.party,
        &Facts {
            has_ticket,
            ..facts()
        },
    ))
}

#[test]
fn a_job_in_the_partys_own_name_needs_a_ticket_or_a_rule() {
    assert_eq!(judge_own("", &own(), true), "allowed");
    assert_eq!(judge_own("", &own(), false), "admission.without_ticket");
    let named = |list: &str| {
        judge_own(
            &format!("[admission]\nwithout_ticket = [{list}]"),
            &own(),
            false,
        )
    };
    assert_eq!(named("'writer'"), "allowed");
    assert_eq!(named("'*'"), "allowed");
    assert_eq!(named("'upload', 'write'"), "admission.without_ticket");
    let mut two = own();
    two.steps.push(OfferedStep {
        component: "upload".to_owned(),
        ..two.steps[0].clone()
    });
    assert_eq!(
        judge_own("[admission]\nwithout_ticket = ['upload']", &two, false),
        "admission.without_ticket"
    );
}

#[test]
fn a_job_in_the_partys_name_without_a_part_of_its_own_needs_a_ticket_too() {
    let mut empty = own();
    empty.steps.clear();
    assert_eq!(
        judge_own("[admission]\nwithout_ticket = ['*']", &empty, false),
        "admission.without_ticket"
    );
    assert_eq!(judge_own("", &empty, true), "allowed");
}

#[test]
fn local_work_for_others_needs_a_rule_whatever_else_is_open() {
    let open =
        "[admission]\ninitiators = ['*']\npeers = ['*']\ncomponents = ['*']\ntables = ['*']\n";
    let foreign = Offer {
        initiator: Participant::new(Role::Guest, party("1")),
        ..own()
    };
    assert_eq!(judge_own(open, &foreign, false), "admission.without_ticket");
    assert_eq!(
        judge_own(open, &foreign, true),
        "admission.without_ticket",
        "a ticket is for own jobs"
    );
    assert_eq!(
        judge_own(
            &format!("{open}without_ticket = ['writer']"),
            &foreign,
            false
        ),
        "allowed"
    );
}

#[test]
fn an_offer_says_how_long_and_for_how_many_attempts_it_is_good() {
    let of = |change: fn(&mut Offer)| {
        let mut offer = offer();
        change(&mut offer);
        rule(Policy::new(party("2"), open()).admit(&offer, &party("1"), &facts()))
    };
    assert_eq!(of(|offer| offer.expires = None), "admission.offer_days");
    assert_eq!(
        of(|offer| offer.expires = Some(NOW)),
        "admission.offer_days"
    );
    assert_eq!(
        of(|offer| offer.expires = Some(NOW.plus_millis(31 * Timestamp::DAY_MILLIS))),
        "admission.offer_days"
    );
    assert_eq!(
        of(|offer| offer.expires = Some(Timestamp(i64::MAX))),
        "admission.offer_days"
    );
    assert_eq!(
        of(|offer| offer.expires = Some(NOW.plus_millis(30 * Timestamp::DAY_MILLIS))),
        "allowed"
    );
    assert_eq!(of(|offer| offer.attempts = None), "admission.attempts");
    assert_eq!(of(|offer| offer.attempts = Some(0)), "admission.attempts");
    assert_eq!(of(|offer| offer.attempts = Some(101)), "admission.attempts");
    let mut any = open();
    (any.admission.offer_days, any.admission.attempts) = (Cap::any(), Cap::any());
    let long = Offer {
        expires: Some(Timestamp(i64::MAX)),
        attempts: Some(u32::MAX),
        ..offer()
    };
    assert_eq!(
        rule(Policy::new(party("2"), any).admit(&long, &party("1"), &facts())),
        "allowed"
    );
}

/// The offer with an input of the host's that is wired to an earlier job.
fn wired(of_job: Option<&str>, inherited: Option<&str>, made_by: &str) -> Offer {
    let job = |id: &str| JobId::new(id).expect("valid");
    let mut wired = offer();
    wired.steps[0].inherited = inherited.map(job);
    let host = Participant::new(Role::Host, party("2"));
    let input = OfferedInput {
        who: host,
        port: "data".to_owned(),
        from_step: StepName::new("reader_0").expect("valid"),
        made_by: StepName::new(made_by).expect("valid"),
        index: 0,
        of_job: of_job.map(job),
    };
    let second = OfferedStep {
        step: StepName::new("reader_1").expect("valid"),
        tables: vec![],
        inputs: vec![input],
        inherited: None,
        ..wired.steps[0].clone()
    };
    wired.steps.push(second);
    wired
}

#[test]
fn an_output_of_an_earlier_job_is_read_only_through_a_step_that_is_taken_over() {
    let judge =
        |offer: Offer| rule(Policy::new(party("2"), open()).admit(&offer, &party("1"), &facts()));
    assert_eq!(judge(wired(None, None, "reader_0")), "allowed");
    assert_eq!(judge(wired(Some("7"), Some("7"), "reader_0")), "allowed");
    assert_eq!(
        judge(wired(Some("7"), None, "reader_0")),
        "admission.tables"
    );
    assert_eq!(
        judge(wired(Some("7"), Some("8"), "reader_0")),
        "admission.tables"
    );
    assert_eq!(
        judge(wired(None, Some("7"), "reader_0")),
        "admission.tables",
        "it is not made in this job"
    );
    assert_eq!(
        judge(wired(Some("7"), Some("7"), "elsewhere_0")),
        "admission.tables"
    );
    let mut others = wired(Some("7"), Some("7"), "reader_0");
    others.steps[0].participants = vec![Participant::new(Role::Guest, party("1"))];
    assert_eq!(
        judge(others),
        "admission.tables",
        "this party had no part in it"
    );
    // An earlier output that is named as a table is judged as one.
    let mut named = offer();
    named.steps[0].tables[0].1 = TableRef::new("output_data_7_reader_0_0", "0123");
    assert_eq!(judge(named), "admission.tables");
}

/// The offer with a model of the host's.
fn applying(version: &str) -> Offer {
    let mut applying = offer();
    let owner = Participant::new(Role::Host, party("2"));
    let model = ModelRef {
        version: version.to_owned(),
        step: StepName::new("hetero_lr_0").expect("valid"),
        owner,
    };
    applying.steps[0].models = vec![ModelInput {
        port: "model".to_owned(),
        model,
        checkpoint: None,
    }];
    applying
}

#[test]
fn a_model_is_applied_with_those_who_trained_it_or_where_the_policy_names_it() {
    let cast = |guest: &str| Cast {
        guest: vec![party(guest)],
        host: vec![party("2")],
        ..Cast::default()
    };
    let judge = |version: &str, list: &str, trainings: Vec<Training>| {
        let mut rules = open();
        rules.admission.models = vec![list.to_owned()];
        rule(Policy::new(party("2"), rules).admit(
            &applying(version),
            &party("1"),
            &Facts {
                trainings,
                ..facts()
            },
        ))
    };
    let training = |guest: &str| {
        vec![Training {
            version: "7".to_owned(),
            cast: cast(guest),
        }]
    };
    assert_eq!(judge("7", "", training("1")), "allowed");
    assert_eq!(judge("7", "", training("3")), "admission.models");
    assert_eq!(
        judge("7", "", vec![]),
        "admission.models",
        "nothing is known of it"
    );
    assert_eq!(judge("8", "", training("1")), "admission.models");
    assert_eq!(judge("7", "7", vec![]), "allowed");
    assert_eq!(
        judge("1", "", vec![]),
        "admission.models",
        "this job has no such step"
    );
    let other_role = Training {
        version: "7".to_owned(),
        cast: Cast {
            guest: vec![party("1"), party("2")],
            ..Cast::default()
        },
    };
    assert_eq!(
        judge("7", "", vec![other_role]),
        "admission.models",
        "it had no part in that role"
    );
}

#[test]
fn a_file_is_kept_for_own_jobs_alone() {
    let keeps = |role: Role, who: &str, mut offer: Offer| {
        let who = Participant::new(role, party(who));
        offer.steps[0].participants = vec![who.clone()];
        offer.keeps = Some(OfferedFile {
            step: StepName::new("reader_0").expect("valid"),
            who,
            file: "files://a/b".to_owned(),
        });
        offer
    };
    let foreign = |who: &str| {
        let keeping = keeps(Role::Host, who, offer());
        rule(Policy::new(party("2"), open()).admit(&keeping, &party("1"), &facts()))
    };
    assert_eq!(foreign("2"), "admission.without_ticket");
    assert_eq!(foreign("1"), "allowed", "it is the other party's to judge");
    assert_eq!(
        judge_own("", &keeps(Role::Local, "2", own()), true),
        "allowed"
    );
    let mut nothing = keeps(Role::Local, "2", own());
    nothing.steps[0].participants.clear();
    assert_eq!(
        judge_own("", &nothing, true),
        "admission.without_ticket",
        "of no step of the offer"
    );
}

#[test]
fn a_message_that_may_not_leave_refuses_the_job_before_anything_leaves() {
    let line = MessageLine {
        name: "score",
        from: Role::Host,
        to: &[Role::Guest],
        disclosure: Disclosure::RowValues,
    };
    let judge = |to: &str, disclosures: Vec<Disclosure>| {
        let mut rules = open();
        rules.release.disclosures = disclosures;
        let spoken = PlannedMessage {
            step: StepName::new("reader_0").expect("valid"),
            component: "reader".to_owned(),
            role: Role::Host,
            line,
            to: vec![Participant::new(Role::Guest, party(to))],
            trains: false,
            more: vec![],
        };
        Policy::new(party("2"), rules).admit(
            &offer(),
            &party("1"),
            &Facts {
                spoken: vec![spoken],
                ..facts()
            },
        )
    };
    assert_eq!(judge("1", vec![Disclosure::RowValues]), Verdict::Allowed);
    assert_eq!(
        judge("2", vec![]),
        Verdict::Allowed,
        "to a role of its own it leaves nothing"
    );
    let Verdict::Refused { rule, what } = judge("1", vec![Disclosure::Masked]) else {
        panic!("it could not leave")
    };
    assert_eq!(rule, "release.disclosures");
    assert!(
        what.contains("score") && what.contains("row_values") && what.contains("guest 1"),
        "{what}"
    );
}
