//! One sample of every message, with every field set to something.

use serde_json::json;
use vocabulary::report::{Outcome, ReportBody};
use vocabulary::{
    Assignment, Attempt, Cast, DataInput, ErrorCode, Existing, Fault, JobId, Metric, MetricData,
    ModelInput, ModelRef, ModelSummary, Offer, OfferedFile, OfferedInput, OfferedStep, Participant,
    PartyId, Progress, Report, Role, SignedBytes, Stage, StepName, TableRef, TableSummary, TaskId,
    Timestamp, UploadConfig, Usage,
};
use wire::agent_link::{
    Caller, EnvelopeHead, Hello, HttpHead, HttpReplyHead, Peer, Reply, StepCheck, ToAgent,
    ToCoordinator, UploadCall, Welcome,
};
use wire::{Address, AttemptKey};

fn party(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

fn job() -> JobId {
    JobId::new("202611230624312345670").unwrap()
}

fn step() -> StepName {
    StepName::new("hetero_lr_0").unwrap()
}

fn guest() -> Participant {
    Participant::new(Role::Guest, party("9999"))
}

fn host() -> Participant {
    Participant::new(Role::Host, party("10000"))
}

fn task() -> TaskId {
    TaskId {
        job: job(),
        step: step(),
        role: Role::Guest,
        party: party("9999"),
    }
}

fn cast() -> Cast {
    Cast {
        guest: vec![party("9999")],
        host: vec![party("10000"), party("9998")],
        arbiter: vec![party("10000")],
        local: vec![],
    }
}

fn fault() -> Fault {
    let fault = Fault::new(ErrorCode::OfferRefused, "table secret.rows may not be used")
        .at(&party("10000"));
    fault
        .path("role_parameters.host.0.reader_0.table")
        .next("ask party 10000 to allow the table")
}

fn signed() -> SignedBytes {
    SignedBytes {
        bytes: vec![1, 2, 255],
        signer: party("9999"),
        chain: vec![vec![48, 130], vec![48]],
        signature: vec![0, 128, 7],
    }
}

fn table() -> TableRef {
    TableRef::new("experiment", "breast_hetero_guest")
}

pub(crate) fn peer() -> Peer {
    Peer {
        party: party("10000"),
        chain: vec![vec![48, 130, 1], vec![48]],
        direct: vec!["host.example:9370".into()],
        online: true,
        run: Some(7),
        message_key: None,
    }
}

pub(crate) fn envelope_head() -> EnvelopeHead {
    let attempt = AttemptKey {
        job: job(),
        step: step(),
        attempt: Attempt(2),
        offer: "ab".repeat(32),
    };
    let address = Address {
        attempt,
        from: guest(),
        to: host(),
        tag: "epoch.3/batch.0/guest_forward".into(),
    };
    EnvelopeHead {
        address,
        message: "guest_forward".into(),
        size: 70_000,
    }
}

pub(crate) fn hello() -> Hello {
    Hello {
        protocol: (1, 3),
        version: "0.1.0".into(),
        capabilities: vec!["direct".into()],
        now: Timestamp(1_795_000_000_000_000),
        catalogue: signed(),
        attempts: vec![(task(), Attempt(2))],
        direct: vec!["guest.example:9370".into(), "[::1]:9370".into()],
        rest: Some("http://guest.example:9380".into()),
        rows_through_coordinator: true,
        slots: None,
        run: None,
        message_key: None,
    }
}

pub(crate) fn welcomes() -> Vec<(&'static str, Welcome)> {
    let accepted = Welcome::Accepted {
        protocol: 1,
        version: "0.1.0".into(),
        capabilities: vec!["direct".into()],
        now: Timestamp(1_795_000_000_000_001),
        heartbeat_millis: 2_000,
        peers: vec![peer()],
    };
    vec![
        ("accepted", accepted),
        ("refused", Welcome::Refused(fault())),
    ]
}

fn offer() -> Offer {
    let offered = OfferedStep {
        step: step(),
        component: "hetero_lr".into(),
        version: 1,
        stage: Stage::Fit,
        roles: vec![Role::Guest, Role::Host, Role::Arbiter],
        participants: vec![guest()],
        parameters: vec![(guest(), "{\"max_iter\":30}".into())],
        tables: vec![(guest(), table())],
        inputs: vec![OfferedInput {
            who: guest(),
            port: "train_data".into(),
            from_step: step(),
            made_by: step(),
            index: 1,
            of_job: None,
        }],
        models: vec![ModelInput {
            port: "model".into(),
            model: ModelRef {
                version: job().to_string(),
                step: step(),
                owner: guest(),
            },
            checkpoint: None,
        }],
        inherited: None,
    };
    Offer {
        job: job(),
        initiator: guest(),
        cast: cast(),
        steps: vec![offered],
        created: Timestamp(1_795_000_000_000_000),
        expires: None,
        attempts: None,
        keeps: None,
    }
}

/// The same with what was added since.
fn bounded_offer() -> Offer {
    Offer {
        expires: Some(Timestamp(1_795_000_900_000_000)),
        attempts: Some(4),
        keeps: Some(OfferedFile {
            step: step(),
            who: guest(),
            file: "files://runs/scores.csv".into(),
        }),
        ..offer()
    }
}

fn assignment() -> Assignment {
    let model = ModelRef {
        version: job().to_string(),
        step: step(),
        owner: guest(),
    };
    Assignment {
        task: task(),
        attempt: Attempt(2),
        component: "hetero_lr".into(),
        component_version: 1,
        stage: Stage::Fit,
        cast: cast(),
        step_cast: cast(),
        parameters: json!({"max_iter": 30, "tol": 1e-4, "optimizer": "rmsprop", "init": {"fit_intercept": true}, "none": null}),
        inputs: vec![DataInput {
            port: "train_data".into(),
            from_step: step(),
            table: table(),
        }],
        models: vec![ModelInput {
            port: "isometric_model".into(),
            model,
            checkpoint: None,
        }],
        outputs: vec!["data".into()],
        model_version: job().to_string(),
        offer: "ab".repeat(32),
        partitions: 4,
        deadline: Some(Timestamp(1_795_000_100_000_000)),
        limits: vocabulary::Limits::default(),
        keeps: None,
        because: Some("party 10000: the agent was restarted while it worked".into()),
    }
}

fn http_head(caller: Caller) -> HttpHead {
    HttpHead {
        method: "POST".into(),
        target: "/v1/table/table_info?x=1".into(),
        headers: vec![("content-type".into(), b"application/json".to_vec())],
        caller,
        ticket: None,
    }
}

pub(crate) fn to_agent() -> Vec<(&'static str, ToAgent)> {
    let check = StepCheck {
        step: step(),
        component: "hetero_lr".into(),
        role: Role::Host,
        parameters: json!({"tol": -1}),
    };
    vec![
        ("sign", ToAgent::Sign(offer())),
        (
            "sign_with_ticket",
            ToAgent::SignWithTicket {
                offer: bounded_offer(),
                ticket: signed(),
            },
        ),
        ("offer", ToAgent::Offer(signed())),
        ("assign", ToAgent::Assign(Box::new(assignment()))),
        (
            "cancel",
            ToAgent::Cancel {
                task: task(),
                attempt: Attempt(2),
                reason: fault(),
            },
        ),
        ("close", ToAgent::Close(job())),
        ("check", ToAgent::Check(vec![check])),
        ("peers", ToAgent::Peers(vec![peer()])),
        ("mail", ToAgent::Envelope(envelope_head())),
        ("http", ToAgent::Http(http_head(Caller::Outsider))),
    ]
}

fn reports() -> Vec<Report> {
    let meta = json!({"metric_type": "LOSS", "unit_name": "iters"})
        .as_object()
        .unwrap()
        .clone();
    let points = MetricData::Points(vec![(0.0, 0.5)]).finite().0;
    let curve = Metric {
        namespace: "train".into(),
        name: "loss".into(),
        data: points,
        meta,
    };
    let values = MetricData::Values(vec![("auc".into(), 0.98)]).finite().0;
    let scalars = Metric {
        namespace: "validate".into(),
        name: "hetero_lr_0".into(),
        data: values,
        meta: Default::default(),
    };
    let output = TableSummary {
        table: table(),
        data_name: Some("data".into()),
        rows: 569,
        partitions: 4,
        header: vec!["id".into(), "x0".into()],
        content_hash: "cd".repeat(32),
    };
    let model = ModelRef {
        version: job().to_string(),
        step: step(),
        owner: guest(),
    };
    let summary = ModelSummary {
        model,
        component: "hetero_lr".into(),
        component_version: 1,
        size: 1234,
    };
    let usage = Usage {
        wall_micros: 7,
        compute_micros: 6,
        encryption_micros: 5,
        network_micros: 4,
        waiting_micros: 3,
        bytes_sent: 2,
        messages_sent: 1,
    };
    let ended = |outcome| ReportBody::Ended { outcome, usage };
    let bodies = vec![
        ReportBody::Started,
        ReportBody::Progress(Progress::new(0.1, "epoch 3 of 30")),
        ReportBody::Metrics(vec![curve, scalars]),
        ReportBody::Summary("{}".into()),
        ReportBody::ModelView("{\"meta\":{}}".into()),
        ReportBody::Output(output),
        ReportBody::Model(summary),
        ended(Outcome::Succeeded),
        ended(Outcome::Failed(fault())),
        ended(Outcome::Canceled),
        ended(Outcome::Lost),
    ];
    bodies
        .into_iter()
        .map(|body| Report {
            task: task(),
            attempt: Attempt(2),
            body,
        })
        .collect()
}

pub(crate) fn to_coordinator() -> Vec<(&'static str, ToCoordinator)> {
    vec![
        (
            "heartbeat",
            ToCoordinator::Heartbeat {
                attempts: vec![(task(), Attempt(2))],
                message_key: None,
            },
        ),
        ("reports", ToCoordinator::Reports(reports())),
        ("mail", ToCoordinator::Envelope(envelope_head())),
        (
            "http",
            ToCoordinator::Http(http_head(Caller::PartyUser(party("9999")))),
        ),
        (
            "http_with_ticket",
            ToCoordinator::Http(HttpHead {
                ticket: Some(signed()),
                ..http_head(Caller::PartyUser(party("9999")))
            }),
        ),
        (
            "upload",
            ToCoordinator::Upload(Box::new(UploadCall {
                config: upload(),
                ticket: Some(signed()),
            })),
        ),
    ]
}

fn upload() -> UploadConfig {
    let object = |value: serde_json::Value| value.as_object().unwrap().clone();
    UploadConfig {
        namespace: "experiment".into(),
        table_name: "breast_hetero_guest".into(),
        file: "breast.csv".into(),
        head: 1,
        partition: 4,
        id_delimiter: ",".into(),
        existing: Existing::Replace,
        extend_sid: false,
        auto_increasing_sid: false,
        with_meta: true,
        meta: object(json!({"label_name": "y"})),
        schema: object(json!({"sid": "id"})),
        storage_engine: Some("EGGROLL".into()),
        party_id: Some("9999".into()),
        staged: Some("ab".repeat(16)),
        storage_address: Some(object(json!({"host": "a"}))),
        of_job: object(json!({"task_cores": 2})),
    }
}

pub(crate) fn replies() -> Vec<(&'static str, Reply)> {
    let head = HttpReplyHead {
        status: 200,
        headers: vec![("content-type".into(), b"text/plain".to_vec())],
    };
    vec![
        ("done", Reply::Done),
        ("signed", Reply::Signed(signed())),
        ("accepted", Reply::Accepted(signed())),
        ("checked", Reply::Checked(vec![fault()])),
        ("http", Reply::Http(head)),
        (
            "document",
            Reply::Document(r#"{"retcode":0,"retmsg":"success"}"#.into()),
        ),
        ("failed", Reply::Failed(fault())),
    ]
}
