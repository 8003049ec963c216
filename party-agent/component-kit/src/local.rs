//! Components that need no peer: what they learn of a table, and what they make of one with it.

use learning::evaluation::shapes::MetricMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tables::Table;
use vocabulary::{Metric, MetricData, PortKind, Stage, Stop, Tells};

use crate::component::{Component, ParamSet};
use crate::description::Description;
use crate::error::Result;
use crate::metrics::metric;
use crate::model::SavedModel;
use crate::task::TaskContext;

/// A component that needs no peer: fit, model, apply, table. Every role of it does the same, each with its own rows.
///
/// `fit` and `apply` are plain computation. That makes a [`Component`], which brings the table of the input `data`, computes off
/// the async threads and on no more of them than the job allows, saves and loads the model, tells of it, and keeps the table at
/// the first output. A fit whose component has an output for tables applies its model to the table that it was learned of.
///
/// The work ends when it is stopped wherever it goes by partitions (`Table::map_partitions`, `Table::fold_partitions`); a long loop of
/// its own asks [`LocalTask::stop`].
///
/// ```
/// # #[cfg(feature = "harness")]
/// # use component_kit::harness::Federation;
/// # use component_kit::{Description, Fitted, LocalOutput, LocalTask, LocalTransform, PortLine, Result, params};
/// # use serde::{Deserialize, Serialize};
/// # use serde_json::json;
/// # use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
/// # use vocabulary::{Role, Tells};
/// params! {
///     /// Parameters of `most_rows`.
///     pub struct Params {
///         /// Of every table at most so many rows are kept for each that was learned of. Default 1.
///         times: u32 = 1, in 1..=100;
///     }
/// }
///
/// /// How many rows are kept.
/// #[derive(Serialize, Deserialize)]
/// struct Most(usize);
///
/// struct MostRows;
///
/// impl LocalTransform for MostRows {
///     type Params = Params;
///     type Model = Most;
///
///     const DESCRIPTION: Description = Description::named("most_rows", "keeps the first rows of a table")
///         .roles(&[Role::Guest, Role::Host])
///         .inputs(&[PortLine::data("data"), PortLine::model("model")])
///         .outputs(&[PortLine::data("data"), PortLine::model("model")]);
///
///     fn fit(input: &Table, params: &Params, _task: &LocalTask) -> Result<Fitted<Most>> {
///         let most = Most(input.rows() * params.times as usize);
///         Ok(Fitted::new(most).summary(json!({"rows": input.rows()})))
///     }
///
///     fn apply(input: &Table, most: &Most, _task: &LocalTask) -> Result<LocalOutput> {
///         let kept: Vec<usize> = (0..input.rows().min(most.0)).collect();
///         Ok(input.rows_at(&kept)?.into())
///     }
/// }
///
/// # fn table(rows: usize) -> Table {
/// #     let schema = Schema::new(TableKind::Instances, "id", vec![Column::new("x0", ColumnKind::Float, Part::Feature)]);
/// #     let ids = (0..rows).map(|row| row.to_string()).collect();
/// #     Table::from_columns(schema, ids, vec![Values::Float(vec![1.5; rows])]).expect("a table")
/// # }
/// # #[cfg(feature = "harness")]
/// # tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
/// let federation = Federation::new(0, false);
/// let guest = federation.guest();
/// let trained = federation.clone().input(&guest, "data", table(3)).run::<MostRows>().await.all_succeeded();
/// assert_eq!(trained.part(&guest).output().rows(), 3);
/// let applied = federation.input(&guest, "data", table(5)).applying(&trained);
/// assert_eq!(applied.run::<MostRows>().await.all_succeeded().part(&guest).output().rows(), 3);
/// # });
/// ```
pub trait LocalTransform: Send + Sync + 'static {
    /// The parameters, from [`params!`](crate::params). They are read and checked in both stages: a job that applies a saved model
    /// often gives none, so the defaults must pass the check. What only a fit needs is refused in [`LocalTransform::fit`], by a fault
    /// of the code `ParameterInvalid` with the parameter's path.
    type Params: ParamSet;

    /// What a fit leaves, and all that a later apply knows. It is saved as MessagePack with the names of its fields, and every number
    /// comes back as it was, NaN and the infinities too. (JSON has neither: in a view or a summary they are null.) Models are kept:
    /// a field that is added later needs `#[serde(default)]`.
    type Model: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What everybody may know of it.
    const DESCRIPTION: Description;

    /// What its view and its summary give away: everything of rows and columns, where it does not say. A party's policy keeps back
    /// what gives away more than it allows; a component that tells only numbers of rows says `&[Tells::Counts]`.
    const TELLS: &'static [Tells] = &[Tells::Rows, Tells::Headers];

    /// Whether the table is passed on as it is. It is asked in both stages, in a predict job with that job's parameters, which are
    /// often the defaults.
    fn pass_on(_input: &Table, _params: &Self::Params) -> Option<PassOn<Self::Model>> {
        None
    }

    /// Learns.
    fn fit(input: &Table, params: &Self::Params, task: &LocalTask) -> Result<Fitted<Self::Model>>;

    /// Makes a table of another with what was learned.
    fn apply(input: &Table, model: &Self::Model, task: &LocalTask) -> Result<LocalOutput>;

    /// The model in FATE's form, `{"meta": …, "param": …}`, where it has one (`fate_models::view`).
    fn view(_model: &Self::Model) -> Option<Value> {
        None
    }
}

/// Why a table is passed on as it is.
pub struct PassOn<M> {
    /// For the log: `need_run is false`.
    pub reason: &'static str,
    /// What a fit leaves all the same: a model that does nothing, such as its default. None where there can be no such model; a
    /// predict job then finds no model, and its step fails with `ModelMissing`.
    pub model: Option<M>,
}

