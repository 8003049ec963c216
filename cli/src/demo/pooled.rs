//! The same training on the pooled data: what it would give if one organisation had everything.

use anyhow::{Context, Result, anyhow};
use learning::logistic::{LogisticSettings, train_logistic};
use learning::{evaluation, linear};
use ndarray::Array2;
use serde_json::{Value, json};

use super::data::Tables;

/// What the pooled training gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PooledResult {
    /// Area under the ROC curve, on the training rows.
    pub(crate) auc: f64,
    /// People in it.
    pub(crate) rows: usize,
}

/// Parameters of the federated training: the settings of the pooled one in a job's words.
pub(crate) fn parameters() -> Value {
    let same = settings();
    json!({
        "penalty": same.penalty,
        "alpha": same.alpha,
        "optimizer": same.optimizer,
        "learning_rate": same.learning_rate.start,
        "decay": same.learning_rate.decay,
        "decay_sqrt": same.learning_rate.square_root,
        "batch_size": same.batch_size,
        "max_iter": same.max_iter,
        "early_stop": same.early_stop,
        "tol": same.tol,
        "init_param": {"init_method": same.init_method, "fit_intercept": same.fit_intercept},
    })
}

fn settings() -> LogisticSettings {
    use learning::learning_rate::LearningRate;
    LogisticSettings {
        penalty: learning::penalty::Penalty::L2,
        alpha: 0.01,
        optimizer: learning::optimizer::OptimizerKind::Rmsprop,
        learning_rate: LearningRate {
            start: 0.15,
            ..LogisticSettings::default().learning_rate
        },
        batch_size: -1,
        max_iter: 30,
        early_stop: learning::convergence::EarlyStop::Diff,
        tol: 1e-5,
        init_method: learning::initial::InitMethod::Zeros,
        fit_intercept: true,
        ..LogisticSettings::default()
    }
}

/// Trains on the people both organisations know, with the features of both.
pub(crate) fn train(tables: &Tables) -> Result<PooledResult> {
    let rows = tables.pooled.len();
    let columns = tables.pooled.first().map_or(0, Vec::len);
    let x = Array2::from_shape_vec((rows, columns), tables.pooled.concat())
        .context("the pooled rows differ in length")?;
    let fit = train_logistic(x.view(), &tables.labels, &settings())
        .map_err(|error| anyhow!("the pooled training failed: {error}"))?;
    let scores = linear::scores(x.view(), &fit.weights, fit.intercept);
    let positive: Vec<bool> = tables.labels.iter().map(|&label| label > 0.5).collect();
    let auc = evaluation::auc(&positive, &scores)
        .map_err(|error| anyhow!("the pooled scores cannot be judged: {error}"))?;
    Ok(PooledResult { auc, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_federated_training_gets_the_same_settings_in_fates_words() {
        let given = parameters();
        for (field, word) in [
            ("penalty", "L2"),
            ("optimizer", "rmsprop"),
            ("early_stop", "diff"),
        ] {
            assert_eq!(given[field], word);
        }
        assert_eq!(
            (given["batch_size"].as_i64(), given["max_iter"].as_i64()),
            (Some(-1), Some(30))
        );
        assert_eq!(given["init_param"]["init_method"], "zeros");
    }

    #[test]
    fn the_pooled_training_separates_the_classes() {
        let tables = super::super::data::tables().expect("split");
        let pooled = train(&tables).expect("trained");
        assert!(pooled.auc > 0.97 && pooled.auc <= 1.0, "{pooled:?}");
        assert_eq!(pooled.rows, tables.labels.len());
    }
}
