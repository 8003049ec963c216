//! What stands in the store: catalogues, three jobs, their tasks, and what those told.

use std::collections::BTreeMap;

use domain::{
    Definition, Dialect, Graph, Job, JobKind, JobSettings, JobState, Step, Task, TaskKey,
    TaskState, Waiting,
};
use serde_json::{Map, Value, json};
use service::records::TextKind;
use service::{ModelKey, ModelPart, ModelVersion, Store, StoredModel};
use vocabulary::{
    Attempt, Cast, ComponentInfo, ErrorCode, ExperimentId, Fault, JobId, Metric, MetricData,
    ModelRef, ModelSummary, Participant, Role, Stage, StepName, TableRef, TableSummary, TaskId,
};

use super::{TRAIN, UPLOAD, WAITING, at, party};

/// A component of a catalogue, of which only its parameters' names and defaults matter.
pub fn component(name: &str, module: &str, roles: &[Role], defaults: Value) -> ComponentInfo {
    let fields = defaults
        .as_object()
        .expect("object")
        .keys()
        .map(|name| (name.clone(), json!({})));
    let properties: Map<String, Value> = fields.collect();
    ComponentInfo {
        name: name.to_owned(),
        version: 1,
        summary: String::new(),
        modules: vec![module.to_owned()],
        roles: roles.to_vec(),
        inputs: vec![],
        outputs: vec![],
        schema: json!({"type": "object", "properties": properties, "additionalProperties": false}),
        defaults,
        messages: vec![],
        cast: vec![],
        needs: vec![],
        applies_with: None,
    }
}

/// What both parties announce.
pub fn catalogue() -> Vec<ComponentInfo> {
    let upload = json!({"name": "", "namespace": "", "file": "", "head": 1, "partition": 4, "id_delimiter": ",", "destroy": false,
        "append": false, "extend_sid": false, "auto_increasing_sid": false, "with_meta": false, "meta": {}, "schema": {}, "staged": ""});
    let writer = json!({"name": null, "namespace": null, "output_name": null, "output_namespace": null, "storage_engine": null,
        "address": null, "partitions": null, "delimiter": ",", "destroy": false});
    let download = json!({"name": "", "namespace": "", "output_path": "", "delimiter": ","});
    let lr = json!({"max_iter": 100, "tol": 1e-4, "init_param": {"fit_intercept": true, "init_method": "zeros"}});
    vec![
        component("download", "Download", &[Role::Local], download),
        component(
            "hetero_lr",
            "HeteroLR",
            &[Role::Guest, Role::Host, Role::Arbiter],
            lr,
        ),
        component(
            "reader",
            "Reader",
            &[Role::Guest, Role::Host],
            json!({"table": null}),
        ),
        component(
            "secure_add_example",
            "SecureAddExample",
            &[Role::Guest, Role::Host],
            json!({"seed": 0, "partition": 1, "data_num": 10}),
        ),
        component("upload", "Upload", &[Role::Local], upload),
        component("writer", "Writer", &[Role::Local], writer),
    ]
}

pub(super) async fn fill(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begin");
    for (job, tasks) in [upload_job(), train_job(), waiting_job()] {
        assert!(tx.insert_job(&job).await.expect("insert"));
        // one order of attempts, as the scheduler adds them
        for attempt in 0..2 {
            let own: Vec<Task> = tasks
                .iter()
                .filter(|task| task.key.attempt.0 == attempt)
                .cloned()
                .collect();
            tx.insert_tasks(&own).await.expect("tasks");
        }
        for task in &tasks {
            for (metrics, summary, model) in told(task) {
                tx.add_metrics(&task.key, &metrics).await.expect("metrics");
                if let Some(summary) = summary {
                    tx.put_text(&task.key, TextKind::Summary, &summary.to_string())
                        .await
                        .expect("summary");
                }
                if let Some(model) = model {
                    tx.put_text(&task.key, TextKind::ModelView, &model.to_string())
                        .await
                        .expect("model");
                }
            }
        }
    }
    let (job, _) = train_job();
    let version = left_by(&job);
    tx.put_version(&version).await.expect("version");
    for owner in job.cast.participants() {
        let size = if owner.role == Role::Arbiter {
            0
        } else {
            2_000
        };
        tx.put_part(&ModelPart::new(
            version.key.clone(),
            owner.clone(),
            size,
            at(5_000),
        ))
        .await
        .expect("part");
        if owner.role == Role::Arbiter {
            continue;
        }
        let model = ModelRef {
            version: TRAIN.to_owned(),
            step: StepName::new("hetero_lr_0").expect("valid"),
            owner,
        };
        let summary = ModelSummary {
            model,
            component: "hetero_lr".to_owned(),
            component_version: 1,
            size,
        };
        tx.put_model(&StoredModel {
            summary,
            job: job.id.clone(),
            created: at(4_000),
        })
        .await
        .expect("model");
    }
    tx.commit().await.expect("commit");
}

