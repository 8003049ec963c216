//! Kinds of models by name, and a model of any kind: learned from lines, applied to a line, judged by lines.

use serde::{Deserialize, Serialize};

use crate::error::{LearnError, Result, Watch};
use crate::learners::bayes::Bayes;
use crate::learners::factors::{Factors, ratings};
use crate::learners::itemsets::frequent;
use crate::learners::means::{Means, Search};
use crate::learners::sgd::{self, Descent, Loss};
use crate::learners::trees::{Growth, Trees};
use crate::learners::words::{Reading, Vectors};
use crate::metrics;
use crate::params::Params;
use crate::points::{self, Format, Points, Words};
use crate::python::{Literal, float_repr, read_literal, repr};

/// Most turns of a loop that a parameter may ask for.
const MOST_TURNS: usize = 10_000;

/// What is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words are the names of the methods")]
pub enum Kind {
    KMeans,
    Recommendation,
    LogisticRegression,
    LinearRegression,
    RidgeRegression,
    NaiveBayes,
    DecisionTreeRegression,
    DecisionTreeClassification,
    RandomForestRegression,
    RandomForestClassification,
    Word2Vec,
    FPGrowth,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::KMeans,
        Self::Recommendation,
        Self::LogisticRegression,
        Self::LinearRegression,
        Self::RidgeRegression,
        Self::NaiveBayes,
        Self::DecisionTreeRegression,
        Self::DecisionTreeClassification,
        Self::RandomForestRegression,
        Self::RandomForestClassification,
        Self::Word2Vec,
        Self::FPGrowth,
    ];

    /// The kind of a name.
    pub fn of(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            LearnError::Unsupported(format!(
                "model_type {name:?} is not one of {}",
                known.join(", ")
            ))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::KMeans => "KMeans",
            Self::Recommendation => "Recommendation",
            Self::LogisticRegression => "LogisticRegression",
            Self::LinearRegression => "LinearRegression",
            Self::RidgeRegression => "RidgeRegression",
            Self::NaiveBayes => "NaiveBayes",
            Self::DecisionTreeRegression => "DecisionTreeRegression",
            Self::DecisionTreeClassification => "DecisionTreeClassification",
            Self::RandomForestRegression => "RandomForestRegression",
            Self::RandomForestClassification => "RandomForestClassification",
            Self::Word2Vec => "Word2Vec",
            Self::FPGrowth => "FPGrowth",
        }
    }

    /// Refuses a format that this kind does not learn from.
    fn takes(self, format: Format) -> Result<()> {
        let formats: &[Format] = match self {
            Self::KMeans | Self::NaiveBayes => &[Format::Csv, Format::Text],
            Self::Recommendation => &[Format::Csv],
            Self::Word2Vec | Self::FPGrowth => &[Format::Text],
            _ => &[Format::Csv, Format::Libsvm],
        };
        if formats.contains(&format) {
            return Ok(());
        }
        let words: Vec<&str> = formats.iter().map(|format| format.word()).collect();
        let (name, format) = (self.name(), format.word());
        Err(LearnError::Unsupported(format!(
            "{name} learns from {}, not from {format}",
            words.join(" or ")
        )))
    }
}

/// What was learned.
#[derive(Serialize, Deserialize)]
enum LearnedState {
    Weights(Vec<f64>),
    Bayes {
        bayes: Bayes,
        words: Option<Words>,
    },
    Means {
        means: Means,
        words: Option<Words>,
    },
    Factors(Factors),
    Trees(Trees),
    Vectors(Vectors),
    /// The results were printed, and nothing is kept.
    Nothing,
}

/// A model that can be kept and applied.
#[derive(Serialize, Deserialize)]
pub struct Model {
    kind: Kind,
    format: Format,
    learned: LearnedState,
}

/// A model, and what learning it printed.
pub struct Trained {
    /// The model.
    pub model: Model,
    /// What was printed; empty for most kinds.
    pub printed: String,
}

