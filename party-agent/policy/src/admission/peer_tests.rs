//! Rules for single peers, columns, versions, and what a day counts.

use super::*;
use crate::rules::Rules;
use vocabulary::{
    Cast, Disclosure, JobId, MessageLine, ModelInput, ModelRef, OfferedInput, Participant, Stage,
    StepName,
};

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);
const OPEN: &str = "[admission]\ninitiators = ['*']\npeers = ['*']\ncomponents = ['*']\ntables = ['lab.*']\n\
                    [release]\ndisclosures = ['row_values', 'masked']\n";

fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("valid")
}

fn who(role: Role, id: &str) -> Participant {
    Participant::new(role, party(id))
}

fn step(name: &str, component: &str) -> OfferedStep {
    OfferedStep {
        step: StepName::new(name).expect("valid"),
        component: component.to_owned(),
        version: 1,
        stage: Stage::Fit,
        roles: vec![Role::Guest, Role::Host],
        participants: vec![
            who(Role::Guest, "1"),
            who(Role::Host, "2"),
            who(Role::Host, "3"),
        ],
        parameters: vec![],
        tables: vec![],
        inputs: vec![],
        models: vec![],
        inherited: None,
    }
}

/// Guest 1 works with hosts 2, who judges, and 3.
fn offer() -> Offer {
    let mut reader = step("reader_0", "reader");
    reader.tables = vec![
        (who(Role::Guest, "1"), TableRef::new("theirs", "t")),
        (who(Role::Host, "2"), TableRef::new("lab", "t")),
    ];
    Offer {
        job: JobId::new("7").expect("valid"),
        initiator: who(Role::Guest, "1"),
        cast: Cast {
            guest: vec![party("1")],
            host: vec![party("2"), party("3")],
            ..Cast::default()
        },
        steps: vec![
            reader,
            step("intersection_0", "intersection"),
            step("lr_0", "hetero_lr"),
        ],
        created: NOW,
        expires: Some(NOW.plus_millis(Timestamp::DAY_MILLIS)),
        attempts: Some(4),
        keeps: None,
    }
}

fn policy(more: &str) -> Policy {
    Policy::new(
        party("2"),
        toml::from_str::<Rules>(&format!("{OPEN}{more}")).expect("rules"),
    )
}

fn facts() -> Facts {
    let line = |name, disclosure| MessageLine {
        name,
        from: Role::Host,
        to: &[Role::Guest],
        disclosure,
    };
    let spoken = |trains: bool, line| PlannedMessage {
        step: StepName::new("lr_0").expect("valid"),
        component: "hetero_lr".to_owned(),
        role: Role::Host,
        line,
        to: vec![who(Role::Guest, "1")],
        trains,
        more: vec![],
    };
    Facts {
        now: NOW,
        spoken: vec![
            spoken(true, line("gradient", Disclosure::Masked)),
            spoken(true, line("score", Disclosure::RowValues)),
        ],
        headers: vec![Header {
            table: TableRef::new("lab", "t"),
            columns: vec!["salary".to_owned(), "visits".to_owned()],
            made_of: MadeOf::Itself,
        }],
        ..Facts::default()
    }
}

fn rule(more: &str, offer: &Offer, facts: &Facts) -> &'static str {
    match policy(more).admit(offer, &party("1"), facts) {
        Verdict::Allowed => "allowed",
        Verdict::Refused { rule, what } => {
            assert!(
                !what.contains("salary") && !what.contains("visits"),
                "{what}"
            );
            rule
        }
    }
}

#[test]
fn a_peers_own_list_stands_in_place_of_the_general_one_and_all_peers_must_let_it() {
    for (more, expected) in [
        ("", "allowed"),
        ("[peer.1]\ntables = []", "peer.tables"),
        ("[peer.3]\ntables = ['other.*']", "peer.tables"),
        (
            "[peer.1]\ntables = ['lab.t']\n[peer.3]\ntables = ['lab.*']",
            "allowed",
        ),
        (
            "[peer.1]\ncomponents = ['reader', 'intersection']",
            "peer.components",
        ),
        (
            "[peer.3]\ncomponents = ['reader', 'intersection', 'hetero_*']",
            "allowed",
        ),
        ("[peer.9]\ntables = []\ncomponents = []", "allowed"),
    ] {
        assert_eq!(rule(more, &offer(), &facts()), expected, "{more}");
    }
    // What one peer may have does not widen what the other gets.
    let closed = OPEN.replace("['lab.*']", "[]");
    let judge = |more: &str| {
        let policy = Policy::new(
            party("2"),
            toml::from_str(&format!("{closed}{more}")).expect("rules"),
        );
        policy.admit(&offer(), &party("1"), &facts()).is_allowed()
    };
    assert!(
        !judge("[peer.1]\ntables = ['lab.*']")
            && judge("[peer.1]\ntables = ['lab.*']\n[peer.3]\ntables = ['lab.*']")
    );
}

