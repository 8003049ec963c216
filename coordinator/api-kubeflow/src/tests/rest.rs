//! REST: the rows of the contract's table that need no real client.

use rest::lenient::segment_of;
use serde_json::{Value, json};

use super::fixture::World;
use crate::{KubeflowOptions, ROUTES};

const MULTI: KubeflowOptions = KubeflowOptions { multi_user: true };

fn names(of: &[&str]) -> String {
    let filter =
        json!({"predicates": [{"op": "IN", "key": "name", "string_values": {"values": of}}]});
    format!("filter={}", segment_of(&filter.to_string()))
}

fn equal(key: &str, value: &str) -> String {
    let filter = json!({"predicates": [{"op": 1, "key": key, "stringValue": value}]});
    format!("filter={}", segment_of(&filter.to_string()))
}

#[tokio::test]
async fn makes_and_shows_an_experiment() {
    let world = World::open().await;
    let wanted = json!({"name": "training", "description": "d", "id": "mine", "storageState": 2, "other": 1,
        "created_at": "2001-01-01T00:00:00Z", "resource_references": []});
    let (status, made) = world.json("POST", "/experiments", wanted).await;
    let id = made["id"].as_str().expect("an id").to_owned();
    let expected = json!({"id": id, "name": "training", "description": "d", "created_at": "2026-11-18T11:06:40Z",
        "storage_state": "STORAGESTATE_AVAILABLE"});
    assert_eq!((status, &made), (200, &expected));
    assert_eq!(
        (
            id.len(),
            id.matches('-').count(),
            id.to_ascii_lowercase() == id
        ),
        (36, 4, true)
    );
    assert_eq!(
        world
            .json("GET", &format!("/experiments/{id}"), Value::Null)
            .await,
        (200, expected)
    );
}

#[tokio::test]
async fn an_empty_list_is_an_empty_object() {
    let world = World::open().await;
    assert_eq!(
        world.list("page_token=&page_size=10&sort_by=").await.1,
        json!({})
    );
}

#[tokio::test]
async fn refuses_names_that_are_missing_or_taken() {
    let world = World::open().await;
    for body in [
        Value::Null,
        json!({}),
        json!({"name": ""}),
        json!({"name": null}),
    ] {
        let (status, refused) = world.json("POST", "/experiments", body).await;
        assert_eq!((status, &refused["code"]), (400, &json!(3)));
        assert_eq!(refused["error"], refused["message"]);
        assert!(
            refused["error"]
                .as_str()
                .expect("a text")
                .contains("name is empty"),
            "{refused}"
        );
    }
    let id = world.make("training").await;
    world
        .json("POST", &format!("/experiments/{id}:archive"), Value::Null)
        .await;
    let (status, refused) = world
        .json("POST", "/experiments", json!({"name": "training"}))
        .await;
    assert_eq!(
        (status, &refused["code"]),
        (409, &json!(6)),
        "an archived one holds its name"
    );
    let detail = &refused["details"][0];
    assert_eq!(detail["@type"], "type.googleapis.com/api.Error");
    let text = detail["error_message"].as_str().expect("a text");
    assert!(
        text.contains("training") && text.contains("Please specify a new name"),
        "{text}"
    );
    for torn in ["{", "[1]", r#"{"storage_state":"GONE"}"#] {
        let (status, _, refused) = world.ask("POST", "/experiments", "", torn).await;
        let refused: Value = serde_json::from_str(&refused).expect("JSON");
        assert_eq!(
            (status, &refused["code"], refused.get("details")),
            (400, &json!(3), None),
            "{torn}"
        );
    }
}