/// Learned points, and the words that made them.
type Worded = (Points, Option<Words>);

/// Numbers of a csv or libsvm file with labels.
fn labelled(format: Format, lines: &[String], watch: Watch<'_>) -> Result<Points> {
    match format {
        Format::Libsvm => points::libsvm(lines, 0, watch),
        _ => points::labelled(lines, watch),
    }
}

fn worded<'a>(
    rows: impl Iterator<Item = &'a str> + Clone,
    labels: Vec<f64>,
    watch: Watch<'_>,
) -> Result<Worded> {
    let words = Words::learn(rows.clone(), watch)?;
    Ok((weighed(&words, rows, labels, watch)?, Some(words)))
}

/// Rows of text as the weights of their words.
fn weighed<'a>(
    words: &Words,
    rows: impl Iterator<Item = &'a str> + Clone,
    labels: Vec<f64>,
    watch: Watch<'_>,
) -> Result<Points> {
    let count = rows.clone().count();
    points::bounded(count, words.width())?;
    let mut cells = Vec::with_capacity(count * words.width());
    for row in rows {
        watch.go_on()?;
        cells.extend(words.of(row));
    }
    Ok(Points {
        width: words.width(),
        labels,
        cells,
    })
}

fn labelled_texts<'a>(lines: &'a [String], watch: Watch<'_>) -> Result<(Vec<f64>, Vec<&'a str>)> {
    let row = |(index, line): (usize, &'a String)| {
        watch.now_and_then(index)?;
        points::labelled_text(index + 1, line)
    };
    let rows = lines.iter().enumerate().map(row);
    Ok(rows.collect::<Result<Vec<_>>>()?.into_iter().unzip())
}

fn descent(kind: Kind, params: &Params) -> Result<Descent> {
    if kind == Kind::LogisticRegression {
        let turns = params.whole("numIterations", 10, 1, MOST_TURNS)?;
        let loss = Loss::Logistic;
        return Ok(Descent {
            loss,
            turns,
            step: 1.0,
            fraction: 1.0,
            tolerance: 0.001,
            penalty: 0.01,
        });
    }
    let penalty = if kind == Kind::RidgeRegression {
        0.01
    } else {
        0.0
    };
    let given = params.number("regParam", penalty, 0.0, f64::MAX)?;
    Ok(Descent {
        loss: Loss::Squares,
        turns: params.whole("numIterations", 100, 1, MOST_TURNS)?,
        step: params.number("step", 1e-8, 0.0, f64::MAX)?,
        fraction: params.number("miniBatchFraction", 1.0, f64::MIN_POSITIVE, 1.0)?,
        tolerance: params.number("convergenceTol", 0.001, 0.0, 1.0)?,
        // the plain linear model of the original takes the parameter and has no penalty to give it to
        penalty: if kind == Kind::RidgeRegression {
            given
        } else {
            0.0
        },
    })
}

fn growth(kind: Kind, params: &Params) -> Result<Growth> {
    let classes = matches!(
        kind,
        Kind::DecisionTreeClassification | Kind::RandomForestClassification
    );
    let forest = matches!(
        kind,
        Kind::RandomForestRegression | Kind::RandomForestClassification
    );
    Ok(Growth {
        depth: params.whole("maxDepth", 5, 0, 30)?,
        bins: params.whole("maxBins", 32, 2, 1 << 16)?,
        classes: if classes {
            Some(params.whole("numClasses", 2, 2, 10_000)?)
        } else {
            None
        },
        trees: if forest {
            Some(params.whole("numTrees", 3, 1, 1_000)?)
        } else {
            None
        },
    })
}

