//! The checklist of local_learner.

use component_kit::harness::{Federation, checks};
use serde_json::{Value, json};
use tables::Table;
use vocabulary::{ErrorCode, Fault, Tells};

use super::LocalLearner;

const CANARY: f64 = 31_337.424_2;

/// Rows whose label is twice the first column, with a row that must not get out.
fn rows() -> Table {
    let mut lines: Vec<String> = (0..30)
        .map(|n| format!("{},{n},{}", 2 * n, n % 3))
        .collect();
    lines.push(format!("{},{CANARY},1", 2.0 * CANARY));
    Table::of_lines(lines).expect("a table")
}

fn tree() -> Value {
    json!({"model_type": "DecisionTreeRegression", "learner": "{u'maxDepth': 10}"})
}

fn federation(hosts: usize) -> Federation {
    let federation = Federation::new(hosts, false).parameters(tree());
    federation
        .participants()
        .iter()
        .fold(federation, |federation, who| {
            federation.input(who, "train_data", rows())
        })
}

fn applying(parameters: Value, lines: &[&str]) -> Federation {
    let federation = Federation::new(0, false).parameters(parameters);
    let guest = federation.guest();
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    federation.input(
        &guest,
        "test_data",
        Table::of_lines(lines).expect("a table"),
    )
}

async fn refused(parameters: Value) -> Fault {
    let federation = Federation::new(0, false).parameters(parameters);
    let guest = federation.guest();
    federation
        .input(&guest, "train_data", rows())
        .run::<LocalLearner>()
        .await
        .fault()
        .expect("refused")
}

component_kit::checklist!(local LocalLearner, federation(1),
    refuses: [(json!({"format": "xml"}), "format")],
    canaries: ["31337.4242"], [CANARY],
    applying: applying(json!({}), &["7,1"]),
    work: federation(1), least: 60);

#[tokio::test]
async fn the_model_view_of_a_tree_holds_no_row() {
    let played = federation(1).run::<LocalLearner>().await.all_succeeded();
    for part in played.parts.values() {
        let told = format!(
            "{:?} {:?} {:?} {:?}",
            part.metrics, part.summary, part.model_view, part.log
        );
        assert!(!told.contains("31337"), "{told}");
    }
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let parameters =
        json!({"model_type": "LinearRegression", "learner": "{'numIterations': 1, 'step': 0.001}"});
    let federation = Federation::new(0, false).parameters(parameters);
    let guest = federation.guest();
    let lines = Table::of_lines(vec!["1,2,0".into(), "3,4,1".into()]).expect("a table");
    let trained = federation
        .input(&guest, "train_data", lines)
        .run::<LocalLearner>()
        .await
        .all_succeeded();
    // one turn from zero: the mean of label times row, times the step
    let weights = [0.001 * (2.0 + 12.0) / 2.0, 0.001 * 3.0 / 2.0];
    let later = applying(json!({"print": true}), &["10,100"]).applying(&trained);
    let applied = later.run::<LocalLearner>().await.all_succeeded();
    let said: f64 = applied.part(&guest).output().lines().expect("lines")[0]
        .parse()
        .expect("a number");
    assert!(
        (said - (10.0 * weights[0] + 100.0 * weights[1])).abs() < 1e-12,
        "{said}"
    );
    let printed = &applied.part(&guest).summary.as_ref().expect("a summary")["printed"];
    assert_eq!(printed, &json!(format!("{said}\n")));
}

#[tokio::test]
async fn works_with_two_hosts() {
    let played = federation(2).run::<LocalLearner>().await.all_succeeded();
    assert!(played.parts.values().all(|part| part.model.is_some()));
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    let trained = federation(1).run::<LocalLearner>().await.all_succeeded();
    // other parameters: the model knows better. A row with its label is predicted as one without.
    let later = applying(
        json!({"model_type": "KMeans", "format": "text"}),
        &["7,1", "14,7,1"],
    )
    .applying(&trained);
    let applied = later.run::<LocalLearner>().await.all_succeeded();
    let part = applied.part(&later.guest());
    assert_eq!(part.output().lines().expect("lines"), ["14.0", "14.0"]);
    assert_eq!(
        part.output().schema().display_header(),
        ["id", "predict_result"]
    );
    assert!(part.summary.is_none());
    let figures = applying(json!({"evaluate": true}), &["14,7,1", "0,0,0"]).applying(&trained);
    let judged = figures.run::<LocalLearner>().await.all_succeeded();
    let told = judged.part(&figures.guest());
    let printed = told.summary.as_ref().expect("a summary")["printed"]
        .as_str()
        .expect("text");
    assert_eq!(
        printed,
        "{'Matrix': [[1.0, 0.0], [0.0, 1.0]], 'Precision': 1.0, 'Recall': 1.0, 'F1 Score': 1.0}\n"
    );
    assert_eq!(told.metrics[0].name, "figures");
    let wrong = applying(json!({}), &["1,2,3,4"])
        .applying(&trained)
        .run::<LocalLearner>()
        .await;
    assert_eq!(
        wrong.fault().expect("too wide").code,
        ErrorCode::DataMismatch
    );
}

