//! Ids as an oracle, and rules for single peers: the bank, in league with the coordinator, wants to know who is in the clinic's
//! table, and what it was not meant to have.

use ::audit::{AuditEntry, AuditRecord};

use super::*;

const COMMON: &str = "intersection.fewest_common";
const DAILY: &str = "intersection.new_ids_per_day";

/// The clinic's policy: it works with the bank.
fn policy(more: &str) -> String {
    careful(&["9999", "10001"], &["experiment.*"]).replace(fedflow_tests::hostile::SMALL_TABLES, "")
        + more
}

struct Attack<'a> {
    coordinator: &'a Coordinator,
    bank: Agent,
    clinic: Agent,
    lines: Vec<String>,
}

impl<'a> Attack<'a> {
    async fn prepare(federation: &Federation, coordinator: &'a Coordinator, rules: &str) -> Self {
        let (bank, clinic) = (
            federation.agent("9999", ALL_MINE),
            federation.agent("10000", &policy(rules)),
        );
        let host = pair(400).host;
        clinic.table("experiment", "host", &host);
        coordinator.joined(&["9999", "10000"]).await;
        Self {
            coordinator,
            bank,
            clinic,
            lines: host.lines().map(str::to_owned).collect(),
        }
    }

    /// So many ids of the clinic, from the first one on, and these beside.
    async fn meet(
        &self,
        name: &str,
        known: std::ops::Range<usize>,
        others: &[&str],
    ) -> (Job, Option<Vec<Outcome>>) {
        let ids = self
            .lines
            .iter()
            .skip(1)
            .skip(known.start)
            .take(known.len())
            .filter_map(|line| line.split(',').next());
        let rows: String = ids
            .chain(others.iter().copied())
            .map(|id| format!("{id},1,0.5\n"))
            .collect();
        self.bank
            .table("experiment", name, &format!("id,y,x0\n{rows}"));
        let mut job = Job::reading(
            &self.coordinator.catalogue(),
            &[guest("9999"), host("10000")],
        );
        let table = json!({"table": {"namespace": "experiment", "name": name}});
        job.step_mut("reader_0").own.push((guest("9999"), table));
        if self.coordinator.agree(&job).await.is_err() {
            return (job, None);
        }
        for step in ["reader_0", "data_transform_0"] {
            self.coordinator.run_step(&job, step, 0).await;
        }
        let ends = watched(
            self.coordinator,
            &job,
            ("intersection_0", 0),
            &host("10000"),
        )
        .await;
        (
            job,
            Some(ends.into_iter().map(|(_, outcome)| outcome).collect()),
        )
    }

    /// How many rows each side was left.
    fn found(&self, job: &Job) -> Vec<u64> {
        let of = |who| {
            self.coordinator
                .outputs_of(&job.task("intersection_0", &who))
        };
        [of(guest("9999")), of(host("10000"))]
            .into_iter()
            .flatten()
            .map(|table| table.rows)
            .collect()
    }
}

/// The rule at the clinic, and that both sides failed.
fn refused(ends: &[Outcome]) -> Vec<String> {
    let path = |end: &Outcome| match end {
        Outcome::Failed(fault) => fault.path.clone().unwrap_or_default(),
        Outcome::Succeeded => "Succeeded".to_owned(),
        other => format!("{other:?}"),
    };
    ends.iter().map(path).collect()
}