fn means(
    format: Format,
    params: &Params,
    lines: &[String],
    watch: Watch<'_>,
) -> Result<LearnedState> {
    let (points, words) = match format {
        Format::Text => worded(lines.iter().map(String::as_str), Vec::new(), watch)?,
        _ => (points::features(lines, watch)?, None),
    };
    let clusters = params.whole("numClasses", 2, 1, 10_000)?;
    let turns = params.whole("numIterations", 10, 1, MOST_TURNS)?;
    let runs = params.whole("runs", 10, 1, 1_000)?;
    let apart = match params.word("mode") {
        None | Some("random") => false,
        Some("k-means||") => true,
        Some(_) => {
            return Err(LearnError::parameter(
                "mode",
                "it must be random or k-means||",
            ));
        }
    };
    let means = Means::learn(
        &points,
        Search {
            clusters,
            turns,
            runs,
            apart,
        },
        watch,
    )?;
    Ok(LearnedState::Means { means, words })
}

fn bayes(
    format: Format,
    params: &Params,
    lines: &[String],
    watch: Watch<'_>,
) -> Result<LearnedState> {
    let (points, words) = match format {
        Format::Text => {
            let (labels, rows) = labelled_texts(lines, watch)?;
            worded(rows.into_iter(), labels, watch)?
        }
        _ => (points::labelled(lines, watch)?, None),
    };
    let smoothing = params.number("lambda", 1.0, 0.0, f64::MAX)?;
    Ok(LearnedState::Bayes {
        bayes: Bayes::learn(&points, smoothing, watch)?,
        words,
    })
}

fn vectors(params: &Params, lines: &[String], watch: Watch<'_>) -> Result<LearnedState> {
    let rate = params.number("learningRate", 0.025, f64::MIN_POSITIVE, 10.0)?;
    let turns = params.whole("numIterations", 10, 1, MOST_TURNS)?;
    let least = params.whole("minCount", 5, 0, usize::MAX >> 12)?;
    Ok(LearnedState::Vectors(Vectors::learn(
        lines,
        Reading { rate, turns, least },
        watch,
    )?))
}

fn itemsets(params: &Params, lines: &[String], watch: Watch<'_>) -> Result<String> {
    let support = params.number("minSupport", 0.2, 0.0, 1.0)?;
    params.whole("numPartitions", 10, 1, usize::MAX >> 12)?;
    let limits = params.whole("limits", 10, 0, 10_000)?;
    let line = |(items, count): (Vec<String>, usize)| {
        format!(
            "{}:{count}\n",
            repr(&Literal::List(
                items.into_iter().map(Literal::Text).collect()
            ))
        )
    };
    Ok(frequent(lines, support, limits, watch)?
        .into_iter()
        .map(line)
        .collect())
}

