//! The guest: it has the labels, plans the batches, brings the residuals together and keeps the predictions.

use component_kit::{Packed, Result, TaskContext};
use crypto::random::Random;
use learning::batches::Batch;
use learning::labels::{Classes, POSITIVE};
use secure_compute::agreed_stop;
use secure_compute::aligned_batches::{Alignment, send_rows};
use secure_compute::key_ceremony::{Encryptor, receive_key};
use secure_compute::{KeyUse, LinearScheme};
use tables::Table;
use vocabulary::{ErrorCode, Fault, Role};

use super::checkpoints::Checkpoints;
use super::columns::Columns;
use super::data::Rows;
use super::labels;
use super::learner::Learner;
use super::messages::{
    ALIGNMENT, BEST_EPOCH, CONVERGED, EARLY_STOP, HOST_STEP_LENGTH, MASKED_ROWS, PLAN, PUBLIC_KEY,
    STEP_LENGTH,
};
use super::model::{Model, Trained};
use super::params::Params;
use super::plan::{Agreed, Course, Plan, hear_columns};
use super::scales::Scaling;
use super::validation::{Measured, Validator};
use super::{Scheme, predictions, view};

/// What the guest works with during all trainings.
pub(super) struct Guest {
    pub(super) course: Course,
    pub(super) encryptor: Encryptor<Scheme>,
    pub(super) keys: KeyUse,
    pub(super) columns: Columns,
    random: Random,
    checkpoints: Checkpoints,
}

/// A binary training's own state.
pub(super) struct Binary {
    pub(super) learner: Learner,
    /// +1 or -1 for each row.
    pub(super) signs: Vec<f64>,
    pub(super) scaling: Scaling,
    validator: Option<Validator>,
    measured: Vec<Measured>,
}

/// What the guest brings along.
struct Inputs {
    train: Rows,
    validate: Option<Rows>,
    before: Option<Model>,
    /// The labels to train on.
    labels: Vec<i64>,
    /// The label value that is positive in each binary training.
    classes: Vec<i64>,
    /// The other one of a single binary training.
    negative: Option<i64>,
    has_intercept: bool,
}

/// Trains, predicts the rows trained and validated on, and keeps the model.
pub(super) async fn fit(task: &TaskContext, params: &Params) -> Result<()> {
    let inputs = Inputs::read(task, params).await?;
    let mut validator =
        Validator::new(params, inputs.validate.as_ref())?.filter(|_| inputs.classes.len() == 1);
    let mut encryptor = receive_key::<Scheme>(task, &task.arbiter()?, &PUBLIC_KEY).await?;
    let course = announce(task, params, &inputs).await?;
    let random = encryptor.fork_random();
    let columns = Columns::new(&inputs.train.features, inputs.has_intercept)?;
    let mut frame = Model::new(
        inputs.train.names.clone(),
        inputs.has_intercept,
        inputs.classes.clone(),
        vec![],
    );
    frame.negative = inputs.negative;
    frame.hosts = Some(
        task.hosts()
            .each()
            .map(|host| host.participant().party.clone())
            .collect(),
    );
    frame.threshold = inputs.threshold(params);
    frame.meta = Some(view::meta(params, &frame, course.plan.models > 1));
    let checkpoints = Checkpoints::new(task, params, &course, frame.clone());
    let keys = KeyUse::new(course.limit);
    let mut guest = Guest {
        course,
        encryptor,
        keys,
        columns,
        random,
        checkpoints,
    };

    let (mut trained, mut history) = (Vec::new(), None);
    for index in 0..inputs.classes.len() {
        let scope = guest.course.scope(task, index);
        let binary = guest.start(params, &inputs, index, validator.take())?;
        let (result, measurements) = guest.train(&scope, binary, index).await?;
        trained.push(result);
        history = measurements.or(history);
    }

    let model = Model { trained, ..frame };
    let table = predict_all(task, &model, &inputs).await?;
    view::report(task, params, &model, history);
    task.save_model(&model).await?;
    task.output(0, &table).await
}

