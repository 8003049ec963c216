//! Figures as an oracle: a host that starts evaluations over the guest's labels, and a coordinator that reads whatever it is
//! told. The clinic has the labels; the bank, in league with the coordinator, wants them.

use super::*;
use vocabulary::{Attempt, Metric, Report};

const FEWEST: &str = "disclosure.fewest_rows";
const DAILY: &str = "disclosure.queries_per_day";
/// How many labels are attacked.
const TARGETS: usize = 12;

/// The clinic's policy: it works with the bank, and rows, headers, summaries and model views stay where they are.
fn policy(disclosure: &str) -> String {
    let base = careful(&["9999"], &["experiment.*"])
        .replace("[release]", "independent_arbiter = false\n[release]");
    format!("{base}[disclosure]\n{disclosure}\n")
}

struct Attack<'a> {
    coordinator: &'a Coordinator,
    bank: Agent,
    clinic: Agent,
    /// Ids that both have, with the clinic's labels.
    labels: Vec<(String, usize)>,
    host: Vec<String>,
    training: Job,
}

impl<'a> Attack<'a> {
    /// Both parties with their tables, and a model that says 1 of every row.
    async fn prepare(
        federation: &Federation,
        coordinator: &'a Coordinator,
        disclosure: &str,
    ) -> Self {
        let bank = federation.agent("9999", ALL_MINE);
        let clinic = federation.agent("10000", &policy(disclosure));
        let tables = pair(60);
        clinic.table("experiment", "guest", &tables.guest);
        bank.table("experiment", "host", &tables.host);
        coordinator.joined(&["9999", "10000"]).await;
        let host: Vec<String> = tables.host.lines().map(str::to_owned).collect();
        let is_common = |id: &str| host.iter().any(|line| line.starts_with(&format!("{id},")));
        let label = |line: &str| {
            let mut cells = line.split(',');
            Some((cells.next()?.to_owned(), cells.next()?.parse().ok()?))
        };
        let labels: Vec<(String, usize)> = tables.guest.lines().filter_map(label).collect();
        let labels: Vec<(String, usize)> =
            labels.into_iter().filter(|(id, _)| is_common(id)).collect();
        let mut training = Job::training(&coordinator.catalogue(), ["10000", "9999", "9999"], 2);
        training = training.started_by(&super::host("9999"));
        training.steps.retain(|step| step.component != "evaluation");
        training.step_mut("hetero_lr_0").common["predict_param"] = json!({"threshold": -1.0});
        coordinator.run(&training).await.expect("trained");
        Self {
            coordinator,
            bank,
            clinic,
            labels,
            host,
            training,
        }
    }

    /// The bank chooses rows of the clinic by the ids that it puts in, and has them judged. The number of zeros among their
    /// labels, where figures come.
    async fn zeros(&self, name: &str, rows: &[&(String, usize)]) -> (Job, Option<usize>) {
        let chosen = |line: &&String| {
            rows.iter()
                .any(|(id, _)| line.starts_with(&format!("{id},")))
        };
        let lines: Vec<&str> = self
            .host
            .iter()
            .filter(chosen)
            .map(String::as_str)
            .collect();
        self.bank.table(
            "experiment",
            name,
            &format!("{}\n{}\n", self.host[0], lines.join("\n")),
        );
        let (clinic, bank) = (guest("10000"), super::host("9999"));
        let mut job =
            Job::reading(&self.coordinator.catalogue(), &[clinic, bank.clone()]).started_by(&bank);
        job.step_mut("reader_0").own.push((
            bank,
            json!({"table": {"namespace": "experiment", "name": name}}),
        ));
        let apply =
            Step::new("hetero_lr_0", "hetero_lr").reads_at("test_data", "intersection_0", 0);
        let apply = apply.applies("hetero_lr_0", Some(self.training.id.as_str()));
        let judge = json!({"eval_type": "regression", "metrics": ["mean_absolute_error"]});
        let judge = Step::new("evaluation_0", "evaluation")
            .roles(&[Role::Guest])
            .set(judge)
            .reads("hetero_lr_0");
        let job = job.step(apply).step(judge);
        self.coordinator
            .run(&job)
            .await
            .expect("the job goes on whatever is told of it");
        let zeros = self
            .share(&job)
            .map(|share| (share * rows.len() as f64).round() as usize);
        (job, zeros)
    }

    fn metrics(&self, job: &Job) -> Vec<Metric> {
        self.coordinator
            .metrics_of(&job.task("evaluation_0", &guest("10000")))
    }