/// The evaluation of a constant label: what is not defined is left out of the metric and named in the log; it is printed.
#[tokio::test]
async fn an_undefined_figure_is_left_out_and_said() {
    let parameters = json!({"model_type": "LinearRegression"});
    let federation = Federation::new(0, false).parameters(parameters);
    let guest = federation.guest();
    let lines =
        || Table::of_lines(vec!["5,1".into(), "5,2".into(), "5,3".into()]).expect("a table");
    let trained = federation
        .input(&guest, "train_data", lines())
        .run::<LocalLearner>()
        .await
        .all_succeeded();
    let later = applying(json!({"evaluate": true}), &["5,1", "5,2", "5,3"]).applying(&trained);
    let judged = later.run::<LocalLearner>().await.all_succeeded();
    let told = judged.part(&guest);
    let figures = told
        .metrics
        .iter()
        .find(|metric| metric.name == "figures")
        .expect("figures");
    assert!(!figures.data.is_empty(), "the defined ones are told");
    let line = told
        .log
        .iter()
        .find(|line| line.contains("not a finite number"))
        .expect("a line in the log");
    assert!(line.contains("metric validate figures"), "{line}");
    assert!(told.summary.is_some(), "and all are printed");
}

#[tokio::test]
async fn prints_frequent_sets() {
    let federation =
        Federation::new(0, false).parameters(json!({"model_type": "FPGrowth", "format": "text"}));
    let guest = federation.guest();
    let lines = Table::of_lines(vec!["a b".into(), "a".into()]).expect("a table");
    let federation = federation.input(&guest, "train_data", lines);
    let trained = federation.run::<LocalLearner>().await.all_succeeded();
    let printed = &trained.part(&guest).summary.as_ref().expect("a summary")["printed"];
    assert_eq!(printed, &json!("['a']:2\n['b']:1\n['a', 'b']:1\n"));
    let kept = federation
        .keeping(Tells::Rows)
        .run::<LocalLearner>()
        .await
        .all_succeeded();
    assert!(
        !kept
            .part(&guest)
            .summary
            .as_ref()
            .expect("a summary")
            .to_string()
            .contains("'a'")
    );
    let later = applying(json!({}), &["a"])
        .applying(&trained)
        .run::<LocalLearner>()
        .await;
    assert_eq!(
        later.fault().expect("nothing was kept").code,
        ErrorCode::Unsupported
    );
}

#[tokio::test]
async fn refuses_bad_parameters() {
    for (parameters, code, path) in [
        (
            json!({"model_type": "NoSuchType"}),
            ErrorCode::Unsupported,
            "model_type",
        ),
        (
            json!({"format": "xml"}),
            ErrorCode::ParameterInvalid,
            "format",
        ),
        (
            json!({"learner": "[1"}),
            ErrorCode::ParameterInvalid,
            "learner",
        ),
        (
            json!({"learner": "{'numIterations': 0}"}),
            ErrorCode::ParameterInvalid,
            "learner.numIterations",
        ),
        (
            json!({"model_type": "Word2Vec"}),
            ErrorCode::Unsupported,
            "model_type",
        ),
    ] {
        let fault = refused(parameters).await;
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (code, Some(path)),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn stops_in_the_middle_of_predicting_and_judging() {
    let trained = federation(0).run::<LocalLearner>().await.all_succeeded();
    let lines = vec!["14,7,1"; 500];
    for parameters in [json!({}), json!({"evaluate": true})] {
        let later = applying(parameters, &lines).applying(&trained);
        checks::stops_in_the_middle_of_work::<LocalLearner>(&later, 100).await;
    }
}