impl Inputs {
    async fn read(task: &TaskContext, params: &Params) -> Result<Self> {
        let before = Model::load_if_wired(task).await?;
        let names = before.as_ref().map(|model| model.columns.clone());
        let train = Rows::need(task, "train_data", names.as_deref()).await?;
        let validate = Rows::read(task, "validate_data", Some(&train.names)).await?;
        let own = train.need_labels()?;
        let learned = labels::learned(&own)?;
        labels::check(task, &learned, before.as_ref(), validate.as_ref())?;
        let (classes, negative) = match &learned {
            Classes::Two { negative, positive } => (vec![*positive], Some(*negative)),
            Classes::Several(classes) => (classes.clone(), None),
        };
        let has_intercept = before
            .as_ref()
            .map_or(params.init_param.fit_intercept, |model| model.has_intercept);
        if train.names.is_empty() && !has_intercept {
            let text = "the guest has neither a feature column nor an intercept";
            return Err(Fault::new(ErrorCode::TableInvalid, text).into());
        }
        Ok(Self {
            train,
            validate,
            before,
            labels: own,
            classes,
            negative,
            has_intercept,
        })
    }

    /// Where scores are cut: as given, else as in the model to go on from.
    fn threshold(&self, params: &Params) -> f64 {
        let given = &params.predict_param.threshold;
        let before = self.before.as_ref().map(|model| model.threshold);
        given
            .if_given()
            .copied()
            .or(before)
            .unwrap_or(*given.value())
    }

    fn tables(&self) -> impl Iterator<Item = (&Rows, &'static str)> {
        let validate = self.validate.as_ref().map(|rows| (rows, "validate"));
        [Some((&self.train, "train")), validate]
            .into_iter()
            .flatten()
    }
}

fn signs(labels: &[i64], positive: i64) -> Vec<f64> {
    labels
        .iter()
        .map(|label| if *label == positive { 1.0 } else { -1.0 })
        .collect()
}

/// Tells everybody what is going to happen.
async fn announce(task: &TaskContext, params: &Params, inputs: &Inputs) -> Result<Course> {
    let (models, before) = (inputs.classes.len(), inputs.before.as_ref());
    if let Some(before) = before
        && before.trained.len() != models
    {
        let text = format!(
            "the model to go on from has {} classes, the labels have {models}",
            before.trained.len()
        );
        return Err(Fault::new(ErrorCode::DataMismatch, text).into());
    }
    let columns = hear_columns(task).await?;
    let plan = Plan {
        rows: inputs.train.ids.len(),
        validate_rows: inputs.validate.as_ref().map(|rows| rows.ids.len()),
        models,
        first_epoch: before.map_or(0, Model::iters),
        columns: columns.iter().sum(),
        widest_host: columns.iter().copied().max().unwrap_or(0),
        guest_columns: inputs.train.names.len() + usize::from(inputs.has_intercept),
        labels: task.label_rules(),
        agreed: Agreed::of(params),
    };
    let course = Course::new(task, plan, task.hosts().len())?;
    note(task, params, &course);
    task.hosts()
        .send(&PLAN, &Packed(course.plan.clone()))
        .await?;
    task.arbiter()?
        .send(&PLAN, &Packed(course.plan.clone()))
        .await?;
    let alignments = inputs
        .tables()
        .map(|(rows, _)| Alignment::of(&rows.ids))
        .collect();
    task.hosts().send(&ALIGNMENT, &Packed(alignments)).await?;
    Ok(course)
}

/// Says in the log where this training differs from what a job may expect.
fn note(task: &TaskContext, params: &Params, course: &Course) {
    let method = params
        .encrypt_param
        .method
        .as_deref()
        .unwrap_or("no encryption");
    task.info(format!("{method} asked for: {} serves it", Scheme::NAME));
    if course.epochs().is_empty() {
        task.warn(format!(
            "the model has {} epochs already: nothing is trained",
            course.plan.first_epoch
        ));
    }
    if course.plan.models > 1 && params.validation().is_some() {
        task.warn("there is no validation during one-vs-rest trainings");
    }
}

/// The tables that validations measure on.
fn measured(inputs: &Inputs) -> Result<Vec<Measured>> {
    let of = |(rows, kind): (&Rows, &'static str)| {
        let labelled = rows
            .labelled()
            .into_iter()
            .map(|(row, label)| (row, label == POSITIVE))
            .collect();
        let is_own = kind == "train";
        let columns = (!is_own)
            .then(|| Columns::new(&rows.features, inputs.has_intercept))
            .transpose()?;
        Ok(Measured {
            kind,
            labelled,
            columns,
        })
    };
    inputs.tables().map(of).collect()
}