impl Model {
    /// Learns from lines.
    pub fn train(
        kind: Kind,
        format: Format,
        params: &Params,
        lines: &[String],
        watch: Watch<'_>,
    ) -> Result<Trained> {
        kind.takes(format)?;
        if lines.is_empty() {
            return Err(LearnError::Data("there are no rows".to_owned()));
        }
        let mut printed = String::new();
        let learned = match kind {
            Kind::KMeans => means(format, params, lines, watch)?,
            Kind::NaiveBayes => bayes(format, params, lines, watch)?,
            Kind::Recommendation => {
                let rank = params.whole("rank", 10, 1, 500)?;
                let turns = params.whole("numIterations", 10, 1, MOST_TURNS)?;
                LearnedState::Factors(Factors::learn(&ratings(lines, watch)?, rank, turns, watch)?)
            }
            Kind::LogisticRegression | Kind::LinearRegression | Kind::RidgeRegression => {
                LearnedState::Weights(sgd::learn(
                    &labelled(format, lines, watch)?,
                    descent(kind, params)?,
                    watch,
                )?)
            }
            Kind::Word2Vec => vectors(params, lines, watch)?,
            Kind::FPGrowth => {
                printed = itemsets(params, lines, watch)?;
                LearnedState::Nothing
            }
            _ => LearnedState::Trees(Trees::learn(
                &labelled(format, lines, watch)?,
                growth(kind, params)?,
                watch,
            )?),
        };
        Ok(Trained {
            model: Self {
                kind,
                format,
                learned,
            },
            printed,
        })
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The format of the lines it was learned from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What is printed for one line without a label: a number, a class, or lines.
    pub fn predict(&self, line: &str) -> Result<String> {
        self.answer(1, line)
    }

    /// What is printed for each line; csv and libsvm lines may have their label, which is left out.
    pub fn predict_all(&self, lines: &[String], watch: Watch<'_>) -> Result<Vec<String>> {
        let answer = |(index, line): (usize, &String)| {
            watch.go_on()?;
            self.answer(index + 1, line)
        };
        lines.iter().enumerate().map(answer).collect()
    }

    fn answer(&self, row: usize, line: &str) -> Result<String> {
        match &self.learned {
            LearnedState::Weights(weights) => {
                let cells = self.cells(row, line, weights.len())?;
                Ok(match self.kind {
                    Kind::LogisticRegression => sgd::class(weights, &cells).to_string(),
                    _ => float_repr(sgd::score(weights, &cells)),
                })
            }
            LearnedState::Bayes {
                bayes,
                words: Some(words),
            } => Ok(float_repr(bayes.class(&words.of(line)))),
            LearnedState::Bayes { bayes, words: None } => Ok(float_repr(
                bayes.class(&self.cells(row, line, bayes.width())?),
            )),
            LearnedState::Means {
                means,
                words: Some(words),
            } => Ok(means.cluster(&words.of(line)).to_string()),
            LearnedState::Means { means, words: None } => {
                let cells = points::numbers(row, line)?;
                wide(row, cells.len(), means.width())?;
                Ok(means.cluster(&cells).to_string())
            }
            LearnedState::Factors(factors) => rating(factors, row, line).map(float_repr),
            LearnedState::Trees(trees) => {
                let cells = self.cells(row, line, trees.width())?;
                let points = Points {
                    width: cells.len(),
                    labels: Vec::new(),
                    cells,
                };
                Ok(trees
                    .predict(&points, Watch(&|| false))?
                    .first()
                    .map_or_else(String::new, |value| float_repr(*value)))
            }
            LearnedState::Vectors(vectors) => alike(vectors, row, line),
            LearnedState::Nothing => {
                Err(self.cannot("predict: its results were printed when it was learned"))
            }
        }
    }

    /// The columns of a csv or libsvm line, without its label if it has one.
    fn cells(&self, row: usize, line: &str, width: usize) -> Result<Vec<f64>> {
        if self.format == Format::Libsvm && line.contains(':') {
            let mut cells = vec![0.0; width];
            let parts = line.split_whitespace().enumerate();
            let parts = parts
                .filter(|(at, part)| *at > 0 || part.contains(':'))
                .map(|(_, part)| part);
            points::lay_out(&mut cells, row, &points::sparse(row, parts)?)?;
            return Ok(cells);
        }
        let mut cells = points::numbers(row, line)?;
        if cells.len() == width + 1 {
            cells.remove(0);
        }
        wide(row, cells.len(), width)?;
        Ok(cells)
    }

    fn cannot(&self, what: &str) -> LearnError {
        LearnError::Unsupported(format!("{} cannot {what}", self.kind.name()))
    }

    /// Figures of the model over lines with labels, in the form in which Python prints a dict.
    pub fn evaluate(&self, lines: &[String], watch: Watch<'_>) -> Result<Literal> {
        if lines.is_empty() {
            return Err(LearnError::Data("there are no rows".to_owned()));
        }
        match &self.learned {
            LearnedState::Weights(weights) => {
                let points = self.as_wide(lines, weights.len(), watch)?;
                if self.kind == Kind::LogisticRegression {
                    let said = each(&points, |row| sgd::class(weights, row) as f64, watch)?;
                    return Ok(metrics::classification(&said, &points.labels));
                }
                let said = each(&points, |row| sgd::score(weights, row), watch)?;
                Ok(metrics::regression(&said, &points.labels))
            }
            LearnedState::Bayes { bayes, words } => {
                let points = match words {
                    None => self.as_wide(lines, bayes.width(), watch)?,
                    Some(words) => {
                        let (labels, rows) = labelled_texts(lines, watch)?;
                        weighed(words, rows.into_iter(), labels, watch)?
                    }
                };
                let said = each(&points, |row| bayes.class(row), watch)?;
                Ok(metrics::classification(&said, &points.labels))
            }
            LearnedState::Factors(factors) => {
                let known = ratings(lines, watch)?.into_iter();
                let known = known
                    .filter_map(|(user, item, rating)| Some((factors.rating(user, item)?, rating)));
                let (said, labels): (Vec<f64>, Vec<f64>) = known.unzip();
                if said.is_empty() {
                    return Err(LearnError::Data(
                        "no row has a user and an item that the model knows".to_owned(),
                    ));
                }
                Ok(metrics::regression(&said, &labels))
            }
            LearnedState::Trees(trees) => {
                let points = self.as_wide(lines, trees.width(), watch)?;
                Ok(metrics::classification(
                    &trees.predict(&points, watch)?,
                    &points.labels,
                ))
            }
            LearnedState::Means { .. } | LearnedState::Vectors(_) | LearnedState::Nothing => {
                Err(self.cannot("be evaluated"))
            }
        }
    }

    fn as_wide(&self, lines: &[String], width: usize, watch: Watch<'_>) -> Result<Points> {
        let points = match self.format {
            Format::Libsvm => points::libsvm(lines, width, watch)?,
            _ => points::labelled(lines, watch)?,
        };
        wide(1, points.width, width)?;
        Ok(points)
    }
}

/// What is said of each row.
fn each(points: &Points, said: impl Fn(&[f64]) -> f64, watch: Watch<'_>) -> Result<Vec<f64>> {
    let one = |(at, row)| {
        watch.now_and_then(at)?;
        Ok(said(row))
    };
    points.rows().enumerate().map(one).collect()
}

fn wide(row: usize, found: usize, width: usize) -> Result<()> {
    if found == width {
        return Ok(());
    }
    Err(LearnError::row(
        row,
        format!("it has {found} columns, the model {width}"),
    ))
}

fn rating(factors: &Factors, row: usize, line: &str) -> Result<f64> {
    let mut fields = line
        .split(',')
        .map(|field| field.trim().parse::<i64>().ok());
    let (Some(Some(user)), Some(Some(item))) = (fields.next(), fields.next()) else {
        return Err(LearnError::row(row, "it is not user,item"));
    };
    factors
        .rating(user, item)
        .ok_or_else(|| LearnError::row(row, "the model does not know this user or item"))
}

fn alike(vectors: &Vectors, row: usize, line: &str) -> Result<String> {
    // what is wrong with it is not said: it may be a row
    let wrong = |_| LearnError::row(row, "it is not a dict such as {'word': 'w', 'num': 2}");
    let asked = read_literal("args", line).map_err(wrong)?;
    let word = asked.get("word").and_then(Literal::as_text);
    let word = word.ok_or_else(|| LearnError::parameter("word", "it is missing"))?;
    let number = match asked.get("num") {
        None => 2,
        Some(Literal::Int(number)) => usize::try_from(*number).unwrap_or(0),
        Some(Literal::Text(number)) => number.trim().parse().unwrap_or(0),
        Some(_) => 0,
    };
    if number == 0 {
        return Err(LearnError::parameter(
            "num",
            "it must be a whole number above 0",
        ));
    }
    let found = vectors.like(word, number);
    let found =
        found.ok_or_else(|| LearnError::Data("the model does not know this word".to_owned()))?;
    Ok(found
        .into_iter()
        .map(|(word, cosine)| format!("{word}: {}\n", float_repr(cosine)))
        .collect())
}

#[cfg(test)]
mod tests;
