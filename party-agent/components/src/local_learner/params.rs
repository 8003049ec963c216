//! The parameters of local_learner: what is learned, and what is done with it.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `local_learner`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// What is learned: KMeans, Recommendation, LogisticRegression, LinearRegression, RidgeRegression, NaiveBayes,
    /// DecisionTreeRegression, DecisionTreeClassification, RandomForestRegression, RandomForestClassification, Word2Vec,
    /// FPGrowth. An unknown word is told when the step runs. Default LinearRegression.
    pub model_type: String,
    /// How lines are laid out: csv (label first), libsvm or text. Default csv.
    pub format: String,
    /// The learner's own parameters as a dict of Python (or JSON): `{'numIterations': 100}`. Default empty, none.
    pub learner: String,
    /// When it is applied: whether rows are compared with their labels in place of being predicted. Default false.
    pub evaluate: bool,
    /// When it is applied: whether predictions are printed into the summary, too. Default false.
    pub print: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            model_type: "LinearRegression".to_owned(),
            format: "csv".to_owned(),
            learner: String::new(),
            evaluate: false,
            print: false,
        }
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        problems.one_of("format", &self.format, &["csv", "libsvm", "text"]);
    }
}