#[tokio::test]
async fn one_id_is_asked_for_alone_where_the_rule_is_off_and_few_are_withheld_from_both_by_default()
{
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let attack = Attack::prepare(
        &federation,
        &coordinator,
        "[intersection]\nfewest_ids = 1\nfewest_common = 1\n",
    )
    .await;
    let (job, ends) = attack.meet("alone", 0..1, &[]).await;
    assert_eq!(
        (ends, attack.found(&job)),
        (Some(vec![Outcome::Succeeded; 2]), vec![1, 1]),
        "the attacker is seen to work"
    );

    attack.clinic.set_policy(&policy("")).await;
    // Too few ids, few common ones among many, and one fewer than the rule.
    for (name, known, padding, rule) in [
        ("one", 0..1, 0, "intersection.fewest_ids"),
        ("few", 0..30, 200, COMMON),
        ("most", 0..99, 1, COMMON),
    ] {
        let padding: Vec<String> = (0..padding).map(|id| format!("nobody{id}")).collect();
        let padding: Vec<&str> = padding.iter().map(String::as_str).collect();
        let (job, ends) = attack.meet(name, known, &padding).await;
        let refused = refused(&ends.expect("agreed"));
        assert!(
            refused.iter().any(|path| path == rule),
            "{name}: {refused:?}"
        );
        assert!(
            refused.iter().all(|path| path != "Succeeded"),
            "{name}: {refused:?}"
        );
        assert_eq!(attack.found(&job), Vec::<u64>::new(), "{name}");
        // The clinic gave nothing back by which the bank could find out.
        let doubled = |record: &AuditRecord| match &record.entry {
            AuditEntry::Message(entry) => {
                entry.message == "doubled_points" && entry.of.task.job == job.id
            }
            _ => false,
        };
        assert!(!attack.clinic.audit().iter().any(doubled), "{name}");
    }
    let (job, ends) = attack.meet("enough", 0..100, &[]).await;
    assert_eq!(
        (ends, attack.found(&job)),
        (Some(vec![Outcome::Succeeded; 2]), vec![100, 100])
    );
    assert!(attack.clinic.lives());
}

/// Asks for each target among ids that are known to be there; gives how many answers came.
async fn padded(attack: &Attack<'_>, targets: usize) -> (usize, Vec<String>) {
    let (mut answers, mut rules) = (0, Vec::new());
    for at in 0..targets {
        // Every other one is nobody.
        let nobody = format!("nobody{at}");
        let target = match at % 2 {
            0 => attack.lines[200 + at].split(',').next().expect("an id"),
            _ => nobody.as_str(),
        };
        // Five common ids are told, four are not.
        let (job, ends) = attack.meet(&format!("padded{at}"), 0..4, &[target]).await;
        let refused = refused(&ends.expect("agreed"));
        if refused.iter().any(|path| path == DAILY) {
            rules.push(DAILY.to_owned());
            continue;
        }
        assert_eq!(
            attack.found(&job).is_empty(),
            at % 2 == 1,
            "the answer is right: {refused:?}"
        );
        answers += 1;
    }
    (answers, rules)
}

#[tokio::test]
async fn padding_asks_for_one_id_after_the_other_where_new_ids_have_no_limit() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let rules = "[intersection]\nfewest_ids = 5\nfewest_common = 5\nnew_ids_per_day = 'any'\n";
    let attack = Attack::prepare(&federation, &coordinator, rules).await;
    assert_eq!(
        padded(&attack, 8).await,
        (8, vec![]),
        "the attacker is seen to work"
    );
}