    /// The mean error of a model that always says 1.
    fn share(&self, job: &Job) -> Option<f64> {
        self.metrics(job)
            .iter()
            .find_map(|metric| match &metric.data {
                MetricData::Values(values) => values
                    .iter()
                    .find(|(name, _)| name == "mean_absolute_error")
                    .map(|(_, v)| v.get()),
                MetricData::Points(_) => None,
            })
    }

    /// The rule by which the figures of an evaluation are said to be withheld.
    fn withheld(&self, job: &Job) -> Option<String> {
        let metrics = self.metrics(job);
        let note = metrics
            .iter()
            .find(|metric| metric.namespace == "withheld")?;
        Some(note.meta["rule"].as_str().expect("a rule").to_owned())
    }

    /// Asks for each target alone.
    async fn by_single_lines(&self) -> usize {
        let mut right = 0;
        for (at, target) in self.labels.iter().take(TARGETS).enumerate() {
            let (job, zeros) = self.zeros(&format!("single{at}"), &[target]).await;
            match zeros {
                Some(zeros) => right += usize::from(1 - zeros == target.1),
                None => assert_eq!(self.withheld(&job).as_deref(), Some(FEWEST)),
            }
        }
        right
    }

    /// Asks for each target among 19 rows whose labels are known.
    async fn by_padding(&self) -> (usize, Vec<Job>) {
        let (mut right, mut kept) = (0, Vec::new());
        let known: Vec<&(String, usize)> = self.labels.iter().skip(TARGETS).take(19).collect();
        let zeros_known = known.iter().filter(|(_, label)| *label == 0).count();
        for (at, target) in self.labels.iter().take(TARGETS).enumerate() {
            let rows: Vec<&(String, usize)> = known.iter().copied().chain([target]).collect();
            let (job, zeros) = self.zeros(&format!("padded{at}"), &rows).await;
            match zeros {
                Some(zeros) => right += usize::from(zeros - zeros_known == 1 - target.1),
                None => kept.push(job),
            }
        }
        (right, kept)
    }
}

#[tokio::test]
async fn single_lines_give_every_label_away_where_no_rows_are_too_few_and_none_by_default() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let open = "fewest_rows = 1\nqueries_per_day = 'any'";
    let attack = Attack::prepare(&federation, &coordinator, open).await;
    assert_eq!(
        attack.by_single_lines().await,
        TARGETS,
        "the attacker is seen to work"
    );
    // By the default alone, and without a limit of queries, which have been many by now.
    attack
        .clinic
        .set_policy(&policy("queries_per_day = 'any'"))
        .await;
    assert_eq!(attack.by_single_lines().await, 0);
    // Nor of 19 rows; the party's own users read why in the log of the job.
    let rows: Vec<&(String, usize)> = attack.labels.iter().take(19).collect();
    let (job, zeros) = attack.zeros("nineteen", &rows).await;
    assert_eq!(
        (zeros, attack.withheld(&job).as_deref()),
        (None, Some(FEWEST))
    );
    let log = std::process::Command::new("grep")
        .arg("-r")
        .arg(FEWEST)
        .arg(attack.clinic.data().join("logs"))
        .output();
    let log = String::from_utf8(log.expect("grep").stdout).expect("text");
    assert!(
        log.contains(&format!("withheld by rule {FEWEST}")) && log.contains(job.id.as_str()),
        "{log}"
    );
    // Of 20 rows figures come.
    let rows: Vec<&(String, usize)> = attack.labels.iter().take(20).collect();
    assert!(attack.zeros("twenty", &rows).await.1.is_some());
    assert!(attack.clinic.lives());
}

#[tokio::test]
async fn padding_gives_every_label_away_where_queries_have_no_limit() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let attack = Attack::prepare(&federation, &coordinator, "queries_per_day = 'any'").await;
    assert_eq!(
        attack.by_padding().await.0,
        TARGETS,
        "the attacker is seen to work"
    );
}

#[tokio::test]
async fn padding_ends_at_the_days_limit() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let mut attack = Attack::prepare(&federation, &coordinator, "").await;
    let (right, kept) = attack.by_padding().await;
    assert_eq!((right, kept.len()), (10, TARGETS - 10));
    for job in &kept {
        assert_eq!(attack.withheld(job).as_deref(), Some(DAILY));
    }
    // Neither another attempt nor a restart of the agent opens the day again.
    let job = &kept[0];
    for (who, outcome) in coordinator.run_step(job, "evaluation_0", 1).await {
        assert_eq!(outcome, Outcome::Succeeded, "{who}");
    }
    assert_eq!(attack.share(job), None);
    attack.clinic.restart();
    coordinator.joined(&["10000"]).await;
    let rows: Vec<&(String, usize)> = attack.labels.iter().take(30).collect();
    let (job, zeros) = attack.zeros("after", &rows).await;
    assert_eq!(
        (zeros, attack.withheld(&job).as_deref()),
        (None, Some(DAILY))
    );
}

