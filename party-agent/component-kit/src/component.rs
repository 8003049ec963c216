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
use crate::error::Result;
use crate::model::SavedModel;
use crate::params::{Check, Problems, fault_of};
use crate::task::TaskContext;

/// A set of parameters, as [`params!`](crate::params) makes it.
pub trait ParamSet:
    DeserializeOwned + Serialize + JsonSchema + Default + Check + Send + Sync + 'static
{
}

impl<P> ParamSet for P where
    P: DeserializeOwned + Serialize + JsonSchema + Default + Check + Send + Sync + 'static
{
}

/// A kind of work. The body of `run` is one `match (task.stage(), task.role())`: the component's table of contents.
pub trait Component: Send + Sync + 'static {
    /// The parameters: declared once, with docs, defaults and bounds; unknown fields are refused.
    type Params: ParamSet;

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

    /// Reads and checks the parameters of a role, once for all that is asked of them; says what is wrong, with the path.
    fn plan(&self, role: Role, parameters: &Value) -> Result<Box<dyn RolePlan>, Fault>;

    /// Says what is wrong with parameters meant for a role, with the path.
    fn check(&self, role: Role, parameters: &Value) -> Result<(), Fault> {
        self.plan(role, parameters).map(drop)
    }

    /// What a model that it saved holds, where there is a form for it.
    fn shown(&self, model: &SavedModel) -> Option<Value>;
}

/// What one role of a component will do with its parameters, which were read and checked.
#[async_trait]
pub trait RolePlan: Send + Sync {
    /// The messages that it may send.
    fn spoken(&self, stage: Stage) -> Vec<MessageLine>;

    /// Parameters by which it sends more vectors of row values than those of the finished model, with how many of each table, if
    /// that is known.
    fn more_vectors(&self, stage: Stage) -> Vec<(&'static str, Option<u64>)>;

    /// Runs a task.
    async fn run(self: Box<Self>, task: &TaskContext) -> Result<()>;
}

/// The parameters of a role of a component.
struct Plan<C: Component> {
    role: Role,
    params: C::Params,
}

#[async_trait]
impl<C: Component> RolePlan for Plan<C> {
    fn spoken(&self, stage: Stage) -> Vec<MessageLine> {
        let unspoken = C::unspoken(stage, self.role, &self.params);
        let mut lines = C::DESCRIPTION.messages_of(self.role);
        lines.retain(|line| !unspoken.contains(&line.name));
        lines
    }

    fn more_vectors(&self, stage: Stage) -> Vec<(&'static str, Option<u64>)> {
        C::more_vectors(stage, self.role, &self.params)
    }

    async fn run(self: Box<Self>, task: &TaskContext) -> Result<()> {
        // On the heap: a component's future may be many kilobytes, and all of them pass here.
        Box::pin(C::run(task, self.params)).await?;
        // After the run, and for every component: none has to think of models that it only
        // applies.
        task.hand_model_on().await
    }
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
    // Only of what could be read: bounds of a half-read set would complain of defaults.
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

    fn plan(&self, role: Role, parameters: &Value) -> Result<Box<dyn RolePlan>, Fault> {
        if !C::DESCRIPTION.roles.contains(&role) {
            let text = format!("{} has no part for the role {role}", C::DESCRIPTION.name);
            return Err(Fault::new(ErrorCode::DocumentInvalid, text));
        }
        let params = read::<C::Params>(C::DESCRIPTION.name, parameters)?;
        Ok(Box::new(Plan::<C> { role, params }))
    }

    fn shown(&self, model: &SavedModel) -> Option<Value> {
        C::shown(model)
    }
}