#[tokio::test]
async fn padding_ends_at_the_days_limit_also_behind_a_restart() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let rules = "[intersection]\nfewest_ids = 5\nfewest_common = 5\nnew_ids_per_day = 9\n";
    let mut attack = Attack::prepare(&federation, &coordinator, rules).await;
    // The first finds five new ids, each further one costs one; the last that fits must leave space for five.
    let (answers, rules) = padded(&attack, 6).await;
    assert!(
        (1..=3).contains(&answers) && answers + rules.len() == 6,
        "{answers} {rules:?}"
    );
    attack.clinic.restart();
    coordinator.joined(&["10000"]).await;
    let (_, ends) = attack.meet("after", 0..5, &[]).await;
    assert!(
        refused(&ends.expect("agreed"))
            .iter()
            .any(|path| path == DAILY)
    );
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "one list of rules and what they refuse"
)]
async fn a_peer_has_rules_of_its_own_for_tables_columns_and_components() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let small = "[intersection]\nfewest_ids = 1\nfewest_common = 1\n";
    let attack = Attack::prepare(&federation, &coordinator, small).await;
    let (_, ends) = attack.meet("all", 0..10, &[]).await;
    assert_eq!(
        ends,
        Some(vec![Outcome::Succeeded; 2]),
        "without rules of its own the general ones count"
    );
    let ask = async |own: &str| {
        attack
            .clinic
            .set_policy(&policy(&format!("{small}{own}")))
            .await;
        let job = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
        attack.bank.table("experiment", "guest", &pair(60).guest);
        coordinator
            .agree(&job)
            .await
            .err()
            .map(|fault| (fault.path.unwrap_or_default(), fault.message))
    };
    for (own, rule) in [
        ("[peer.9999]\ntables = ['other.*']\n", Some("peer.tables")),
        (
            "[peer.9999]\ncomponents = ['reader', 'data_transform']\n",
            Some("peer.components"),
        ),
        (
            "[peer.9999.columns]\n'experiment.host' = ['x0', 'x1']\n",
            Some("peer.columns"),
        ),
        ("[peer.9999]\nuntil = '2026-01-01'\n", Some("peer.until")),
        ("[peer.9999]\nhours = []\n", Some("peer.hours")),
        (
            "[peer.9999]\njobs_per_day = 0\n",
            Some("limits.jobs_per_day"),
        ),
        ("[peer.9999.columns]\n'experiment.host' = ['x*']\n", None),
        // Another peer's rules are not the bank's.
        (
            "[peer.10001]\ntables = []\ncomponents = []\nhours = []\n",
            None,
        ),
    ] {
        let answer = ask(own).await;
        assert_eq!(
            answer.as_ref().map(|(rule, _)| rule.as_str()),
            rule,
            "{own}"
        );
        // Nobody hears the names of columns that are kept.
        assert!(answer.is_none_or(|(_, text)| !text.contains("x2")), "{own}");
    }
    // A table that gets another column after it was agreed on is not read.
    attack
        .clinic
        .set_policy(&policy(&format!(
            "{small}[peer.9999.columns]\n'experiment.host' = ['x*']\n"
        )))
        .await;
    let job = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    coordinator.agree(&job).await.expect("agreed");
    let wider: String = attack
        .lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("{line},{}\n", if at == 0 { "salary" } else { "1" }))
        .collect();
    attack.clinic.table("experiment", "host", &wider);
    let ends = coordinator.run_step(&job, "reader_0", 0).await;
    let of_clinic = ends
        .into_iter()
        .find(|(who, _)| who.role == Role::Host)
        .expect("the clinic")
        .1;
    let Outcome::Failed(fault) = of_clinic else {
        panic!("{of_clinic:?}")
    };
    assert!(
        fault.path.as_deref() == Some("peer.columns") && !fault.to_string().contains("salary"),
        "{fault}"
    );
}

#[tokio::test]
async fn jobs_and_trainings_of_a_day_end_also_behind_a_restart() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let small = "[intersection]\nfewest_ids = 1\nfewest_common = 1\n";
    let limits = format!("{small}[limits]\njobs_per_day = 3\ntrainings_per_day = 1\n");
    let mut attack = Attack::prepare(&federation, &coordinator, &limits).await;
    attack
        .clinic
        .set_policy(&policy(&limits).replace("[release]", "independent_arbiter = false\n[release]"))
        .await;
    attack.bank.table("experiment", "guest", &pair(60).guest);
    let training = Job::training(&coordinator.catalogue(), ["9999", "10000", "9999"], 1);
    let reading = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    let rule = async |job: &Job| {
        coordinator
            .agree(job)
            .await
            .err()
            .map(|fault| fault.path.unwrap_or_default())
    };
    let first = training.anew();
    assert_eq!(rule(&first).await, None);
    assert_eq!(
        rule(&first).await,
        None,
        "the same offer again is the same job"
    );
    assert_eq!(
        rule(&training.anew()).await.as_deref(),
        Some("limits.trainings_per_day")
    );
    assert_eq!(
        (rule(&reading.anew()).await, rule(&reading.anew()).await),
        (None, None)
    );
    assert_eq!(
        rule(&reading.anew()).await.as_deref(),
        Some("limits.jobs_per_day")
    );
    attack.clinic.restart();
    coordinator.joined(&["10000"]).await;
    assert_eq!(
        rule(&reading.anew()).await.as_deref(),
        Some("limits.jobs_per_day")
    );
}

