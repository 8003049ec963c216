//! gRPC: the same operations, and what is around them.

use axum::body::Body;
use axum::extract::Request;
use prost::Message;
use rest::lenient::whole_body;
use serde_json::Value;
use tonic::Code;
use tower::ServiceExt;

use super::fixture::World;
use crate::proto::experiment::StorageState;
use crate::proto::{
    ArchiveExperimentRequest, CreateExperimentRequest, DeleteExperimentRequest, Error, Experiment,
    GetExperimentRequest, ListExperimentsRequest, Relationship, ResourceKey, ResourceReference,
    ResourceType, UnarchiveExperimentRequest,
};
use crate::refusal::RichStatus;
use crate::show;

/// An experiment of namespace `ns1`, as recorded from another implementation.
const GOLDEN: &str = "0a016912016e220208012a0b0a07080512036e733110013001";

#[test]
fn reads_and_writes_the_recorded_bytes() {
    let key = ResourceKey {
        r#type: ResourceType::Namespace.into(),
        id: "ns1".to_owned(),
    };
    let reference = ResourceReference {
        key: Some(key),
        relationship: Relationship::Owner.into(),
        name: String::new(),
    };
    let experiment = Experiment {
        id: "i".to_owned(),
        name: "n".to_owned(),
        description: String::new(),
        created_at: Some(prost_types::Timestamp {
            seconds: 1,
            nanos: 0,
        }),
        resource_references: vec![reference],
        storage_state: StorageState::StoragestateAvailable.into(),
    };
    let hex: String = experiment
        .encode_to_vec()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, GOLDEN);
    let bytes: Vec<u8> = (0..GOLDEN.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&GOLDEN[at..at + 2], 16).expect("hex"))
        .collect();
    assert_eq!(Experiment::decode(bytes.as_slice()), Ok(experiment));
}

#[tokio::test]
async fn gives_the_same_object_as_rest() {
    let world = World::open().await;
    let mut client = world.client();
    let wanted = Experiment {
        name: "training".to_owned(),
        description: "d".to_owned(),
        ..Experiment::default()
    };
    let made = client
        .create_experiment(CreateExperimentRequest {
            experiment: Some(wanted),
        })
        .await
        .expect("made");
    let made = made.into_inner();
    let (_, over_rest) = world
        .json("GET", &format!("/experiments/{}", made.id), Value::Null)
        .await;
    assert_eq!(show::experiment(&made), over_rest);
    let request = ListExperimentsRequest {
        page_size: 1,
        sort_by: "name".to_owned(),
        ..ListExperimentsRequest::default()
    };
    let listed = client
        .list_experiment(request)
        .await
        .expect("listed")
        .into_inner();
    assert_eq!(
        (
            listed.experiments,
            listed.total_size,
            listed.next_page_token
        ),
        (vec![made.clone()], 1, String::new())
    );
    let id = made.id;
    client
        .archive_experiment(ArchiveExperimentRequest { id: id.clone() })
        .await
        .expect("archived");
    let found = client
        .get_experiment(GetExperimentRequest { id: id.clone() })
        .await
        .expect("there")
        .into_inner();
    assert_eq!(found.storage_state(), StorageState::StoragestateArchived);
    client
        .unarchive_experiment(UnarchiveExperimentRequest { id: id.clone() })
        .await
        .expect("taken out");
    client
        .delete_experiment(DeleteExperimentRequest { id: id.clone() })
        .await
        .expect("deleted");
    let gone = client
        .get_experiment(GetExperimentRequest { id })
        .await
        .expect_err("gone");
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test]
async fn refuses_with_the_same_texts_and_a_rich_status() {
    let world = World::open().await;
    let mut client = world.client();
    let refused = client
        .get_experiment(GetExperimentRequest { id: "x".to_owned() })
        .await
        .expect_err("unknown");
    let (_, over_rest) = world.json("GET", "/experiments/x", Value::Null).await;
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::NotFound, over_rest["error"].as_str().expect("a text"))
    );
    let rich = RichStatus::decode(refused.details()).expect("a status");
    assert_eq!((rich.code, rich.message.as_str()), (5, refused.message()));
    assert_eq!(rich.details[0].type_url, "type.googleapis.com/api.Error");
    let detail = Error::decode(rich.details[0].value.as_slice()).expect("an error");
    assert_eq!(detail.error_message, "Experiment x not found.");
    let empty = client
        .create_experiment(CreateExperimentRequest { experiment: None })
        .await
        .expect_err("no name");
    assert!(empty.code() == Code::InvalidArgument && empty.message().contains("name is empty"));
}

/// One call without a client; gives the body and the status that stands in the headers, if one does.
async fn call(world: &World, path: &str, frame: &[u8]) -> (Vec<u8>, Option<String>) {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("content-type", "application/grpc");
    let request = request.body(Body::from(frame.to_vec())).expect("a request");
    let response = world
        .server
        .clone()
        .oneshot(request)
        .await
        .expect("infallible");
    assert_eq!(response.status(), 200);
    let status = response
        .headers()
        .get("grpc-status")
        .map(|value| value.to_str().expect("text").to_owned());
    (
        whole_body(response.into_body())
            .await
            .expect("a body")
            .to_vec(),
        status,
    )
}

#[tokio::test]
async fn answers_health_and_reflection_and_nothing_else() {
    let world = World::open().await;
    let named = |name: &[u8]| {
        [
            &[
                0,
                0,
                0,
                0,
                u8::try_from(name.len() + 2).expect("short"),
                10,
                u8::try_from(name.len()).expect("short"),
            ],
            name,
        ]
        .concat()
    };
    let (body, _) = call(
        &world,
        "/grpc.health.v1.Health/Check",
        &named(b"api.ExperimentService"),
    )
    .await;
    assert_eq!(body, [0, 0, 0, 0, 2, 8, 1], "serving");
    // list_services, field 7
    let list = [0, 0, 0, 0, 2, 58, 0];
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let (body, _) = call(&world, &path, &list).await;
        let text = String::from_utf8_lossy(&body).into_owned();
        for service in ["api.ExperimentService", "grpc.health.v1.Health"] {
            assert!(text.contains(service), "{version}: {text}");
        }
    }
    let here = World {
        server: crate::grpc_elsewhere(),
        ..World::open().await
    };
    let get = call(
        &here,
        "/api.ExperimentService/GetExperiment",
        &[0, 0, 0, 0, 0],
    )
    .await;
    assert_eq!(get.1.as_deref(), Some("12"));
    for path in [
        "/api.RunService/GetRun",
        "/api.ExperimentService/Frob",
        "/v1/job/query",
    ] {
        assert_eq!(
            call(&world, path, &[0, 0, 0, 0, 0]).await.1.as_deref(),
            Some("12"),
            "{path}"
        );
    }
}
