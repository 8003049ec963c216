//! What guest and hosts bring along to a training.

use component_kit::{Result, TaskContext};
use fate_models::LinRModelMeta;
use learning::labels::LabelKind;
use serde_json::json;
use vocabulary::{ErrorCode, Fault};

use crate::model::LinearModel;
use crate::params::Training;
use crate::rows::Rows;

/// The tables of a training, and the model that it goes on from.
pub struct Inputs {
    /// Rows to train on.
    pub train: Rows,
    /// Rows to validate on, with the columns of the others.
    pub validate: Option<Rows>,
    /// The model to go on from.
    pub before: Option<LinearModel>,
}

impl Inputs {
    /// Reads what is wired to the step.
    pub async fn read(task: &TaskContext, kind: LabelKind) -> Result<Self> {
        let before = LinearModel::load_if_wired(task).await?;
        let names = before.as_ref().map(|model| model.columns.clone());
        let train = Rows::need(task, "train_data", names.as_deref(), kind).await?;
        // With the training's columns in its order: weights go by position.
        let validate = Rows::read(task, "validate_data", Some(&train.names), kind).await?;
        Ok(Self {
            train,
            validate,
            before,
        })
    }

    /// The tables, with what predictions and validations call them.
    pub fn tables(&self) -> impl Iterator<Item = (&Rows, &'static str)> {
        let validate = self.validate.as_ref().map(|rows| (rows, "validate"));
        [Some((&self.train, "train")), validate]
            .into_iter()
            .flatten()
    }

    /// The tables alone.
    pub fn rows(&self) -> impl Iterator<Item = &Rows> {
        self.tables().map(|(rows, _)| rows)
    }

    /// Guest: the model that the training makes, with nothing learned yet; a model to go on from decides on the intercept.
    pub fn guest_frame(&self, task: &TaskContext, training: &Training) -> Result<LinearModel> {
        let before = self.before.as_ref();
        let asked = training.init.fit_intercept;
        // The earlier weights have a place for it or not: the parameter cannot change that.
        let has_intercept = before.map_or(asked, |model| model.has_intercept);
        if self.train.names.is_empty() && !has_intercept {
            let text = "the guest has neither a feature column nor an intercept";
            return Err(Fault::new(ErrorCode::TableInvalid, text).into());
        }
        let mut frame = self.frame(training, has_intercept);
        let hosts = task.hosts();
        let parties = hosts.each().map(|host| host.participant().party.clone());
        frame.hosts = Some(parties.collect());
        Ok(frame)
    }

    /// Host: its part of that model.
    pub fn host_frame(&self, training: &Training) -> Result<LinearModel> {
        if self.train.names.is_empty() {
            let text = "the host's table has no feature column";
            return Err(Fault::new(ErrorCode::TableInvalid, text).into());
        }
        Ok(self.frame(training, false))
    }

    fn frame(&self, training: &Training, has_intercept: bool) -> LinearModel {
        let names = self.train.names.clone();
        let mut frame = LinearModel::new(names, has_intercept, vec![], vec![]);
        let fit_intercept = has_intercept;
        frame.meta = Some(json!(LinRModelMeta {
            fit_intercept,
            ..training.meta.clone()
        }));
        frame
    }

    /// Epochs that the model to go on from has trained.
    pub fn first_epoch(&self) -> usize {
        self.before.as_ref().map_or(0, LinearModel::iters)
    }
}

/// Reads the rows to predict; jobs name the port differently.
pub async fn rows_to_predict(
    task: &TaskContext,
    model: &LinearModel,
    kind: LabelKind,
) -> Result<Rows> {
    for port in ["test_data", "validate_data"] {
        if let Some(rows) = Rows::read(task, port, Some(&model.columns), kind).await? {
            return Ok(rows);
        }
    }
    Rows::need(task, "train_data", Some(&model.columns), kind).await
}
