//! Every route of the table, and every gRPC method, for callers without a credential, with a wrong one, and another tenant's.

use domain::experiment::query::Query;
use serde_json::{Value, json};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use super::fixture::World;
use crate::proto::{
    ArchiveExperimentRequest, CreateExperimentRequest, DeleteExperimentRequest, Experiment,
    GetExperimentRequest, ListExperimentsRequest, ResourceKey, UnarchiveExperimentRequest,
};
use crate::{KubeflowOptions, ROUTES};
use api_kit::Method;

fn path(of: &str, id: &str) -> String {
    of.strip_prefix("/apis/v1beta1")
        .expect("a route with an operation")
        .replace("{id}", id)
}

fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if !token.is_empty() {
        let value: MetadataValue<_> = format!("Bearer {token}").parse().expect("a value");
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// A method by its name, with a request that names the experiment; gives what was answered, as text.
async fn call(
    world: &World,
    rpc: &str,
    token: &str,
    id: &str,
    namespace: Option<&str>,
) -> Result<String, Status> {
    let (mut client, id) = (world.client(), id.to_owned());
    let key = namespace.map(|namespace| ResourceKey {
        r#type: 5,
        id: namespace.to_owned(),
    });
    Ok(match rpc {
        "CreateExperiment" => {
            let experiment = Some(Experiment {
                name: "secret".to_owned(),
                ..Experiment::default()
            });
            format!(
                "{:?}",
                client
                    .create_experiment(with(token, CreateExperimentRequest { experiment }))
                    .await?
            )
        }
        "GetExperiment" => format!(
            "{:?}",
            client
                .get_experiment(with(token, GetExperimentRequest { id }))
                .await?
        ),
        "ListExperiment" => {
            let request = ListExperimentsRequest {
                resource_reference_key: key,
                ..ListExperimentsRequest::default()
            };
            format!("{:?}", client.list_experiment(with(token, request)).await?)
        }
        "DeleteExperiment" => {
            format!(
                "{:?}",
                client
                    .delete_experiment(with(token, DeleteExperimentRequest { id }))
                    .await?
            )
        }
        "ArchiveExperiment" => {
            format!(
                "{:?}",
                client
                    .archive_experiment(with(token, ArchiveExperimentRequest { id }))
                    .await?
            )
        }
        "UnarchiveExperiment" => {
            format!(
                "{:?}",
                client
                    .unarchive_experiment(with(token, UnarchiveExperimentRequest { id }))
                    .await?
            )
        }
        other => panic!("{other} is in the table but not in this test"),
    })
}

#[tokio::test]
async fn every_route_asks_who_comes() {
    let world = World::with(KubeflowOptions::default(), true).await;
    for route in ROUTES.iter().filter(|route| !route.open) {
        for token in ["", "wrong", "one two"] {
            let (status, refused) = world
                .json_as(
                    token,
                    route.method().word(),
                    &path(route.path, "x"),
                    json!({}),
                )
                .await;
            assert_eq!(
                (status, &refused["code"]),
                (401, &json!(16)),
                "{} {token}",
                route.path
            );
            let refused = call(&world, route.mark.rpc.expect("a method"), token, "x", None)
                .await
                .expect_err("refused");
            assert_eq!(
                refused.code(),
                Code::Unauthenticated,
                "{} {token}",
                route.path
            );
        }
        let (status, _) = world
            .json_as(
                "one",
                route.method().word(),
                &path(route.path, "x"),
                json!({}),
            )
            .await;
        assert!(status != 401 && status != 403, "{}", route.path);
    }
}

/// All experiments of all tenants, as text.
async fn stored(world: &World) -> String {
    format!(
        "{:?}",
        world
            .coordinator
            .experiments()
            .find(&Query::default())
            .await
            .expect("experiments")
            .experiments
    )
}

#[tokio::test]
async fn a_token_of_one_tenant_reaches_nothing_of_anothers() {
    for multi_user in [false, true] {
        let world = World::with(KubeflowOptions { multi_user }, true).await;
        let reference =
            json!([{"key": {"type": "NAMESPACE", "id": "9999"}, "relationship": "OWNER"}]);
        let wanted = json!({"name": "secret", "description": "canary", "resource_references": if multi_user { reference } else { json!([]) }});
        let (status, made) = world
            .json_as("one", "POST", "/experiments", wanted.clone())
            .await;
        assert_eq!(status, 200, "{made}");
        let id = made["id"].as_str().expect("an id");
        let before = stored(&world).await;
        for route in ROUTES.iter().filter(|route| !route.open) {
            let is_create = route.method() == Method::Post && !route.path.contains("{id}");
            if is_create && !multi_user {
                continue; // it makes one of its own: below
            }
            let query = if multi_user {
                "?resource_reference_key.type=NAMESPACE&resource_reference_key.id=9999"
            } else {
                ""
            };
            let full = format!("{}{query}", path(route.path, id));
            let (status, answer) = world
                .json_as("two", route.method().word(), &full, wanted.clone())
                .await;
            let is_list = !multi_user && route.mark.rpc == Some("ListExperiment");
            let expected = if is_list {
                200
            } else if multi_user {
                403
            } else {
                404
            };
            assert_eq!(status, expected, "{} {answer}", route.path);
            assert!(
                !answer.to_string().contains("canary"),
                "{} {answer}",
                route.path
            );
            let rpc = route.mark.rpc.expect("a method");
            match call(&world, rpc, "two", id, multi_user.then_some("9999")).await {
                Ok(answer) => assert!(is_list && !answer.contains("canary"), "{rpc}: {answer}"),
                Err(refused) => {
                    assert!(matches!(
                        refused.code(),
                        Code::NotFound | Code::PermissionDenied | Code::InvalidArgument
                    ))
                }
            }
            assert_eq!(stored(&world).await, before, "{}", route.path);
        }
        let (status, shown) = world
            .json_as(
                "operator",
                "GET",
                &format!("/experiments/{id}"),
                Value::Null,
            )
            .await;
        assert_eq!((status, &shown["description"]), (200, &json!("canary")));
    }
}

#[tokio::test]
async fn each_tenant_has_names_of_its_own() {
    let world = World::with(KubeflowOptions::default(), true).await;
    for token in ["one", "two", "operator"] {
        let (status, made) = world
            .json_as(token, "POST", "/experiments", json!({"name": "training"}))
            .await;
        assert_eq!(status, 200, "{made}");
        let (_, listed) = world
            .json_as(token, "GET", "/experiments", Value::Null)
            .await;
        let total = if token == "operator" { 3 } else { 1 };
        assert_eq!(listed["total_size"], total, "{token}");
    }
}