#[test]
fn a_table_with_other_columns_than_those_that_are_named_is_refused() {
    for (more, expected) in [
        (
            "[admission.columns]\n'lab.t' = ['salary']\n",
            "admission.columns",
        ),
        (
            "[admission.columns]\n'lab.*' = ['salary', 'vis*']\n",
            "allowed",
        ),
        ("[admission.columns]\n'lab.u' = []\n", "allowed"),
        (
            "[admission.columns]\n'lab.*' = ['*']\n'lab.t' = ['salary']\n",
            "admission.columns",
        ),
        (
            "[admission.columns]\n'lab.t' = []\n[peer.1.columns]\n[peer.3.columns]\n",
            "allowed",
        ),
        ("[peer.3.columns]\n'lab.t' = ['visits']\n", "peer.columns"),
        ("[peer.9.columns]\n'lab.t' = []\n", "allowed"),
    ] {
        let policy = Policy::new(
            party("2"),
            toml::from_str::<Rules>(&format!("{OPEN}{more}")).expect("rules"),
        );
        let found = match policy.admit(&offer(), &party("1"), &facts()) {
            Verdict::Allowed => "allowed",
            Verdict::Refused { rule, .. } => rule,
        };
        assert_eq!(found, expected, "{more}");
    }
}

/// The offer with a model of an earlier training in place of a new one, and what is known of that.
fn applying(version: &str) -> (Offer, Facts) {
    let mut offer = offer();
    let step = &mut offer.steps[2];
    step.stage = Stage::Apply;
    let model = ModelRef {
        version: version.to_owned(),
        step: step.step.clone(),
        owner: who(Role::Host, "2"),
    };
    step.models = vec![ModelInput {
        port: "model".to_owned(),
        model,
        checkpoint: None,
    }];
    let training = Training {
        version: version.to_owned(),
        cast: offer.cast.clone(),
    };
    let mut facts = Facts {
        trainings: vec![training],
        ..facts()
    };
    facts
        .spoken
        .iter_mut()
        .for_each(|spoken| spoken.trains = false);
    (offer, facts)
}

#[test]
fn a_version_is_applied_with_whom_the_rules_name() {
    let (offer, facts) = applying("20261201");
    for (more, expected) in [
        ("", "allowed"),
        ("[models]\nversions = []", "models.versions"),
        ("[models]\nversions = ['2026*']", "allowed"),
        ("[peer.1]\nmodels = ['2025*']", "peer.models"),
        (
            "[models]\nversions = []\n[peer.1]\nmodels = ['*']\n[peer.3]\nmodels = ['20261201']",
            "allowed",
        ),
    ] {
        assert_eq!(rule(more, &offer, &facts), expected, "{more}");
    }
    // What a job trains itself is no earlier version.
    assert_eq!(
        rule("[models]\nversions = []", &self::offer(), &self::facts()),
        "allowed"
    );
}

fn names(policy: &Policy, offer: &Offer, facts: &Facts) -> Vec<(String, u64, u64)> {
    policy
        .counted(offer, facts)
        .into_iter()
        .map(|one| (one.name, one.count, one.most.most()))
        .collect()
}

