//! Rows to store.

use std::collections::BTreeMap;

use domain::{Definition, Dialect, Graph, Job, JobKind, JobSettings, JobState, Task, TaskKey};
use serde_json::json;
use service::records::{OrderKind, PartyRecord, PendingOrder, StoredModel};
use service::{ModelKey, ModelPart, ModelVersion};
use vocabulary::{
    Attempt, Cast, ExperimentId, Metric, MetricData, ModelRef, ModelSummary, Participant, PartyId,
    Role, SignedBytes, TaskId, Timestamp,
};

pub(super) fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("valid")
}

pub(super) fn job(id: &str, created: i64) -> Job {
    let created = Timestamp(created);
    Job {
        id: id.parse().expect("valid"),
        experiment: ExperimentId::new("default").expect("valid"),
        kind: JobKind::Train,
        name: "a \"name\"".to_owned(),
        description: String::new(),
        initiator: Participant::new(Role::Guest, party("9999")),
        cast: Cast {
            guest: vec![party("9999")],
            host: vec![party("10000")],
            ..Cast::default()
        },
        definition: Definition {
            dialect: Dialect::FateV2,
            submitted_dsl: json!({"components": {}}),
            submitted_conf: json!({"b": 1, "a": [0.1, null, "é"]}),
            dsl: json!({}),
            conf: json!({"z": 1, "a": 2}),
            train_conf: json!({}),
            graph: Graph::default(),
            warnings: vec!["[WARN]x".to_owned()],
        },
        settings: JobSettings::default(),
        model_id: "guest-9999#host-10000#model".to_owned(),
        model_version: id.to_owned(),
        state: JobState::Offered,
        reason: None,
        waiting: None,
        stop: None,
        offer: None,
        ticket: None,
        answers: BTreeMap::new(),
        progress: 0,
        created,
        rerun: None,
        amended: None,
        started: None,
        ended: None,
        updated: created,
        archived: None,
    }
}

pub(super) fn task(job: &str, step: &str, party: &str, attempt: u32) -> Task {
    let id = TaskId {
        job: job.parse().expect("valid"),
        step: step.parse().expect("valid"),
        role: Role::Guest,
        party: self::party(party),
    };
    Task::waiting(
        TaskKey {
            id,
            attempt: Attempt(attempt),
        },
        None,
        Timestamp(5),
    )
}

pub(super) fn metric(name: &str, points: &[(f64, f64)]) -> Metric {
    let meta = json!({"metric_type": "LOSS"})
        .as_object()
        .cloned()
        .unwrap_or_default();
    let data = MetricData::Points(points.to_vec()).finite().0;
    Metric {
        namespace: "train".to_owned(),
        name: name.to_owned(),
        data,
        meta,
    }
}

pub(super) fn model(version: &str, step: &str, size: u64) -> StoredModel {
    let owner = Participant::new(Role::Guest, party("9999"));
    let model = ModelRef {
        version: version.to_owned(),
        step: step.parse().expect("valid"),
        owner,
    };
    let summary = ModelSummary {
        model,
        component: "hetero_lr".to_owned(),
        component_version: 1,
        size,
    };
    StoredModel {
        summary,
        job: "1".parse().expect("valid"),
        created: Timestamp(1),
    }
}

pub(super) fn version(model: &str, version: &str, created: i64) -> ModelVersion {
    ModelVersion {
        key: ModelKey::new(model, version),
        stored: "p".to_owned(),
        initiator: Participant::new(Role::Guest, party("9999")),
        cast: Cast {
            guest: vec![party("9999")],
            host: vec![party("10000"), party("bank-a")],
            ..Cast::default()
        },
        parent: Some(ModelKey::new(model, "p")),
        job: Some("1".parse().expect("valid")),
        dialect: Dialect::FateV1,
        fate_version: "1.11.2".to_owned(),
        train_dsl: json!({"components": {"b": 1, "a": 2}}),
        train_conf: json!({"x": []}),
        own_inference_dsl: Some(json!({"components": {"a": 1}})),
        checkpoints: [("a".to_owned(), vocabulary::CheckpointRef::StepIndex(3))].into(),
        created: Timestamp(created),
        updated: Timestamp(created),
    }
}

pub(super) fn part(of: &ModelVersion, role: Role, id: &str) -> ModelPart {
    ModelPart::new(
        of.key.clone(),
        Participant::new(role, party(id)),
        7,
        of.created,
    )
}

pub(super) fn record(id: &str) -> PartyRecord {
    PartyRecord {
        party: party(id),
        components: Vec::new(),
        rest: None,
        rows_through_coordinator: true,
        seen: Timestamp(9),
    }
}

pub(super) fn order(job: &str, party: &str, kind: OrderKind, created: i64) -> PendingOrder {
    PendingOrder::new(
        &job.parse().expect("valid"),
        &self::party(party),
        kind,
        Timestamp(created),
    )
}

pub(super) fn signed(signer: &str, bytes: Vec<u8>) -> SignedBytes {
    SignedBytes {
        bytes,
        signer: party(signer),
        chain: vec![vec![1, 2], vec![]],
        signature: vec![9; 4],
    }
}