#[tokio::test]
async fn who_says_that_it_predicts_online_is_held_to_ids_a_day() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let online = |ids: &str| format!("[limits]\nonline_ids_per_day = {ids}\n");
    let policy = |ids: &str| policy(&online(ids)).replace("[release]", "models = ['7']\n[release]");
    let attack = Attack::prepare(&federation, &coordinator, &online("'any'")).await;
    attack.clinic.set_policy(&policy("'any'")).await;
    let ask = async |name: &str, ids: &[usize]| {
        let id = |at: &usize| attack.lines[*at].split(',').next().expect("an id");
        let rows: String = ids.iter().map(|at| format!("{},1,0.5\n", id(at))).collect();
        attack
            .bank
            .table("fedflow_inference", name, &format!("id,y,x0\n{rows}"));
        let mut job = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
        let table = json!({"table": {"namespace": "fedflow_inference", "name": name}});
        job.step_mut("reader_0").own.push((guest("9999"), table));
        // Only what applies a model to what is common is a prediction.
        let apply =
            Step::new("hetero_lr_0", "hetero_lr").reads_at("test_data", "intersection_0", 0);
        let job = job.step(apply.applies("hetero_lr_0", Some("7")));
        coordinator.agree(&job).await.expect("agreed");
        for step in ["reader_0", "data_transform_0"] {
            coordinator.run_step(&job, step, 0).await;
        }
        let ends = watched(&coordinator, &job, ("intersection_0", 0), &host("10000")).await;
        let ends: Vec<Outcome> = ends.into_iter().map(|(_, outcome)| outcome).collect();
        refused(&ends)
    };
    for at in 0..4 {
        let ends = ask(&format!("any{at}"), &[1 + at]).await;
        assert!(
            ends.iter().all(|end| end == "Succeeded"),
            "the attacker is seen to work: {ends:?}"
        );
    }
    attack.clinic.set_policy(&policy("8")).await;
    let rule = "limits.online_ids_per_day";
    assert!(
        ask("seven", &[1, 2, 5, 6, 7, 8, 9])
            .await
            .iter()
            .all(|end| end == "Succeeded")
    );
    assert!(ask("more", &[3, 4]).await.iter().any(|end| end == rule));
    assert!(ask("one", &[3]).await.iter().all(|end| end == "Succeeded"));
    assert!(ask("none", &[4]).await.iter().any(|end| end == rule));
}

#[tokio::test]
async fn a_guest_is_asked_for_its_ids_by_a_host_as_little() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let small = "[intersection]\nfewest_ids = 5\nfewest_common = 5\nnew_ids_per_day = 8\n";
    let (bank, clinic) = (
        federation.agent("9999", ALL_MINE),
        federation.agent("10000", &policy(small)),
    );
    let people = pair(60).guest;
    clinic.table("experiment", "guest", &people);
    coordinator.joined(&["9999", "10000"]).await;
    let ids: Vec<&str> = people
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    let ask = async |name: &str, known: &[&str]| {
        // Whom the clinic does not have is put in, so that nobody sees how few are asked for.
        let padding = (0..20).map(|at| format!("nobody{at}"));
        let rows: String = known
            .iter()
            .map(|id| (*id).to_owned())
            .chain(padding)
            .map(|id| format!("{id},1,2,3\n"))
            .collect();
        bank.table("experiment", name, &format!("id,x0,x1,x2\n{rows}"));
        let mut job = Job::reading(&coordinator.catalogue(), &[guest("10000"), host("9999")])
            .started_by(&host("9999"));
        let table = json!({"table": {"namespace": "experiment", "name": name}});
        job.step_mut("reader_0").own.push((host("9999"), table));
        coordinator.agree(&job).await.expect("agreed");
        for step in ["reader_0", "data_transform_0"] {
            coordinator.run_step(&job, step, 0).await;
        }
        let ends = watched(&coordinator, &job, ("intersection_0", 0), &guest("10000")).await;
        let found = coordinator
            .outputs_of(&job.task("intersection_0", &host("9999")))
            .len();
        (
            refused(
                &ends
                    .into_iter()
                    .map(|(_, outcome)| outcome)
                    .collect::<Vec<_>>(),
            ),
            found,
        )
    };
    assert_eq!(
        ask("six", &ids[..6]).await,
        (vec!["Succeeded".to_owned(); 2], 1),
        "the attacker is seen to work"
    );
    let (ends, found) = ask("four", &ids[..4]).await;
    assert!(ends[0] == COMMON && found == 0, "{ends:?}");
    // Six new ids and a withheld answer: one is left of the day, and five that are known cost it.
    let (ends, found) = ask("known", &ids[..5]).await;
    assert!(ends[0] == "Succeeded" && found == 1, "{ends:?}");
    let (ends, found) = ask("new", &ids[10..15]).await;
    assert!(ends[0] == DAILY && found == 0, "{ends:?}");
}