#[test]
fn a_day_counts_jobs_trainings_and_uses_of_whoever_asks() {
    let rules = policy(
        "[limits]\njobs_per_day = 9\n[peer.1]\ntrainings_per_day = 2\nmodel_uses_per_day = 3",
    );
    let jobs = |who: &str, most| (format!("jobs of {who}"), 1, most);
    let training = ("trainings of party 1".to_owned(), 1, 2);
    assert_eq!(
        names(&rules, &offer(), &facts()),
        [jobs("party 1", 9), training]
    );
    let (applied, known) = applying("20261201");
    let uses = ("uses of model 20261201 by party 1".to_owned(), 1, 3);
    assert_eq!(names(&rules, &applied, &known), [jobs("party 1", 9), uses]);
    // Two trainings in one job are two; what is taken over is none.
    let mut two = offer();
    two.steps.push(OfferedStep {
        step: StepName::new("lr_1").expect("valid"),
        ..two.steps[2].clone()
    });
    let mut facts_of_two = facts();
    let again = facts().spoken.into_iter().map(|spoken| PlannedMessage {
        step: StepName::new("lr_1").expect("valid"),
        ..spoken
    });
    facts_of_two.spoken.extend(again);
    assert_eq!(names(&rules, &two, &facts_of_two)[1].1, 2);
    two.steps[3].inherited = Some(JobId::new("1").expect("valid"));
    assert_eq!(names(&rules, &two, &facts_of_two)[1].1, 1);
    // Its own users are not counted; the coordinator in its name is.
    let own = Offer {
        initiator: who(Role::Host, "2"),
        ..offer()
    };
    assert_eq!(
        names(
            &rules,
            &own,
            &Facts {
                has_ticket: true,
                ..facts()
            }
        ),
        []
    );
    assert_eq!(names(&rules, &own, &facts())[0], jobs("the coordinator", 9));
}

/// An online prediction as a service asks for it: reader, intersection, and the model on what is common.
fn predicting() -> (Offer, Facts) {
    let (mut offer, facts) = applying("20261201");
    offer.steps[0].tables[0].1 = TableRef::new("fedflow_inference", "one");
    offer.steps[1].inputs = wires("data", "reader_0");
    offer.steps[2].inputs = wires("test_data", "intersection_0");
    (offer, facts)
}

/// The same output for the guest and for this party.
fn wires(port: &str, from: &str) -> Vec<OfferedInput> {
    let from = StepName::new(from).expect("valid");
    let wire = |who| OfferedInput {
        who,
        port: port.to_owned(),
        from_step: from.clone(),
        made_by: from.clone(),
        index: 0,
        of_job: None,
    };
    [who(Role::Guest, "1"), who(Role::Host, "2")]
        .map(wire)
        .into()
}

#[test]
fn online_predictions_are_counted_by_ids_and_as_jobs_of_that_rule() {
    let (offer, facts) = predicting();
    assert!(is_online(&party("2"), &offer, &facts.spoken));
    let online = ("online jobs of party 1".to_owned(), 1, 7);
    assert_eq!(
        names(&policy("[peer.1]\nonline_ids_per_day = 7"), &offer, &facts),
        [online]
    );
    // Who has no rows in it, such as an arbiter, brings no model.
    assert!(is_online(&party("9"), &offer, &[]));
}

#[test]
#[allow(clippy::too_many_lines, reason = "one list of cases")]
fn a_job_is_not_online_by_its_word() {
    let counted = |change: &dyn Fn(&mut Offer, &mut Facts)| {
        let (mut offer, mut facts) = predicting();
        change(&mut offer, &mut facts);
        let online = is_online(&party("2"), &offer, &facts.spoken);
        let names = names(&policy(""), &offer, &facts);
        assert_eq!(online, names[0].0 == "online jobs of party 1", "{names:?}");
        online
    };
    assert!(counted(&|_, _| ()));
    for (what, change) in [
        ("another table of a guest", &|offer, _| {
            offer.steps[0]
                .tables
                .push((who(Role::Guest, "1"), TableRef::new("theirs", "u")));
        }),
        ("no intersection", &|offer, _| drop(offer.steps.remove(1))),
        ("no model", &|offer, _| offer.steps[2].models.clear()),
        ("a model of this job", &|offer, _| {
            offer.steps[2].models[0].model.version = "7".to_owned()
        }),
        ("a model of the asker's alone", &|offer, _| {
            offer.steps[2].models[0].model.owner = who(Role::Guest, "1")
        }),
        ("a training", &|_, facts| {
            facts
                .spoken
                .iter_mut()
                .for_each(|spoken| spoken.trains = true)
        }),
        ("a step that fits", &|offer, _| {
            offer.steps[2].stage = Stage::Fit
        }),
        ("a model that is taken over", &|offer, _| {
            offer.steps[2].inherited = Some(JobId::new("1").expect("valid"))
        }),
        ("the whole table", &|offer, _| {
            offer.steps[2].inputs = wires("test_data", "reader_0")
        }),
        ("the whole table beside", &|offer, _| {
            offer.steps[2].inputs.extend(wires("more", "reader_0"))
        }),
        ("a table in the step itself", &|offer, _| {
            offer.steps[2]
                .tables
                .push((who(Role::Host, "2"), TableRef::new("lab", "t")));
        }),
        ("another job's output", &|offer, _| {
            offer.steps[2]
                .inputs
                .iter_mut()
                .for_each(|input| input.of_job = Some(JobId::new("1").expect("valid")));
        }),
        ("an intersection of others", &|offer, _| {
            offer.steps[1].participants = vec![who(Role::Guest, "1")]
        }),
        (
            "another step that tells rows of the whole table",
            &|offer, facts| {
                let name = StepName::new("lr_1").expect("valid");
                let inputs = wires("test_data", "reader_0");
                offer.steps.push(OfferedStep {
                    step: name.clone(),
                    inputs,
                    ..offer.steps[2].clone()
                });
                facts.spoken.push(PlannedMessage {
                    step: name,
                    ..facts.spoken[1].clone()
                });
            },
        ),
    ] as [(&str, &dyn Fn(&mut Offer, &mut Facts)); 14]
    {
        assert!(!counted(change), "{what}");
    }
    // What prepares the rows and tells nobody anything may stand before the intersection.
    assert!(counted(&|offer, _| {
        let transform = OfferedStep {
            inputs: wires("data", "reader_0"),
            ..step("transform_0", "data_transform")
        };
        offer.steps.insert(1, transform);
        offer.steps[2].inputs = wires("data", "transform_0");
    }));
}