/// A training of 400 rows with all metrics, started by the clinic itself.
async fn curves(federation: &Federation, coordinator: &Coordinator, policy: &str) -> Vec<Metric> {
    let (bank, clinic) = (
        federation.agent("9999", ALL_MINE),
        federation.agent("10000", policy),
    );
    let tables = pair(400);
    clinic.table("experiment", "guest", &tables.guest);
    bank.table("experiment", "host", &tables.host);
    coordinator.joined(&["9999", "10000"]).await;
    let mut job = Job::training(&coordinator.catalogue(), ["10000", "9999", "9999"], 1);
    job = job.started_by(&super::host("9999"));
    job.step_mut("evaluation_0").common = json!({"metrics": [
        "auc", "ks", "lift", "gain", "accuracy", "precision", "recall", "roc", "confusion_mat", "psi", "f1_score",
        "quantile_pr",
    ]});
    coordinator.run(&job).await.expect("it runs");
    coordinator.metrics_of(&job.task("evaluation_0", &guest("10000")))
}

fn longest(metrics: &[Metric]) -> usize {
    metrics
        .iter()
        .map(|metric| metric.data.len())
        .max()
        .unwrap_or_default()
}

#[tokio::test]
async fn curves_have_a_hundred_points_and_no_scores_where_rows_are_closed() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let metrics = curves(&federation, &coordinator, &policy("")).await;
    assert!(metrics.len() > 10, "{metrics:?}");
    for metric in &metrics {
        let meta = serde_json::to_string(&metric.meta).expect("JSON");
        assert!(
            metric.data.len() <= 100 && !meta.contains('['),
            "{} {meta}",
            metric.name
        );
    }
}

#[tokio::test]
async fn curves_are_whole_where_rows_are_open() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let metrics = curves(&federation, &coordinator, ALL_MINE).await;
    let with = metrics
        .iter()
        .filter(|metric| metric.meta.contains_key("thresholds"))
        .count();
    assert!(
        longest(&metrics) > 100 && with > 8,
        "{} {with}",
        longest(&metrics)
    );
}

/// Names that no program uses.
const COLUMNS: [&str; 3] = ["salary_eur", "blood_sugar", "postcode_of_birth"];

/// Everything that the coordinator was told, and what it is answered when it asks.
async fn known(coordinator: &Coordinator, job: &Job) -> String {
    let mut text = format!("{:?}", coordinator.heard());
    let table = json!({"namespace": "experiment", "table_name": "host"});
    let task = |step: &str| json!({"job_id": job.id, "role": "host", "party_id": "10000", "component_name": step});
    for (path, body) in [
        ("/v1/table/table_info", table.clone()),
        ("/v1/table/preview", table),
        ("/v1/tracking/component/output/data/table", task("reader_0")),
        ("/v1/tracking/component/output/data", task("reader_0")),
        ("/v1/job/log/download", task("reader_0")),
        ("/v1/model/load", json!({"job_id": job.id})),
    ] {
        text += &coordinator
            .http("10000", "POST", path, &body)
            .await
            .1
            .to_string();
    }
    text
}

/// A job over the clinic's table, and one that fails over one of its columns.
async fn read_and_fail(coordinator: &Coordinator, clinic: &Agent) -> String {
    let rows = |bad: &str| {
        let row = |row: usize| {
            format!(
                "id{row},{row}.5,{},7\n",
                if row == 40 { bad } else { "1.25" }
            )
        };
        format!(
            "id,{}\n{}",
            COLUMNS.join(","),
            (0..60).map(row).collect::<String>()
        )
    };
    clinic.table("experiment", "host", &rows("1.5"));
    let job = Job::reading(
        &coordinator.catalogue(),
        &[guest("9999"), super::host("10000")],
    );
    coordinator.run(&job).await.expect("it runs");
    let mut text = known(coordinator, &job).await;
    clinic.table("experiment", "host", &rows("sugar"));
    let job = job.anew();
    let fault = coordinator
        .run(&job)
        .await
        .expect_err("a text is not a number");
    assert_eq!(fault.party, Some(party("10000")), "{fault}");
    text += &known(coordinator, &job).await;
    text
}