/// The version of a model that the training left.
fn left_by(job: &Job) -> ModelVersion {
    ModelVersion {
        key: ModelKey::new(job.model_id.clone(), TRAIN),
        stored: TRAIN.to_owned(),
        initiator: job.initiator.clone(),
        cast: job.cast.clone(),
        parent: None,
        job: Some(job.id.clone()),
        dialect: Dialect::FateV2,
        fate_version: "1.11.2".to_owned(),
        train_dsl: job.definition.dsl.clone(),
        train_conf: job.definition.conf.clone(),
        own_inference_dsl: None,
        checkpoints: BTreeMap::new(),
        created: at(5_000),
        updated: at(5_000),
    }
}

type TaskRecords = (Vec<Metric>, Option<Value>, Option<Value>);

fn told(task: &Task) -> Vec<TaskRecords> {
    let id = &task.key.id;
    let meta = |value: Value| value.as_object().expect("object").clone();
    match (id.step.as_str(), id.role) {
        ("upload_0", _) => {
            let data = MetricData::Values(vec![("count".into(), 569.0)]).finite().0;
            let meta = meta(json!({"name": "upload", "metric_type": "UPLOAD"}));
            vec![(
                vec![Metric {
                    namespace: "upload".into(),
                    name: "data_access".into(),
                    data,
                    meta,
                }],
                None,
                None,
            )]
        }
        ("hetero_lr_0", Role::Arbiter) => {
            let data = MetricData::Points(vec![(0.0, 0.69), (1.0, 0.41), (2.0, 0.3)])
                .finite()
                .0;
            let meta = meta(
                json!({"name": "train", "metric_type": "LOSS", "unit_name": "iters", "curve_name": "loss"}),
            );
            vec![(
                vec![Metric {
                    namespace: "train".into(),
                    name: "loss".into(),
                    data,
                    meta,
                }],
                None,
                None,
            )]
        }
        ("hetero_lr_0", Role::Guest) if task.key.attempt.0 == 1 => {
            let model = json!({"meta": {"maxIter": "3"}, "param": {"weight": {"x0": 0.5}, "isConverged": false}});
            vec![(
                vec![],
                Some(json!({"coef": {"x0": 0.5}, "intercept": 0.1})),
                Some(model),
            )]
        }
        _ => vec![],
    }
}

fn step(
    name: &str,
    component: &str,
    module: &str,
    participants: &[Participant],
    outputs: &[&str],
) -> Step {
    Step {
        name: StepName::new(name).expect("valid"),
        component: component.to_owned(),
        module: module.to_owned(),
        version: 1,
        stage: Stage::Fit,
        participants: participants.to_vec(),
        skipped: vec![],
        inputs: vec![],
        models: vec![],
        outputs: outputs.iter().map(|&output| output.to_owned()).collect(),
        model_outputs: vec![],
        parameters: vec![],
    }
}

fn job(id: &str, initiator: Participant, cast: Cast, definition: Definition) -> Job {
    Job {
        id: JobId::new(id).expect("valid"),
        experiment: ExperimentId::new("default").expect("valid"),
        kind: JobKind::Train,
        name: String::new(),
        description: String::new(),
        initiator,
        cast,
        definition,
        settings: JobSettings::default(),
        model_id: "arbiter-10000#guest-9999#host-10000#model".into(),
        model_version: id.to_owned(),
        state: JobState::Succeeded,
        reason: None,
        waiting: None,
        stop: None,
        offer: None,
        ticket: None,
        answers: BTreeMap::new(),
        progress: 100,
        created: at(0),
        rerun: None,
        amended: None,
        started: Some(at(1_000)),
        ended: Some(at(5_000)),
        updated: at(5_000),
        archived: None,
    }
}

fn definition(dsl: Value, conf: Value, graph: Graph) -> Definition {
    Definition {
        dialect: Dialect::FateV2,
        submitted_dsl: dsl.clone(),
        submitted_conf: conf.clone(),
        dsl,
        conf,
        train_conf: json!({}),
        graph,
        warnings: Vec::new(),
    }
}

fn task(job: &Job, step: &Step, participant: &Participant, attempt: u32, state: TaskState) -> Task {
    let id = TaskId {
        job: job.id.clone(),
        step: step.name.clone(),
        role: participant.role,
        party: participant.party.clone(),
    };
    let outputs = if state == TaskState::Succeeded {
        step.outputs.as_slice()
    } else {
        &[]
    };
    let outputs = outputs
        .iter()
        .enumerate()
        .map(|(index, name)| TableSummary {
            table: TableRef::output(&id, Attempt(attempt), index),
            data_name: Some(name.clone()),
            rows: 569,
            partitions: 4,
            header: vec![],
            content_hash: String::new(),
        });
    Task {
        outputs: outputs.collect(),
        key: TaskKey {
            id,
            attempt: Attempt(attempt),
        },
        state,
        fault: (state == TaskState::Failed).then(|| {
            Fault::new(ErrorCode::TableMissing, "can not found table name: t")
                .at(&participant.party)
        }),
        progress: None,
        usage: None,
        not_before: None,
        ordered: None,
        created: at(500),
        started: (state != TaskState::Waiting).then(|| at(1_000)),
        ended: state.is_settled().then(|| at(2_000)),
        updated: at(2_000),
    }
}