#[test]
fn a_rule_for_a_peer_counts_also_what_somebody_else_starts_for_it() {
    let rules = policy("[peer.1]\njobs_per_day = 5\ntrainings_per_day = 1\nmodel_uses_per_day = 2");
    let by_three = |(offer, facts): (Offer, Facts)| {
        (
            Offer {
                initiator: who(Role::Host, "3"),
                ..offer
            },
            facts,
        )
    };
    let one = |name: &str, most| (name.to_owned(), 1, most);
    let (training, known) = by_three((offer(), facts()));
    let of_three = [one("jobs of party 3", 100), one("trainings of party 3", 20)];
    let of_one = [one("jobs of party 1", 5), one("trainings of party 1", 1)];
    assert_eq!(
        names(&rules, &training, &known),
        [of_three.clone(), of_one].concat()
    );
    let (applied, known) = by_three(applying("20261201"));
    let uses = |who: &str, most| one(&format!("uses of model 20261201 by party {who}"), most);
    let expected = [
        one("jobs of party 3", 100),
        uses("3", 100),
        one("jobs of party 1", 5),
        uses("1", 2),
    ];
    assert_eq!(names(&rules, &applied, &known), expected);
    let (online, known) = by_three(predicting());
    let expected = [
        one("online jobs of party 3", 100),
        one("online jobs of party 1", 100),
    ];
    assert_eq!(names(&rules, &online, &known), expected);
    // The coordinator in this party's own name.
    let own = Offer {
        initiator: who(Role::Host, "2"),
        ..offer()
    };
    assert_eq!(
        names(&rules, &own, &facts())[3],
        one("trainings of party 1", 1)
    );
    // Another host that is told values is one who learns; one that is told ids, and an arbiter, are not.
    let told = |to: Participant, disclosure| {
        let mut known = facts();
        known.spoken[1].to = vec![to];
        known.spoken[1].line.disclosure = disclosure;
        names(&rules, &offer(), &known)
            .into_iter()
            .map(|one| one.0)
            .filter(|name| name.contains('3'))
            .count()
    };
    assert_eq!(
        told(who(Role::Host, "3"), Disclosure::RowValues),
        2,
        "a job and a training"
    );
    assert_eq!(told(who(Role::Host, "3"), Disclosure::BlindedIds), 0);
    assert_eq!(told(who(Role::Arbiter, "3"), Disclosure::Masked), 0);
}

#[test]
fn a_version_is_used_as_often_as_steps_apply_it() {
    let (mut offer, mut facts) = applying("20261201");
    // What applies its part of the version and tells nobody anything is no use more.
    let mut silent = step("transform_0", "data_transform");
    silent.models = offer.steps[2].models.clone();
    offer.steps.insert(1, silent);
    let uses = |offer: &Offer, facts: &Facts| {
        let names = names(&policy(""), offer, facts);
        names
            .into_iter()
            .find(|one| one.0.starts_with("uses"))
            .map_or(0, |one| one.1)
    };
    assert_eq!(uses(&offer, &facts), 1);
    for number in 1..4 {
        let name = StepName::new(format!("lr_{number}")).expect("valid");
        offer.steps.push(OfferedStep {
            step: name.clone(),
            ..offer.steps[3].clone()
        });
        facts.spoken.push(PlannedMessage {
            step: name,
            ..facts.spoken[1].clone()
        });
    }
    assert_eq!(uses(&offer, &facts), 4);
    offer.steps[4].inherited = Some(JobId::new("1").expect("valid"));
    assert_eq!(uses(&offer, &facts), 3);
    facts.spoken.clear();
    assert_eq!(
        uses(&offer, &facts),
        1,
        "an offer that applies it is one use at least"
    );
}