#[tokio::test]
async fn pages_that_do_not_shift() {
    let world = World::open().await;
    for name in ["prediction", "moonshot", "training", "other"] {
        world.make(name).await;
    }
    let wanted = names(&["moonshot", "prediction", "training"]);
    let (first, page) = world
        .list(&format!("{wanted}&page_size=2&sort_by=name"))
        .await;
    assert_eq!(
        (first, &page["total_size"]),
        (
            vec!["moonshot".to_owned(), "prediction".to_owned()],
            &json!(3)
        )
    );
    let token = page["next_page_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    world.make("aaa").await;
    for query in [
        format!("page_token={token}"),
        format!("{wanted}&sort_by=name&page_token={token}&page_size=9"),
    ] {
        let (second, page) = world.list(&query).await;
        assert_eq!(
            (second, page.get("next_page_token")),
            (vec!["training".to_owned()], None),
            "{query}"
        );
        assert_eq!(page["total_size"], 3);
    }
    for query in [
        format!("page_token={token}&sort_by=id"),
        "page_token=nonsense".to_owned(),
    ] {
        let (status, refused) = world
            .json("GET", &format!("/experiments?{query}"), Value::Null)
            .await;
        assert_eq!((status, &refused["code"]), (400, &json!(3)));
        assert!(refused["error"].as_str().expect("a text").contains("token"));
    }
    let (down, _) = world.list("sort_by=NAME%20desc&page_size=2").await;
    assert_eq!(down, ["training", "prediction"]);
}

#[tokio::test]
async fn a_page_has_twenty_rows_unless_asked_and_two_hundred_at_most() {
    let world = World::open().await;
    for number in 0..201 {
        world.make(&format!("e{number:03}")).await;
    }
    for (query, rows) in [
        ("", 20),
        ("page_size=0", 20),
        ("page_size=7", 7),
        ("pageSize=1000", 200),
    ] {
        assert_eq!(world.list(query).await.0.len(), rows, "{query}");
    }
    let (status, refused) = world
        .json("GET", "/experiments?page_size=-1", Value::Null)
        .await;
    assert!(
        status == 400
            && refused["error"]
                .as_str()
                .expect("a text")
                .contains("page size")
    );
}

#[tokio::test]
async fn finds_by_either_spelling_and_escaping_also_with_signs() {
    let world = World::open().await;
    for name in ["50% a+b_c", "50% a bXc"] {
        world.make(name).await;
    }
    let once = equal("name", "50% a+b_c");
    let twice = once.replace('%', "%25");
    for query in [once, twice] {
        assert_eq!(world.list(&query).await.0, ["50% a+b_c"], "{query}");
    }
    let part = |text: &str| {
        let filter =
            json!({"predicates": [{"op": "IS_SUBSTRING", "key": "name", "string_value": text}]});
        format!("filter={}", segment_of(&filter.to_string()))
    };
    assert_eq!(world.list(&part("B_C")).await.0, ["50% a+b_c"]);
    assert_eq!(world.list(&part("50%")).await.0.len(), 2);
}

#[tokio::test]
async fn refuses_listings_that_say_nothing_sensible() {
    let world = World::open().await;
    let filter = |predicate: Value| {
        format!(
            "filter={}",
            segment_of(&json!({"predicates": [predicate]}).to_string())
        )
    };
    for (query, word) in [
        (
            filter(json!({"op": "IN", "key": "name", "string_value": "a"})),
            "name",
        ),
        (
            filter(json!({"op": "IS_SUBSTRING", "key": "name", "int_value": 1})),
            "name",
        ),
        (
            filter(json!({"op": "EQUALS", "key": "nope", "string_value": "a"})),
            "nope",
        ),
        (
            filter(json!({"op": "EQUALS", "key": "description"})),
            "description",
        ),
        ("filter=lkjlkj".to_owned(), "filter"),
        ("sort_by=unknownfield".to_owned(), "unknownfield"),
        ("sort_by=name%20up".to_owned(), "name up"),
        ("sort_by=name%20desc%20x".to_owned(), "name desc x"),
        ("page_size=two".to_owned(), "page_size"),
        (
            "resource_reference_key.type=PIPELINE".to_owned(),
            "resource reference",
        ),
        (
            "resource_reference_key.id=x".to_owned(),
            "resource reference",
        ),
        (
            "resource_reference_key.type=NAMESPACE&resource_reference_key.id=ns1".to_owned(),
            "single-user",
        ),
    ] {
        let (status, refused) = world
            .json("GET", &format!("/experiments?{query}"), Value::Null)
            .await;
        assert_eq!(
            (status, &refused["code"]),
            (400, &json!(3)),
            "{query}: {refused}"
        );
        assert!(
            refused["error"].as_str().expect("a text").contains(word),
            "{query}: {refused}"
        );
    }
    for kind in [
        "NAMESPACE&resource_reference_key.id=",
        "EXPERIMENT",
        "JOB&resourceReferenceKey.id=x",
        "4",
    ] {
        world
            .list(&format!("resource_reference_key.type={kind}"))
            .await;
    }
}

#[tokio::test]
async fn archives_and_takes_out_as_often_as_asked() {
    let world = World::open().await;
    let id = world.make("training").await;
    let archived = "filter=%7B%22predicates%22%3A%5B%7B%22op%22%3A%22NOT_EQUALS%22%2C%22key%22%3A%22storage_state%22%2C\
                    %22string_value%22%3A%22STORAGESTATE_AVAILABLE%22%7D%5D%7D";
    for (verb, state, listed) in [
        ("archive", "STORAGESTATE_ARCHIVED", 1),
        ("archive", "STORAGESTATE_ARCHIVED", 1),
        ("unarchive", "STORAGESTATE_AVAILABLE", 0),
        ("unarchive", "STORAGESTATE_AVAILABLE", 0),
    ] {
        let done = world
            .json("POST", &format!("/experiments/{id}:{verb}"), Value::Null)
            .await;
        assert_eq!(done, (200, json!({})));
        let (_, shown) = world
            .json("GET", &format!("/experiments/{id}"), Value::Null)
            .await;
        assert_eq!(shown["storage_state"], state);
        assert_eq!(world.list(archived).await.0.len(), listed);
        assert_eq!(
            world.list("").await.0.len(),
            1,
            "archived ones are listed like others"
        );
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_its_name_free() {
    let world = World::open().await;
    let id = world.make("training").await;
    let path = format!("/experiments/{id}");
    assert_eq!(
        world.json("DELETE", &path, Value::Null).await,
        (200, json!({}))
    );
    let (archive, unarchive) = (format!("{path}:archive"), format!("{path}:unarchive"));
    for (method, path) in [
        ("GET", &path),
        ("DELETE", &path),
        ("POST", &archive),
        ("POST", &unarchive),
    ] {
        let (status, refused) = world.json(method, path, Value::Null).await;
        assert_eq!((status, &refused["code"]), (404, &json!(5)));
        assert_eq!(
            refused["details"][0]["error_message"],
            format!("Experiment {id} not found.")
        );
    }
    let (_, refused) = world.json("GET", &path, Value::Null).await;
    assert_eq!(
        refused["error"],
        format!("Get experiment failed.: ResourceNotFoundError: Experiment {id} not found.")
    );
    world.make("training").await;
}

#[tokio::test]
async fn misses_are_plain_text() {
    let world = World::open().await;
    for (method, path, status, text) in [
        ("PUT", "/experiments", 405, "Method Not Allowed"),
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/experiments/x:frob", 404, "Not Found"),
        ("POST", "/experiments/x:frob", 404, "Not Found"),
        ("GET", "/runs", 404, "Not Found"),
        ("POST", "/healthz", 405, "Method Not Allowed"),
    ] {
        let (found, kind, body) = world.ask(method, path, "", "").await;
        assert_eq!(
            (found, body.as_str(), kind.starts_with("text/plain")),
            (status, text, true),
            "{method} {path}"
        );
    }
    let refused = json!({"name": "n", "resource_references": [{"key": {"type": "NAMESPACE", "id": "ns1"}, "relationship": "OWNER"}]});
    let (status, refused) = world.json("POST", "/experiments", refused).await;
    assert!(
        status == 400
            && refused["error"]
                .as_str()
                .expect("a text")
                .contains("In single-user mode"),
        "{refused}"
    );
}

#[tokio::test]
async fn tells_its_mode_in_plain_text_to_everybody() {
    for (options, guarded, multi_user) in [
        (KubeflowOptions::default(), true, false),
        (MULTI, false, true),
    ] {
        let world = World::with(options, guarded).await;
        let (status, kind, body) = world.ask("GET", "/healthz", "", "").await;
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(
            (status, kind.as_str(), &body["multi_user"]),
            (200, "text/plain; charset=utf-8", &json!(multi_user))
        );
        assert!(body["commit_sha"].is_string() && body["tag_name"].is_string());
    }
}

#[tokio::test]
async fn namespaces_are_apart_in_multi_user_mode() {
    let world = World::with(MULTI, false).await;
    let wanted = |namespace: &str, relationship: &str| {
        let key = json!({"type": "NAMESPACE", "id": namespace});
        json!({"name": "training", "resource_references": [{"key": key, "relationship": relationship}]})
    };
    for namespace in ["ns1", "ns2"] {
        let (status, made) = world
            .json("POST", "/experiments", wanted(namespace, "OWNER"))
            .await;
        let reference =
            json!([{"key": {"type": "NAMESPACE", "id": namespace}, "relationship": "OWNER"}]);
        assert_eq!((status, &made["resource_references"]), (200, &reference));
        let query =
            format!("resource_reference_key.type=NAMESPACE&resource_reference_key.id={namespace}");
        assert_eq!(world.list(&query).await.1["experiments"], json!([made]));
        assert_eq!(
            world
                .list(&format!("{query}&{}", equal("namespace", namespace)))
                .await
                .0
                .len(),
            1
        );
        assert_eq!(
            world
                .list(&format!("{query}&{}", equal("namespace", "ns3")))
                .await
                .0
                .len(),
            0
        );
    }
    let (status, _) = world
        .json("POST", "/experiments", wanted("ns1", "OWNER"))
        .await;
    assert_eq!(status, 409);
    for body in [
        wanted("", "OWNER"),
        wanted("ns1", "CREATOR"),
        json!({"name": "x"}),
        json!({"name": "x", "resource_references": [{}]}),
    ] {
        let (status, refused) = world.json("POST", "/experiments", body).await;
        let text = refused["error"].as_str().expect("a text");
        assert!(
            status == 400 && text.contains("Invalid resource references for experiment"),
            "{refused}"
        );
    }
    for query in [
        "",
        "?resource_reference_key.type=NAMESPACE",
        "?resource_reference_key.type=JOB&resource_reference_key.id=x",
    ] {
        assert_eq!(
            world
                .json("GET", &format!("/experiments{query}"), Value::Null)
                .await
                .0,
            400,
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_document_and_the_page_name_every_route() {
    let world = World::open().await;
    let (status, _, page) = world.ask("GET", "/../docs", "", "").await;
    assert_eq!(status, 404, "paths are not folded: {page}");
    let document = crate::openapi();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method().lower()];
        assert_eq!(operation["summary"], route.summary);
        assert_eq!(operation.get("security").is_none(), route.open);
        assert!(crate::coverage().contains(route.path));
    }
}

#[tokio::test]
async fn finds_routes_and_tells_misses_apart() {
    let world = World::open().await;
    let id = world.make("n").await;
    let status = async |method: &str, path: &str| world.whole(method, path, "").await.0;
    let base = "/apis/v1beta1/experiments";
    for (method, path, expected) in [
        ("GET", base.to_owned(), 200),
        ("GET", format!("/pipeline{base}/{id}"), 200),
        ("GET", format!("/pipeline{base}x"), 404),
        ("POST", format!("{base}/{id}:archive"), 200),
        ("POST", format!("{base}/{id}%3Aunarchive"), 200),
        ("PUT", base.to_owned(), 405),
        ("GET", format!("{base}/{id}:archive"), 405),
        ("HEAD", format!("{base}/{id}"), 405),
        ("GET", "/apis".to_owned(), 404),
        ("GET", format!("{base}%zz"), 404),
        ("GET", "/apis/v1beta1/%ff".to_owned(), 404),
    ] {
        assert_eq!(status(method, &path).await, expected, "{method} {path}");
    }
    for path in ["x:frob", "x:y:archive2", "a:b", "x/y", "a%2Fb"] {
        let (status, kind, text) = world.whole("GET", &format!("{base}/{path}"), "").await;
        let expected = (404, "text/plain; charset=utf-8", "Not Found");
        assert_eq!((status, kind.as_str(), text.as_str()), expected, "{path}");
    }
    let (status, _, text) = world.whole("GET", &format!("{base}/a%20b+c"), "").await;
    assert!(status == 404 && text.contains("a b+c"), "{text}");
}
