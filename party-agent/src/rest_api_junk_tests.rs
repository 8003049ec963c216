//! The agent's REST endpoint under malformed requests and without credentials; the routes are read from the router's own source.

use rest::access::token;
use rest::fate_reply::answers_with_a_file;
use rest::{Access, AccessSettings, Dialect};
use vocabulary::ManualClock;

use super::*;

#[path = "../../common/rest/src/junk.rs"]
mod junk;

const REQUESTS: usize = 2_000;
const MEMBERS: [&str; 22] = [
    "job_id",
    "role",
    "party_id",
    "component_name",
    "namespace",
    "table_name",
    "name",
    "limit",
    "head",
    "partition",
    "file",
    "use_local_data",
    "staged",
    "drop",
    "output_path",
    "log_type",
    "begin",
    "end",
    "schema",
    "model_id",
    "model_version",
    "step_index",
];
const LIKELY: [&str; 8] = [
    "1",
    "guest",
    "local",
    "scripted_0",
    "experiment",
    "t",
    "partyInfo",
    "202611230624312345670",
];

/// The paths of the router: every text of its source that is one, on whichever line it stands.
fn paths() -> Vec<String> {
    let texts = include_str!("rest_api/routes.rs")
        .split('"')
        .skip(1)
        .step_by(2);
    let mut paths: Vec<String> = texts
        .filter(|text| text.starts_with('/'))
        .map(str::to_owned)
        .collect();
    paths.dedup();
    assert!(paths.len() > 50, "{paths:?}");
    paths
}

fn filled(path: &str, with: &str) -> String {
    let part = |part: &str| {
        if part.starts_with('{') {
            with.to_owned()
        } else {
            part.to_owned()
        }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn answers_malformed_requests_in_the_form_of_the_api() {
    let bench = bench(OPEN).await;
    bench.ran(3).await;
    let members: Vec<String> = MEMBERS.map(str::to_owned).to_vec();
    let (paths, mut junk) = (paths(), junk::Junk::seeded(0x5eed_1127));
    let own = job().to_string();
    let likely: Vec<&str> = LIKELY.iter().copied().chain([own.as_str()]).collect();
    for index in 0..REQUESTS {
        let template = &paths[index % paths.len()];
        let path = filled(
            template,
            junk.pick::<&str>(&[
                "x",
                "..",
                "%2e%2e",
                "%2e%2e%2fx",
                "0".repeat(32).as_str(),
                "%ff",
            ]),
        );
        let (told, request) = junk.request(&path, &members, &likely);
        let is_head = request.method() == axum::http::Method::HEAD;
        let side = if index % 3 == 0 {
            Side::Outside
        } else {
            Side::Own
        };
        let response = router(bench.handler.on(side))
            .oneshot(request)
            .await
            .unwrap();
        let (status, is_file) = (
            response.status().as_u16(),
            response.headers().contains_key("content-disposition"),
        );
        let body = collect(stream_of(response.into_body())).await;
        let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
        // the coordinator is away in this test, and only what goes there may say so
        // (a HEAD has no body to say it in)
        let away = status == 503 && (is_head || reply["fault"]["code"] == "FF401");
        assert!(status < 500 || away, "{side:?} {status} {reply}: {told}");
        // staging answers with what it staged; the health of an agent and probes have forms of their own
        let ours = template.starts_with("/v1/fedflow/") || Dialect::is_probe(template);
        let in_form = reply["retcode"].is_i64() && reply["retmsg"].is_string();
        assert!(
            is_head || in_form || (is_file && status == 200) || ours,
            "{side:?} {status} {reply}: {told}"
        );
    }
}

/// The token `own` is let in, the token `ended` was once.
fn access(bench: &Bench) -> Access {
    let entry = |name: &str, expires: &str| {
        let hash = token::sha256(&daemon::Secret::new(name));
        format!("[[tokens]]\nsha256 = '{hash}'\nexpires = '{expires}'\n")
    };
    let settings: AccessSettings =
        toml::from_str(&(entry("own", "2100-01-01") + &entry("ended", "1970-01-01"))).unwrap();
    Access::open(
        settings,
        Some(bench.handler.agent_state.me.clone()),
        Arc::new(ManualClock::default()),
    )
    .unwrap()
}

/// Status and reply to a request without a body, with a credential or none.
async fn answered(
    rest_api: &axum::Router,
    (method, path): (&str, &str),
    credential: Option<&str>,
) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(credential) = credential {
        request = request.header("authorization", credential);
    }
    let response = rest_api
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = collect(stream_of(response.into_body())).await;
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn asks_at_every_route_who_comes_but_not_over_the_link() {
    let bench = bench(OPEN).await;
    let rest_api = access(&bench).protect(router(bench.handler.clone()));
    let everywhere = paths()
        .into_iter()
        .chain(["/v1/job/query".to_owned(), "/v1/no/such".to_owned()]);
    // probes tell everybody the same, and nothing else
    for path in everywhere
        .map(|path| filled(&path, "x"))
        .filter(|path| !Dialect::is_probe(path))
    {
        for method in ["GET", "POST", "PUT"] {
            for credential in [
                None,
                Some("Bearer ended"),
                Some("Bearer another party's"),
                Some("Basic b3duOm5vYm9keXM="),
            ] {
                let (status, reply) = answered(&rest_api, (method, &path), credential).await;
                let expected = match (answers_with_a_file(&path), Dialect::is_fates(&path)) {
                    (true, _) => 400,
                    (false, true) => 200,
                    (false, false) => 401,
                };
                assert_eq!(
                    (status, &reply["retcode"]),
                    (expected, &json!(109)),
                    "{method} {path} {credential:?}"
                );
            }
            let (_, reply) = answered(&rest_api, (method, &path), Some("Bearer own")).await;
            assert_ne!(reply["retcode"], 109, "{method} {path}");
        }
    }
    for (head, _) in bench.asked() {
        assert!(
            head.headers.iter().all(|(name, _)| name != "authorization"),
            "no credential goes on: {head:?}"
        );
    }
    let (status, _) = bench
        .ask(
            Side::Outside,
            "/v1/table/table_info",
            json!({"namespace": "n", "name": "t"}),
        )
        .await;
    assert_eq!(status, 200, "the link has certificates");
}
