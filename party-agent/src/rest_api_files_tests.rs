//! Files at the REST endpoint: kept, given back, listed and removed, and all of it refused where the policy says nothing.

use super::*;

const FILE: &str = "/v1/fedflow/files/1234567890123/20180515T180605-a";
const FOLDER: &str = "/v1/fedflow/files/1234567890123";

fn ask(method: &str, path: &str, content: &str) -> Request {
    Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "text/csv")
        .header("x-fedflow-meta-filename", "%C3%BC%20a.csv")
        .body(Body::from(content.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn keeps_files_for_outsiders_where_the_policy_allows_it() {
    let bench = bench(OPEN).await;
    let (status, bytes) = bench.send(Side::Outside, ask("PUT", FILE, "1,2\n")).await;
    let reply: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (
            status,
            &reply["data"]["bytes"],
            &reply["data"]["metadata"]["filename"]
        ),
        (200, &json!(4), &json!("ü a.csv"))
    );
    let response = router(bench.handler.on(Side::Outside))
        .oneshot(ask("GET", FILE, ""))
        .await
        .unwrap();
    let headers = response.headers().clone();
    assert_eq!(
        (
            headers["content-type"].as_bytes(),
            headers["content-length"].as_bytes()
        ),
        (&b"text/csv"[..], &b"4"[..])
    );
    assert_eq!(headers["x-fedflow-meta-filename"], "%C3%BC%20a%2Ecsv");
    assert_eq!(
        headers["x-fedflow-sha256"],
        reply["data"]["sha256"].as_str().unwrap()
    );
    assert_eq!(collect(stream_of(response.into_body())).await, b"1,2\n");
    let (_, listed) = bench.get(Side::Own, &format!("{FOLDER}?limit=5")).await;
    assert_eq!(listed["data"], json!([reply["data"]]));
    assert_eq!(
        bench.send(Side::Outside, ask("DELETE", FILE, "")).await.0,
        200
    );
    assert_eq!(bench.send(Side::Own, ask("DELETE", FILE, "")).await.0, 404);
    assert_eq!(bench.send(Side::Own, ask("GET", FILE, "")).await.0, 404);
}

#[tokio::test]
async fn refuses_outsiders_by_default_and_writes_them_down() {
    let bench = bench("").await;
    assert_eq!(
        bench.send(Side::Own, ask("PUT", FILE, "secret")).await.0,
        200
    );
    for (method, path) in [
        ("PUT", FILE),
        ("GET", FILE),
        ("DELETE", FILE),
        ("GET", FOLDER),
    ] {
        let (status, bytes) = bench.send(Side::Outside, ask(method, path, "forged")).await;
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            status == 403 && text.contains("http://own.endpoint:9380") && !text.contains("secret"),
            "{method} {text}"
        );
    }
    assert_eq!(
        bench.send(Side::Own, ask("GET", FILE, "")).await.1,
        b"secret"
    );
    let (_, chain) = bench.get(Side::Own, "/v1/fedflow/audit").await;
    for told in [
        "storing of file",
        "removal of file",
        "content of file",
        "list of files",
    ] {
        assert!(chain.to_string().contains(told), "{chain}");
    }
}

#[tokio::test]
async fn takes_no_path_for_a_name() {
    let bench = bench(OPEN).await;
    for path in [
        "/v1/fedflow/files/..%2f..%2fx/a",
        "/v1/fedflow/files/a/..%2f..%2fx",
        "/v1/fedflow/files/%2e%2e/a",
        "/v1/fedflow/files/a/.x",
    ] {
        for method in ["PUT", "GET", "DELETE"] {
            assert_eq!(
                bench.send(Side::Own, ask(method, path, "x")).await.0,
                400,
                "{method} {path}"
            );
        }
    }
    assert_eq!(
        bench
            .send(Side::Own, ask("GET", "/v1/fedflow/files/%2e%2e", ""))
            .await
            .0,
        400
    );
    let large = "x".repeat((1 << 20) + 1);
    assert_eq!(bench.send(Side::Own, ask("PUT", FILE, &large)).await.0, 413);
}
