//! Every kind: learned, written, read again, applied and judged.

use super::*;

const GO_ON: Watch<'static> = Watch(&|| false);
const DIAGONAL: &str =
    "{'Matrix': [[20.0, 0.0], [0.0, 20.0]], 'Precision': 1.0, 'Recall': 1.0, 'F1 Score': 1.0}";

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn train(kind: Kind, format: Format, params: &str, lines: &[String]) -> Result<Trained> {
    Model::train(kind, format, &Params::read(params)?, lines, GO_ON)
}

/// What was learned, after it went through bytes.
fn kept(kind: Kind, format: Format, params: &str, lines: &[String]) -> Model {
    let bytes =
        rmp_serde::to_vec_named(&train(kind, format, params, lines).unwrap().model).unwrap();
    rmp_serde::from_slice(&bytes).unwrap()
}

/// The number of a printed prediction.
fn number(model: &Model, line: &str) -> f64 {
    model.predict(line).unwrap().parse().unwrap()
}

/// Rows whose label is three times the first column less the second one.
fn plane() -> Vec<String> {
    (0..40)
        .map(|n| format!("{},{},{}", 3 * n - n % 7, n, n % 7))
        .collect()
}

/// Rows of two classes around -5 and 5, as csv or libsvm.
fn two_classes(format: Format) -> Vec<String> {
    let row = |n: i32| {
        let (label, centre) = if n % 2 == 0 { (0, -5) } else { (1, 5) };
        let (a, b) = (centre + n % 3, centre - n % 4);
        match format {
            Format::Libsvm => format!("{label} 1:{a} 2:{b}"),
            _ => format!("{label},{a},{b}"),
        }
    };
    (0..40).map(row).collect()
}

/// How often whoever asked was asked whether he still wants it, and what became of it; he does not from question `most` on.
fn asked<T>(most: usize, work: impl FnOnce(Watch<'_>) -> Result<T>) -> (usize, Option<LearnError>) {
    let count = std::cell::Cell::new(0);
    let stopped = || count.replace(count.get() + 1) >= most;
    let error = work(Watch(&stopped)).err();
    (count.get(), error)
}

#[test]
fn every_kind_stops_wherever_it_is_told_to() {
    for kind in Kind::ALL {
        let (format, rows) = match kind {
            Kind::Word2Vec | Kind::FPGrowth => (Format::Text, vec!["a b a b".to_owned(); 20]),
            _ => (
                Format::Csv,
                (0..40)
                    .map(|n| format!("{},{},{}", n % 2, n % 5, n % 3))
                    .collect(),
            ),
        };
        let params = Params::read("{'mode': 'k-means||'}").unwrap();
        let train = |watch: Watch<'_>| Model::train(kind, format, &params, &rows, watch);
        let (all, error) = asked(usize::MAX, train);
        assert!(error.is_none() && all >= 2, "{kind:?}: {all} {error:?}");
        for most in (0..all).step_by(all.div_ceil(20)) {
            assert_eq!(
                asked(most, train),
                (most + 1, Some(LearnError::Stopped)),
                "{kind:?} goes on"
            );
        }
        let model = train(GO_ON).unwrap().model;
        for (all, apply) in [(true, false), (false, true)] {
            let work = |watch: Watch<'_>| match apply {
                true => model.predict_all(&rows, watch).map(|_| ()),
                false => model.evaluate(&rows, watch).map(|_| ()),
            };
            let (questions, error) = asked(usize::MAX, work);
            if error.is_none() {
                assert!(questions > 0, "{kind:?} {all}");
                let middle = questions / 2;
                assert_eq!(
                    asked(middle, work),
                    (middle + 1, Some(LearnError::Stopped)),
                    "{kind:?} {all}"
                );
            }
        }
    }
}