async fn predict_all(task: &TaskContext, model: &Model, inputs: &Inputs) -> Result<Table> {
    let turn = task.round("predict", 0);
    let mut tables = Vec::new();
    for (index, (rows, kind)) in inputs.tables().enumerate() {
        let how = predictions::Written::new(kind, inputs.tables().map(|(rows, _)| rows));
        tables.push(predictions::predict(&turn.round("rows", index), model, rows, how).await?);
    }
    match tables.as_slice() {
        [table] => Ok(table.clone()),
        tables => Ok(Table::union(tables)?),
    }
}

impl Guest {
    /// The state a binary training begins with.
    fn start(
        &mut self,
        params: &Params,
        inputs: &Inputs,
        index: usize,
        validator: Option<Validator>,
    ) -> Result<Binary> {
        let positive = inputs.classes.get(index).copied().unwrap_or(POSITIVE);
        let from = inputs
            .before
            .as_ref()
            .and_then(|model| model.trained.get(index));
        let shape = (inputs.train.names.len(), inputs.has_intercept);
        let learner = Learner::start(params, shape, from, &mut || self.random.uniform_f64());
        let measured = if validator.is_some() {
            measured(inputs)?
        } else {
            Vec::new()
        };
        let signs = signs(&inputs.labels, positive);
        Ok(Binary {
            learner,
            signs,
            scaling: Scaling::default(),
            validator,
            measured,
        })
    }

    /// One binary training; gives what was learned and what validations measured.
    async fn train(
        &mut self,
        scope: &TaskContext,
        mut own: Binary,
        model: usize,
    ) -> Result<(Trained, Option<serde_json::Value>)> {
        let mut dealing = self.course.dealing.clone();
        let (mut iters, mut is_converged) = (self.course.plan.first_epoch, false);
        for epoch in self.course.epochs() {
            let turn = scope.round("epoch", epoch);
            own.learner.begin_epoch();
            let random = &mut self.random;
            for (index, batch) in dealing
                .epoch(&mut |rows| random.shuffle(rows))
                .into_iter()
                .enumerate()
            {
                let turn = turn.round("batch", index);
                self.name_rows(&turn, &batch, epoch, index).await?;
                self.batch(&turn, &mut own, batch, (epoch, index)).await?;
            }
            if self.course.measures_steps() {
                let messages = (&HOST_STEP_LENGTH, &STEP_LENGTH);
                self.keys
                    .renew(&turn, &mut self.encryptor, &PUBLIC_KEY, 1)
                    .await?;
                agreed_stop::reveal_length(
                    &turn,
                    &mut self.encryptor,
                    messages,
                    own.learner.moved(),
                )
                .await?;
            }
            is_converged = agreed_stop::hear(&turn.arbiter()?, &CONVERGED).await?;
            let is_stopped = self.validate(&turn, &mut own, epoch).await?;
            self.checkpoints
                .keep(&turn, epoch, &own.learner, is_converged)
                .await?;
            self.course.progress(scope, model, epoch);
            iters = epoch + 1;
            if is_converged || is_stopped {
                break;
            }
        }
        let best = own.validator.as_ref().and_then(Validator::best_epoch);
        if self.course.stops_early() {
            scope.hosts().send(&BEST_EPOCH, &Packed(best)).await?;
            best.iter().for_each(|epoch| own.learner.restore(*epoch));
        }
        let history = own.validator.map(Validator::into_history);
        Ok((own.learner.into_trained(iters, is_converged, best), history))
    }

    async fn name_rows(
        &self,
        turn: &TaskContext,
        batch: &Batch,
        epoch: usize,
        index: usize,
    ) -> Result<()> {
        match self.course.shapes.get(index) {
            Some(shape) if self.course.names_rows(*shape, epoch) => {
                send_rows(&turn.hosts(), &MASKED_ROWS, &batch.masked).await
            }
            _ => Ok(()),
        }
    }

    /// Measures the model where an epoch is due; true when training must stop.
    async fn validate(&self, turn: &TaskContext, own: &mut Binary, epoch: usize) -> Result<bool> {
        let Some(validator) = own
            .validator
            .as_mut()
            .filter(|_| self.course.validates(epoch))
        else {
            return Ok(false);
        };
        let mut stop = false;
        for (index, table) in own.measured.iter().enumerate() {
            let turn = turn.round("rows", index);
            stop |= validator
                .measure(&turn, (epoch, table), &self.columns, own.learner.weights())
                .await?;
        }
        if self.course.stops_early() {
            own.learner.keep(epoch);
            agreed_stop::announce(
                &turn.all_of(&[Role::Host, Role::Arbiter]),
                &EARLY_STOP,
                stop,
            )
            .await?;
        }
        Ok(stop)
    }
}