#[test]
fn rules_for_columns_follow_a_table_into_what_jobs_made_of_it() {
    let lab = TableRef::new("lab", "t");
    let judge = |more: &str, made_of: MadeOf| {
        let output = TableRef::new("output_data_7_reader_0_0", "0123");
        let mut offer = offer();
        offer.steps[0].tables[1].1 = output.clone();
        let columns = vec!["salary".to_owned(), "visits".to_owned()];
        let facts = Facts {
            headers: vec![Header {
                table: output,
                columns,
                made_of,
            }],
            ..facts()
        };
        let open = OPEN.replace("['lab.*']", "['*']");
        let policy = Policy::new(
            party("2"),
            toml::from_str::<Rules>(&format!("{open}{more}")).expect("rules"),
        );
        match policy.admit(&offer, &party("1"), &facts) {
            Verdict::Allowed => "allowed",
            Verdict::Refused { rule, .. } => rule,
        }
    };
    let of = |table: &TableRef| MadeOf::Tables(vec![TableRef::new("other", "u"), table.clone()]);
    let rule = "[admission.columns]\n'lab.t' = ['visits']\n";
    let whole = "[admission.columns]\n'lab.t' = ['visits', 'salary']\n";
    for (more, made_of, expected) in [
        (rule, of(&lab), "admission.columns"),
        (whole, of(&lab), "allowed"),
        (rule, of(&TableRef::new("lab", "v")), "allowed"),
        (
            "[peer.3.columns]\n'lab.*' = ['visits']\n",
            of(&lab),
            "peer.columns",
        ),
        // Nobody knows of what: any rule keeps it.
        (whole, MadeOf::Unknown, "admission.columns"),
        (
            "[peer.3.columns]\n'else.*' = []\n",
            MadeOf::Unknown,
            "peer.columns",
        ),
        ("", MadeOf::Unknown, "allowed"),
    ] {
        assert_eq!(judge(more, made_of), expected, "{more}");
    }
}

#[test]
fn what_asks_for_more_vectors_is_named_and_columns_of_tables_are_counted() {
    let judge = |more: &str, change: &dyn Fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        rule(more, &offer(), &facts)
    };
    let asks = |count: Option<u64>| {
        move |facts: &mut Facts| {
            facts.spoken[1].more = vec![MoreVectors {
                parameter: "validation_freqs".to_owned(),
                count,
            }];
        }
    };
    let brings = |columns: u64| {
        move |facts: &mut Facts| {
            let (step, table) = (
                StepName::new("lr_0").expect("valid"),
                TableRef::new("lab", "t"),
            );
            facts.brought = vec![ColumnCount {
                step,
                table,
                columns,
            }];
        }
    };
    assert_eq!(judge("", &asks(Some(1))), "features.vectors_in_training");
    assert_eq!(
        judge("[features]\nvectors_in_training = 2", &asks(Some(2))),
        "allowed"
    );
    assert_eq!(
        judge("[features]\nvectors_in_training = 2", &asks(Some(3))),
        "features.vectors_in_training"
    );
    assert_eq!(
        judge("[features]\nvectors_in_training = 2", &asks(None)),
        "features.vectors_in_training"
    );
    assert_eq!(
        judge("[features]\nvectors_in_training = 'any'", &asks(None)),
        "allowed"
    );
    assert_eq!(
        judge("[features]\nvectors = 0", &|_| ()),
        "features.vectors"
    );
    assert_eq!(
        (judge("", &brings(2)), judge("", &brings(3))),
        ("features.fewest_columns", "allowed")
    );
    assert_eq!(
        judge("[features]\nfewest_columns = 2", &brings(2)),
        "allowed"
    );
    // What stays inside the party gives nothing away.
    let inside = |facts: &mut Facts| facts.spoken[1].to = vec![who(Role::Guest, "2")];
    assert_eq!(judge("[features]\nvectors = 0", &inside), "allowed");
}
