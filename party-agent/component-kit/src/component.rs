//! A component's API, and the erased form in which the agent keeps components.

use std::future::Future;
use std::marker::PhantomData;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vocabulary::{ComponentInfo, ErrorCode, Fault, MessageInfo, MessageLine, Role, Stage};

use crate::description::Description;
use crate::error::{ComponentError, Result};
use crate::model::SavedModel;
use crate::params::{Check, Problems, fault_of};
use crate::task::TaskContext;

/// A kind of work. The body of `run` is one `match (task.stage(), task.role())`: the component's table of contents.
pub trait Component: Send + Sync + 'static {
    /// The parameters: declared once, with docs, defaults and bounds; unknown fields are refused.
    type Params: DeserializeOwned + Serialize + JsonSchema + Default + Check + Send + Sync;

    /// What everybody may know of it.
    const DESCRIPTION: Description;

    /// Names of declared messages that a role does not send in such a stage with such parameters. A party is asked before the job
    /// starts whether all others may leave.
    fn unspoken(_stage: Stage, _role: Role, _params: &Self::Params) -> Vec<&'static str> {
        Vec::new()
    }

    /// Parameters by which a role sends vectors of row values of a table in the course of a training, beside those of the
    /// finished model: each with how many, if that is known. A party is asked before the job starts whether they may leave.
    fn more_vectors(
        _stage: Stage,
        _role: Role,
        _params: &Self::Params,
    ) -> Vec<(&'static str, Option<u64>)> {
        Vec::new()
    }

    /// What a model that it saved holds, in the form in which `Metrics::model_view` tells of one: `{"meta": …, "param": …}`, each
    /// where it is known. None where there is no such form.
    fn shown(_model: &SavedModel) -> Option<Value> {
        None
    }

    /// Plays one role.
    fn run(task: &TaskContext, params: Self::Params) -> impl Future<Output = Result<()>> + Send;
}

/// Any component: what the catalogue lists.
#[async_trait]
pub trait AnyComponent: Send + Sync {
    /// What everybody may know of it.
    fn description(&self) -> &'static Description;

    /// What a party announces of it.
    fn info(&self) -> ComponentInfo;

    /// Says what is wrong with parameters meant for a role, with the path.
    fn check(&self, role: Role, parameters: &Value) -> Result<(), Fault>;

    /// The messages that a role may send with such parameters; all that it declares where the parameters cannot be read.
    fn spoken(&self, stage: Stage, role: Role, parameters: &Value) -> Vec<MessageLine>;

    /// Parameters by which a role sends more vectors of row values than those of the finished model, with how many of each
    /// table; where the parameters cannot be read, an unknown number.
    fn more_vectors(
        &self,
        stage: Stage,
        role: Role,
        parameters: &Value,
    ) -> Vec<(&'static str, Option<u64>)>;

    /// What a model that it saved holds, where there is a form for it.
    fn shown(&self, model: &SavedModel) -> Option<Value>;

    /// Runs a task.
    async fn run(&self, task: &TaskContext, parameters: Value) -> Result<()>;
}

/// A component as a value.
pub struct Plugin<C>(PhantomData<fn() -> C>);

impl<C> Plugin<C> {
    /// The value.
    pub const NEW: Self = Self(PhantomData);
}

fn read<P: DeserializeOwned + Check>(component: &str, parameters: &Value) -> Result<P, Fault> {
    let params: P = serde_path_to_error::deserialize(parameters).map_err(|error| {
        let path = error.path().to_string();
        let fault = Fault::new(ErrorCode::ParameterInvalid, error.into_inner().to_string());
        let fault = fault.next(format!("see the parameters of {component}"));
        if path == "." { fault } else { fault.path(path) }
    })?;
    let mut problems = Problems::default();
    params.check(&mut problems);
    match fault_of(component, &problems.into_vec()) {
        Some(fault) => Err(fault),
        None => Ok(params),
    }
}

#[async_trait]
impl<C: Component> AnyComponent for Plugin<C> {
    fn description(&self) -> &'static Description {
        const { &C::DESCRIPTION }
    }

    fn info(&self) -> ComponentInfo {
        let of = C::DESCRIPTION;
        ComponentInfo {
            name: of.name.to_owned(),
            version: of.version,
            summary: of.summary.to_owned(),
            modules: of.modules.iter().map(|&module| module.to_owned()).collect(),
            roles: of.roles.to_vec(),
            inputs: of.inputs.iter().map(|port| port.to_port()).collect(),
            outputs: of.outputs.iter().map(|port| port.to_port()).collect(),
            schema: schemars::schema_for!(C::Params).to_value(),
            defaults: serde_json::to_value(C::Params::default()).unwrap_or(Value::Null),
            messages: of.messages.iter().map(MessageInfo::from).collect(),
            cast: of.cast.iter().map(|line| line.to_rule()).collect(),
            needs: of.needs.iter().map(|line| line.to_need()).collect(),
            applies_with: of
                .applies_with
                .map(|names| names.iter().map(|&name| name.to_owned()).collect()),
        }
    }

    fn check(&self, role: Role, parameters: &Value) -> Result<(), Fault> {
        if !C::DESCRIPTION.roles.contains(&role) {
            let text = format!("{} has no part for the role {role}", C::DESCRIPTION.name);
            return Err(Fault::new(ErrorCode::DocumentInvalid, text));
        }
        read::<C::Params>(C::DESCRIPTION.name, parameters).map(|_| ())
    }

    fn spoken(&self, stage: Stage, role: Role, parameters: &Value) -> Vec<MessageLine> {
        let params = read::<C::Params>(C::DESCRIPTION.name, parameters);
        let unspoken = params
            .map(|params| C::unspoken(stage, role, &params))
            .unwrap_or_default();
        let lines = C::DESCRIPTION
            .messages
            .iter()
            .filter(|line| line.from == role && !unspoken.contains(&line.name));
        lines.copied().collect()
    }

    fn more_vectors(
        &self,
        stage: Stage,
        role: Role,
        parameters: &Value,
    ) -> Vec<(&'static str, Option<u64>)> {
        match read::<C::Params>(C::DESCRIPTION.name, parameters) {
            Ok(params) => C::more_vectors(stage, role, &params),
            Err(_) => vec![("(unreadable)", None)],
        }
    }

    fn shown(&self, model: &SavedModel) -> Option<Value> {
        C::shown(model)
    }

    async fn run(&self, task: &TaskContext, parameters: Value) -> Result<()> {
        self.check(task.role(), &parameters)?;
        let params =
            read::<C::Params>(C::DESCRIPTION.name, &parameters).map_err(ComponentError::from)?;
        Box::pin(C::run(task, params)).await?;
        task.hand_model_on().await
    }
}