fn three() -> (Participant, Participant, Participant) {
    (
        Participant::new(Role::Guest, party("9999")),
        Participant::new(Role::Host, party("10000")),
        Participant::new(Role::Arbiter, party("10000")),
    )
}

fn cast() -> Cast {
    Cast {
        guest: vec![party("9999")],
        host: vec![party("10000")],
        arbiter: vec![party("10000")],
        local: vec![],
    }
}

/// A job of two steps; the first attempt of its second step failed at the guest.
fn train_job() -> (Job, Vec<Task>) {
    let (guest, host, arbiter) = three();
    let dsl = json!({"components": {
        "reader_0": {"module": "Reader", "output": {"data": ["table"]}},
        "hetero_lr_0": {"module": "HeteroLR", "input": {"data": {"train_data": ["reader_0.table"]}}, "output": {"data": ["train"], "model": ["lr"]}},
    }});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "job_parameters": {"common": {"job_type": "train", "task_cores": 4}},
        "component_parameters": {"common": {"hetero_lr_0": {"max_iter": 3}}},
    });
    let mut reader = step(
        "reader_0",
        "reader",
        "Reader",
        &[guest.clone(), host.clone()],
        &["table"],
    );
    for (who, name) in [(&guest, "breast_guest"), (&host, "breast_host")] {
        reader.parameters.push((
            who.clone(),
            json!({"table": {"namespace": "experiment", "name": name}}),
        ));
    }
    let mut lr = step(
        "hetero_lr_0",
        "hetero_lr",
        "HeteroLR",
        &[guest.clone(), host.clone(), arbiter.clone()],
        &["train"],
    );
    lr.model_outputs = vec!["lr".into()];
    lr.parameters = [&guest, &host, &arbiter]
        .map(|who| (who.clone(), json!({"max_iter": 3})))
        .to_vec();
    let graph = Graph {
        steps: vec![reader.clone(), lr.clone()],
    };
    let job = job(TRAIN, guest.clone(), cast(), definition(dsl, conf, graph));
    let tasks = vec![
        task(&job, &reader, &guest, 0, TaskState::Succeeded),
        task(&job, &reader, &host, 0, TaskState::Succeeded),
        task(&job, &lr, &guest, 0, TaskState::Failed),
        task(&job, &lr, &host, 0, TaskState::Canceled),
        task(&job, &lr, &arbiter, 0, TaskState::Canceled),
        task(&job, &lr, &guest, 1, TaskState::Succeeded),
        task(&job, &lr, &host, 1, TaskState::Succeeded),
        task(&job, &lr, &arbiter, 1, TaskState::Succeeded),
    ];
    (job, tasks)
}

/// An upload that both parties did.
fn upload_job() -> (Job, Vec<Task>) {
    let both = ["9999", "10000"].map(|id| Participant::new(Role::Local, party(id)));
    let dsl = json!({"components": {"upload_0": {"module": "Upload"}}});
    let parameters =
        json!({"namespace": "experiment", "name": "breast", "partition": 4, "head": 1});
    let conf = json!({"dsl_version": 2, "initiator": {"role": "local", "party_id": 9999}, "role": {"local": [9999, 10000]}, "job_parameters": {"common": {}}});
    let mut upload = step("upload_0", "upload", "Upload", &both, &[]);
    upload.parameters = both.clone().map(|who| (who, parameters.clone())).to_vec();
    let cast = Cast {
        local: both.iter().map(|one| one.party.clone()).collect(),
        ..Cast::default()
    };
    let mut job = job(
        UPLOAD,
        both[0].clone(),
        cast,
        definition(
            dsl,
            conf,
            Graph {
                steps: vec![upload.clone()],
            },
        ),
    );
    job.created = at(-10_000);
    job.model_id = "local-10000_9999#model".into();
    let tasks = both
        .iter()
        .map(|who| task(&job, &upload, who, 0, TaskState::Succeeded))
        .collect();
    (job, tasks)
}

/// A job that waits for a party.
fn waiting_job() -> (Job, Vec<Task>) {
    let (mut job, _) = train_job();
    job.id = JobId::new(WAITING).expect("valid");
    job.model_version = WAITING.into();
    job.state = JobState::Queued;
    job.progress = 0;
    (job.created, job.started, job.ended) = (at(20_000), None, None);
    job.waiting = Some(Waiting {
        reason: "party 10000 is not connected".into(),
        parties: vec![party("10000")],
        since: at(21_000),
        last_error: Some(Fault::new(ErrorCode::PartyOffline, "link closed")),
    });
    let steps = job.definition.graph.steps.clone();
    let tasks = steps.iter().flat_map(|step| {
        step.participants
            .iter()
            .map(|who| task(&job, step, who, 0, TaskState::Waiting))
            .collect::<Vec<_>>()
    });
    let tasks = tasks.collect();
    (job, tasks)
}