/// What a fit leaves.
pub struct Fitted<M> {
    model: M,
    output: Option<LocalOutput>,
    view: Option<Value>,
    metrics: Vec<Metric<f64>>,
    summary: Option<Value>,
}

impl<M> Fitted<M> {
    /// A model; the output is made by applying it.
    pub const fn new(model: M) -> Self {
        Self {
            model,
            output: None,
            view: None,
            metrics: Vec::new(),
            summary: None,
        }
    }

    /// The table too, where learning made it on the way.
    #[must_use]
    pub fn output(self, output: impl Into<LocalOutput>) -> Self {
        Self {
            output: Some(output.into()),
            ..self
        }
    }

    /// A view of the model that says more than [`LocalTransform::view`] can say of it.
    #[must_use]
    pub fn view(self, view: Value) -> Self {
        Self {
            view: Some(view),
            ..self
        }
    }

    /// Says in FATE's form that there was such a work, beside its figures: a metric `train` / `name` without points, with that type
    /// and `extras` in its meta.
    #[must_use]
    pub fn told(mut self, name: &str, metric_type: &'static str, extras: Value) -> Self {
        let meta = MetricMeta::with(name, metric_type, extras);
        let points = MetricData::Points(Vec::new());
        self.metrics.push(metric("train", name, points, &meta));
        self
    }

    /// The step's summary: free-form, but bounded by the gate.
    #[must_use]
    pub fn summary(self, summary: Value) -> Self {
        Self {
            summary: Some(summary),
            ..self
        }
    }
}

/// A table that was made, and what is to be told of it.
pub struct LocalOutput {
    table: Table,
    summary: Option<Value>,
}

impl LocalOutput {
    /// With a summary of what was made.
    #[must_use]
    pub fn summary(self, summary: Option<Value>) -> Self {
        Self { summary, ..self }
    }
}

impl From<Table> for LocalOutput {
    fn from(table: Table) -> Self {
        Self {
            table,
            summary: None,
        }
    }
}

/// The task, as plain computation sees it.
pub struct LocalTask(TaskContext);

impl LocalTask {
    /// Who works, as FATE names it in headers (`guest_9999`).
    pub fn owner(&self) -> String {
        format!("{}_{}", self.0.role(), self.0.me().party)
    }

    /// Whether the work is still wanted: long loops ask it. The tables of a task carry it already.
    pub fn stop(&self) -> Stop {
        self.0.stop()
    }

    /// Says how far the work is (0 to 1), and what is being done.
    pub fn progress(&self, fraction: f64, text: impl Into<String>) {
        self.0.progress(fraction, text);
    }

    /// Writes a line into the party's own log of the job. No rows.
    pub fn info(&self, text: impl AsRef<str>) {
        self.0.info(text);
    }

    /// Writes a warning into the party's own log of the job.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.0.warn(text);
    }
}

impl<T: LocalTransform> Component for T {
    type Params = T::Params;

    const DESCRIPTION: Description = T::DESCRIPTION;

    fn shown(model: &SavedModel) -> Option<Value> {
        T::view(&model.read().ok()?)
    }

    async fn run(task: &TaskContext, params: Self::Params) -> Result<()> {
        let table = task.need_input("data").await?;
        if let Some(pass_on) = T::pass_on(&table, &params) {
            task.info(format!(
                "the table is passed on as it is: {}",
                pass_on.reason
            ));
            // A later predict job looks for a model here: one that does nothing is better than
            // none.
            if let (Stage::Fit, Some(model)) = (task.stage(), &pass_on.model) {
                task.save_model(model).await?;
            }
            return task.output(0, &table).await;
        }
        match task.stage() {
            Stage::Fit => fit::<T>(task, table, params).await,
            Stage::Apply => {
                let model = task.load_model::<T::Model>().await?;
                task.progress(0.0, format!("{} rows to work on", table.rows()));
                let local = LocalTask(task.clone());
                let made = task.compute(move || T::apply(&table, &model, &local));
                leave::<T>(task, made.await??).await
            }
        }
    }
}

async fn fit<T: LocalTransform>(task: &TaskContext, table: Table, params: T::Params) -> Result<()> {
    let makes_tables = {
        let ports = T::DESCRIPTION.outputs.iter();
        ports
            .map(|port| port.kind)
            .any(|kind| kind == PortKind::Data)
    };
    task.progress(0.0, format!("{} rows to learn of", table.rows()));
    let local = LocalTask(task.clone());
    let work = move || -> Result<_> {
        let mut fitted = T::fit(&table, &params, &local)?;
        // The same function as in a predict job: training rows cannot come out otherwise than
        // others.
        if makes_tables && fitted.output.is_none() {
            local.progress(0.5, format!("{} rows to work on", table.rows()));
            fitted.output = Some(T::apply(&table, &fitted.model, &local)?);
        }
        Ok(fitted)
    };
    let fitted = task.compute(work).await??;
    let told = task.metrics(T::TELLS);
    if let Some(view) = fitted.view.or_else(|| T::view(&fitted.model)) {
        told.model_view(&view["meta"], &view["param"]);
    }
    // The model before the table: whoever sees the output may count on the model.
    task.save_model(&fitted.model).await?;
    if !fitted.metrics.is_empty() {
        told.report(fitted.metrics);
    }
    if let Some(summary) = &fitted.summary {
        told.summary(summary);
    }
    match fitted.output {
        Some(output) => leave::<T>(task, output).await,
        None => Ok(()),
    }
}

async fn leave<T: LocalTransform>(task: &TaskContext, output: LocalOutput) -> Result<()> {
    if let Some(summary) = &output.summary {
        task.metrics(T::TELLS).summary(summary);
    }
    task.output(0, &output.table).await
}