#[test]
fn linear_models_follow_the_plain_descent() {
    let params = "{'numIterations': 300, 'step': 0.001, 'convergenceTol': 0.0}";
    for (kind, penalty) in [(Kind::LinearRegression, 0.0), (Kind::RidgeRegression, 0.01)] {
        let model = kept(kind, Format::Csv, params, &plane());
        let mut weights = [0.0, 0.0];
        for turn in 1..=300 {
            let mut gradient = [0.0, 0.0];
            for n in 0..40 {
                let row = [f64::from(n), f64::from(n % 7)];
                let error = weights[0] * row[0] + weights[1] * row[1] - f64::from(3 * n - n % 7);
                gradient = [
                    gradient[0] + error * row[0] / 40.0,
                    gradient[1] + error * row[1] / 40.0,
                ];
            }
            let step = 0.001 / f64::from(turn).sqrt();
            weights = [0, 1].map(|at| weights[at] * (1.0 - step * penalty) - step * gradient[at]);
        }
        let said = number(&model, "7,2");
        assert!(
            (said - (7.0 * weights[0] + 2.0 * weights[1])).abs() < 1e-9,
            "{said}"
        );
        // a row with its label says the same
        assert_eq!(model.predict("99,7,2"), model.predict("7,2"));
        let figures = repr(&model.evaluate(&plane(), GO_ON).unwrap());
        assert!(
            figures.starts_with("{'MAE': ") && figures.contains("'R-squared': 0.9"),
            "{figures}"
        );
    }
}

#[test]
fn classifiers_tell_two_classes_apart() {
    for (kind, format, low, high) in [
        (Kind::LogisticRegression, Format::Csv, "0", "1"),
        (Kind::LogisticRegression, Format::Libsvm, "0", "1"),
        (Kind::DecisionTreeClassification, Format::Csv, "0.0", "1.0"),
        (
            Kind::DecisionTreeClassification,
            Format::Libsvm,
            "0.0",
            "1.0",
        ),
        (Kind::DecisionTreeRegression, Format::Libsvm, "0.0", "1.0"),
        (Kind::RandomForestClassification, Format::Csv, "0.0", "1.0"),
        (Kind::RandomForestRegression, Format::Csv, "0.0", "1.0"),
    ] {
        let model = kept(kind, format, "{'numIterations': 100}", &two_classes(format));
        assert_eq!(
            (
                model.predict("-5,-5").unwrap(),
                model.predict("5,5").unwrap()
            ),
            (low.into(), high.into()),
            "{kind:?}"
        );
        if format == Format::Libsvm {
            assert_eq!(
                [
                    model.predict("1:-5 2:-5").unwrap(),
                    model.predict("1 1:5 2:5").unwrap()
                ],
                [low, high]
            );
        }
        assert_eq!(
            repr(&model.evaluate(&two_classes(format), GO_ON).unwrap()),
            DIAGONAL,
            "{kind:?}"
        );
        assert_eq!(
            model
                .predict_all(&two_classes(format), GO_ON)
                .unwrap()
                .len(),
            40
        );
    }
}

#[test]
fn bayes_counts_numbers_and_words() {
    let rows = lines("0,5,0\n0,4,1\n1,0,6\n1,1,5");
    let model = kept(Kind::NaiveBayes, Format::Csv, "None", &rows);
    assert_eq!(
        [model.predict("3,0").unwrap(), model.predict("0,3").unwrap()],
        ["0.0", "1.0"]
    );
    assert!(repr(&model.evaluate(&rows, GO_ON).unwrap()).contains("[[2.0, 0.0], [0.0, 2.0]]"));
    let rows =
        lines("0 cheap money now\n0 money cheap cheap\n1 meeting on monday\n1 monday meeting room");
    let model = kept(Kind::NaiveBayes, Format::Text, "{'lambda': 0.5}", &rows);
    assert_eq!(
        [
            model.predict("cheap money").unwrap(),
            model.predict("a meeting").unwrap()
        ],
        ["0.0", "1.0"]
    );
    assert!(repr(&model.evaluate(&rows, GO_ON).unwrap()).contains("'Precision': 1.0"));
}

