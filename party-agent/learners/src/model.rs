//! A linear model: what a fit leaves at the guest and at hosts, and how it is found again.

use component_kit::{ComponentError, Result, TaskContext};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocabulary::{ErrorCode, PartyId};

/// The layout of [`LinearModel`].
const VERSION: u32 = 1;

/// What one training learned: a party's weights in the order of the model's columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// One for each column.
    pub weights: Vec<f64>,
    /// 0 where there is none.
    pub intercept: f64,
    /// Epochs trained.
    pub iters: usize,
    /// Whether the convergence rule ended the training.
    pub is_converged: bool,
    /// The epoch whose weights these are, where validations chose one.
    pub best_epoch: Option<usize>,
}

/// A party's part of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearModel {
    /// The layout.
    pub version: u32,
    /// Column names, one per weight.
    pub columns: Vec<String>,
    /// Whether there is an intercept.
    pub has_intercept: bool,
    /// The label value that is positive in each binary model: one, or each of more than two in turn; hosts only
    /// number them, and a regression has none.
    pub classes: Vec<i64>,
    /// The other label value of a single binary model, at the guest; models of earlier releases do not say it.
    #[serde(default)]
    pub negative: Option<i64>,
    /// The hosts that hold the other parts, at the guest; models of earlier releases do not say it.
    #[serde(default)]
    pub hosts: Option<Vec<PartyId>>,
    /// The parameters of the training in FATE's form; models of earlier releases do not keep them.
    #[serde(default)]
    pub meta: Option<Value>,
    /// Scores above it are the positive class, where there are classes.
    pub threshold: f64,
    /// One training, or one for each class.
    pub trained: Vec<Trained>,
}

impl Trained {
    /// The weights, the intercept last where there is one.
    pub fn with_intercept(&self, has_intercept: bool) -> Vec<f64> {
        let intercept = has_intercept.then_some(self.intercept);
        self.weights.iter().copied().chain(intercept).collect()
    }
}

impl LinearModel {
    /// Puts a model together.
    pub fn new(
        columns: Vec<String>,
        has_intercept: bool,
        classes: Vec<i64>,
        trained: Vec<Trained>,
    ) -> Self {
        let (version, threshold) = (VERSION, 0.5);
        let (negative, hosts, meta) = (None, None, None);
        Self {
            version,
            columns,
            has_intercept,
            classes,
            negative,
            hosts,
            meta,
            threshold,
            trained,
        }
    }

    /// Loads the model wired to the step.
    pub async fn load(task: &TaskContext) -> Result<Self> {
        task.load_model::<Self>().await?.checked()
    }

    /// Loads the model wired to the step, if one is.
    pub async fn load_if_wired(task: &TaskContext) -> Result<Option<Self>> {
        if task.model_at("model").await?.is_none() {
            Ok(None)
        } else {
            Self::load(task).await.map(Some)
        }
    }

    fn checked(self) -> Result<Self> {
        let fits = |trained: &Trained| trained.weights.len() == self.columns.len();
        // Lengths are checked once here: a `zip` further down would drop columns in silence.
        if self.version != VERSION || self.trained.is_empty() || !self.trained.iter().all(fits) {
            let text = format!("a linear model of layout {} cannot be read", self.version);
            return Err(ComponentError::new(ErrorCode::ModelMissing, text));
        }
        Ok(self)
    }

    /// Whether there is one binary model for each of several classes.
    pub fn is_one_vs_rest(&self) -> bool {
        self.trained.len() > 1
    }

    /// The two label values of a single binary model: the negative one, then the positive one. Models of earlier releases
    /// called them 0 and 1, whatever they were.
    pub fn two_classes(&self) -> (i64, i64) {
        match (self.negative, self.classes.as_slice()) {
            (Some(negative), [positive]) => (negative, *positive),
            _ => (0, 1),
        }
    }

    /// Epochs trained so far, where training goes on.
    pub fn iters(&self) -> usize {
        self.trained
            .iter()
            .map(|trained| trained.iters)
            // Classes may have stopped at different epochs; going on from a smaller number would
            // repeat some.
            .max()
            .unwrap_or(0)
    }
}