#[tokio::test]
async fn no_name_of_a_column_reaches_the_coordinator_where_headers_are_closed() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    // Summaries and views of models are open, so that only the rule for headers stands between.
    clinic
        .set_policy(&policy("summaries = true\nmodel_views = true"))
        .await;
    let text = read_and_fail(&coordinator, &clinic).await;
    for column in COLUMNS {
        assert!(!text.contains(column), "{column}: {text}");
    }
    assert!(
        text.contains("reader_name"),
        "how many rows there are is told"
    );
    clinic.set_policy(ALL_MINE).await;
    let text = read_and_fail(&coordinator, &clinic).await;
    for column in COLUMNS {
        assert!(text.contains(column), "the search is seen to find {column}");
    }
}

#[tokio::test]
async fn an_attempt_that_is_told_twice_is_one_answer() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let attack = Attack::prepare(&federation, &coordinator, "queries_per_day = 1").await;
    let rows: Vec<&(String, usize)> = attack.labels.iter().take(30).collect();
    let (job, zeros) = attack.zeros("first", &rows).await;
    assert!(zeros.is_some());
    let again = coordinator.run_step(&job, "evaluation_0", 1).await;
    assert!(
        again
            .iter()
            .all(|(_, outcome)| *outcome == Outcome::Succeeded)
    );
    let of_second = |report: &Report| report.attempt == Attempt(1);
    let reports = coordinator.reports_of(&job.task("evaluation_0", &guest("10000")));
    let second: Vec<Report> = reports.into_iter().filter(of_second).collect();
    let text = format!("{second:?}");
    assert!(
        text.contains(DAILY) && !text.contains("mean_absolute_error"),
        "{text}"
    );
}

#[tokio::test]
async fn an_arbiter_tells_the_loss_of_enough_rows_although_it_reads_none() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, _clinic) = two(&federation, &coordinator).await;
    let peers = careful(&["9999", "10000"], &[]);
    let court = federation.agent("10001", &peers);
    coordinator.joined(&["9999", "10000", "10001"]).await;
    let job = Job::training(&coordinator.catalogue(), ["9999", "10000", "10001"], 2);
    let losses = |job: &Job| {
        let metrics = coordinator.metrics_of(&job.task("hetero_lr_0", &arbiter("10001")));
        let is_loss = |metric: &&Metric| metric.name == "loss" && !metric.data.is_empty();
        metrics.iter().filter(is_loss).count()
    };
    coordinator.run(&job).await.expect("it runs");
    assert_eq!(losses(&job), 2);
    court
        .set_policy(&format!("{peers}[disclosure]\nfewest_rows = 100\n"))
        .await;
    let job = job.anew();
    coordinator.run(&job).await.expect("it runs");
    assert_eq!(losses(&job), 0, "by the guest's word there are fewer");
}

#[tokio::test]
async fn each_validated_epoch_is_a_query_since_a_host_chooses_the_scores() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let bank = federation.agent("9999", ALL_MINE);
    let clinic = federation.agent("10000", &policy(""));
    let tables = pair(60);
    clinic.table("experiment", "guest", &tables.guest);
    bank.table("experiment", "host", &tables.host);
    coordinator.joined(&["9999", "10000"]).await;
    let mut job = Job::training(&coordinator.catalogue(), ["10000", "9999", "9999"], 14);
    job = job.started_by(&super::host("9999"));
    job.steps.retain(|step| step.component != "evaluation");
    let validated = json!({"callbacks": ["PerformanceEvaluate"], "validation_freqs": 1, "metrics": ["auc", "ks"]});
    job.step_mut("hetero_lr_0").common["callback_param"] = validated;
    let task = |job: &Job| job.task("hetero_lr_0", &guest("10000"));
    // Epochs of which a figure or a curve was told.
    let epochs = |job: &Job| {
        let metrics = coordinator.metrics_of(&task(job));
        let epoch = |metric: Metric| {
            metric
                .name
                .strip_prefix("iteration_")?
                .split('_')
                .next()
                .map(str::to_owned)
        };
        metrics
            .into_iter()
            .filter_map(epoch)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    coordinator.run(&job).await.expect("the training goes on");
    assert_eq!(epochs(&job), 10);
    let notes = format!("{:?}", coordinator.metrics_of(&task(&job)));
    assert!(
        notes.contains(&format!("withheld by rule {DAILY}")),
        "{notes}"
    );
    // Nor does another training that day tell anything.
    let again = job.anew();
    coordinator.run(&again).await.expect("it runs");
    assert_eq!(epochs(&again), 0);
    clinic.set_policy(&policy("queries_per_day = 'any'")).await;
    let open = job.anew();
    coordinator.run(&open).await.expect("it runs");
    assert_eq!(epochs(&open), 14, "the attacker is seen to work");
}