#[test]
fn clusters_rows_and_texts() {
    let rows = lines("0,0\n0,1\n1,0\n9,9\n9,8\n8,9");
    let model = kept(Kind::KMeans, Format::Csv, "{'numClasses': 2}", &rows);
    assert_eq!(model.predict("1,1"), model.predict("0,0"));
    assert_ne!(model.predict("1,1"), model.predict("8,8"));
    assert!(model.predict("1,1").unwrap().parse::<usize>().unwrap() < 2);
    assert_eq!(
        model.predict("1,1,1").unwrap_err().to_string(),
        "row 1: it has 3 columns, the model 2"
    );
    assert_eq!(
        model.evaluate(&rows, GO_ON).unwrap_err().to_string(),
        "KMeans cannot be evaluated"
    );
    let rows = lines("red red blue\nred blue blue\ncat dog\ndog dog cat");
    let model = kept(Kind::KMeans, Format::Text, "{}", &rows);
    assert_eq!(model.predict("red blue"), model.predict("blue red"));
    assert_ne!(model.predict("red blue"), model.predict("dog cat"));
}

#[test]
fn recommends() {
    let rows = lines("1,1,5\n1,2,1\n2,1,4\n2,2,1\n3,1,1\n3,2,5\n4,2,4");
    let model = kept(
        Kind::Recommendation,
        Format::Csv,
        "{'rank': 4, 'numIterations': 20}",
        &rows,
    );
    assert!((number(&model, "1,1") - 5.0).abs() < 0.3 && (number(&model, "3,2") - 5.0).abs() < 0.3);
    assert!(
        model
            .predict("9,1")
            .unwrap_err()
            .to_string()
            .contains("does not know")
    );
    assert!(repr(&model.evaluate(&rows, GO_ON).unwrap()).starts_with("{'MAE': 0."));
}

#[test]
fn finds_like_words_and_frequent_sets() {
    let rows: Vec<String> = (0..30)
        .map(|n| format!("we sell {} here", ["tea", "rum"][n % 2]))
        .collect();
    let model = kept(Kind::Word2Vec, Format::Text, "{'numIterations': 20}", &rows);
    let printed = model.predict("{'word': u'tea', 'num': 3}").unwrap();
    assert_eq!(printed.lines().count(), 3);
    assert!(
        printed
            .lines()
            .all(|line| line.split(": ").nth(1).unwrap().parse::<f64>().unwrap() <= 1.0)
    );
    assert_eq!(model.predict("{'word': 'tea'}").unwrap().lines().count(), 2);
    assert!(model.predict("tea").is_err() && model.predict("{'word': 'x'}").is_err());
    let rows = lines("a b\na b c\na\nd");
    let trained = train(
        Kind::FPGrowth,
        Format::Text,
        "{'minSupport': 0.5, 'limits': 2}",
        &rows,
    )
    .unwrap();
    assert_eq!(trained.printed, "['a']:3\n['b']:2\n");
    assert!(
        trained
            .model
            .predict("a")
            .unwrap_err()
            .to_string()
            .contains("FPGrowth cannot predict")
    );
}

#[test]
fn says_what_cannot_be_learned() {
    for (kind, format, params, said) in [
        (
            Kind::Word2Vec,
            Format::Csv,
            "{}",
            "Word2Vec learns from text, not from csv",
        ),
        (
            Kind::KMeans,
            Format::Libsvm,
            "{}",
            "KMeans learns from csv or text, not from libsvm",
        ),
        (
            Kind::LinearRegression,
            Format::Csv,
            "{'numIterations': 0}",
            "numIterations: it must be 1 to 10000",
        ),
        (
            Kind::DecisionTreeRegression,
            Format::Csv,
            "{'maxDepth': 31}",
            "maxDepth: it must be 0 to 30",
        ),
    ] {
        let found = train(kind, format, params, &lines("1,2\n0,3"))
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert_eq!(found, said);
    }
    assert!(train(Kind::KMeans, Format::Csv, "{}", &[]).is_err());
    let said = Kind::of("NoSuchType").unwrap_err().to_string();
    assert!(
        said.starts_with("model_type \"NoSuchType\" is not one of KMeans, "),
        "{said}"
    );
    assert_eq!(Kind::of("FPGrowth"), Ok(Kind::FPGrowth));
}
