//! A table of five routes, as a client meets it.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use rest::lenient::whole_body;
use tower::ServiceExt;

use super::*;
use crate::kind::Field;
use crate::route::Answering;

#[derive(Clone)]
struct Shop;

#[derive(Clone)]
struct ShopRequest {
    segments: Segments,
    body: String,
}

impl Api for Shop {
    type Mark = ();
    type Caller = ();
    type Call = ShopRequest;
    type Refusal = StatusCode;

    const BASE: &'static str = "/shop/";

    fn routes() -> &'static [Route<Self>] {
        &ROUTES
    }

    fn fields() -> &'static [Field] {
        &[]
    }

    fn admit(
        &self,
        route: &'static Route<Self>,
        _segments: &Segments,
        parts: &Parts,
    ) -> Result<(), StatusCode> {
        let is_known = route.open || parts.headers.contains_key("key");
        is_known.then_some(()).ok_or(StatusCode::UNAUTHORIZED)
    }

    async fn read(&self, (): (), matched: Matched<Self>) -> Result<ShopRequest, StatusCode> {
        let body = whole_body(matched.body).await;
        let body = body.map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(ShopRequest {
            segments: matched.segments,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    async fn missed(self, miss: Miss, _request: Request) -> Response {
        match miss {
            Miss::Path => StatusCode::NOT_FOUND.into_response(),
            Miss::Method(_) => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        }
    }

    fn finished(&self, mut response: Response) -> Response {
        let stamp = HeaderValue::from_static("shop");
        response.headers_mut().insert("stamp", stamp);
        response
    }
}

fn tell(what: &'static str, asked: &ShopRequest) -> Answering<Shop> {
    let named: Vec<&str> = asked.segments.values().map(String::as_str).collect();
    let told = format!("{what} {} {}", named.join(","), asked.body);
    Box::pin(async move { Ok(told.into_response()) })
}

const GET: &[Method] = &[Method::Get];

static ROUTES: [Route<Shop>; 5] = crate::joined(&[
    &[
        Route::new(
            GET,
            "things/{id}",
            "shows",
            (),
            Handler::Call(|_, asked| tell("one", &asked)),
        ),
        Route::new(
            &[Method::Post],
            "things/{id}",
            "changes",
            (),
            Handler::Call(|_, asked| tell("change", &asked)),
        ),
        Route::new(
            GET,
            "things/all",
            "lists",
            (),
            Handler::Call(|_, asked| tell("all", &asked)),
        )
        .open(),
    ],
    &[
        Route::new(
            GET,
            "files/{*path}",
            "a file",
            (),
            Handler::Call(|_, asked| tell("file", &asked)),
        ),
        Route::new(
            GET,
            "raw",
            "as it comes",
            (),
            Handler::Request(|_, _, request| {
                let told = request.uri().path().to_owned();
                Box::pin(async move { Ok(told.into_response()) })
            }),
        ),
    ],
]);

async fn ask(method: &str, path: &str, key: bool) -> (u16, Option<String>, String) {
    let mut request = Request::builder().method(method).uri(path);
    if key {
        request = request.header("key", "1");
    }
    let request = request.body(Body::from("b")).expect("a request");
    let response = router(Shop).oneshot(request).await.expect("infallible");
    assert_eq!(response.headers()["stamp"], "shop");
    let allow = response.headers().get(ALLOW);
    let allow = allow.map(|words| words.to_str().expect("text").to_owned());
    let status = response.status().as_u16();
    let body = whole_body(response.into_body()).await.expect("a body");
    (status, allow, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn each_path_goes_to_its_route() {
    for (method, path, answer) in [
        ("GET", "/shop/things/x", "one x b"),
        ("GET", "/shop/things/x/", "one x b"),
        ("POST", "/shop/things/x", "change x b"),
        ("GET", "/shop/things/all", "all  b"),
        ("GET", "/shop/files/a/b", "file a/b b"),
        ("GET", "/shop/raw", "/shop/raw"),
    ] {
        assert_eq!(
            ask(method, path, true).await,
            (200, None, answer.to_owned()),
            "{method} {path}"
        );
    }
    let (status, _, body) = ask("HEAD", "/shop/things/x", true).await;
    assert_eq!((status, body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_missing_path_and_a_wrong_method_are_told_apart() {
    for path in ["/things/x", "/shop", "/shop/things", "/shop/files", "/"] {
        assert_eq!(
            ask("GET", path, true).await,
            (404, None, String::new()),
            "{path}"
        );
    }
    let allow = |words: &str| Some(words.to_owned());
    assert_eq!(
        ask("PUT", "/shop/things/x", true).await,
        (405, allow("GET,HEAD,POST"), String::new())
    );
    // the path that names more of itself is meant, whatever the method
    assert_eq!(
        ask("POST", "/shop/things/all", true).await,
        (405, allow("GET,HEAD"), String::new())
    );
}

#[tokio::test]
async fn nobody_comes_in_without_a_key_but_where_it_is_open() {
    for (path, status) in [
        ("/shop/things/x", 401),
        ("/shop/files/a", 401),
        ("/shop/things/all", 200),
        ("/shop/raw", 200),
    ] {
        assert_eq!(ask("GET", path, false).await.0, status, "{path}");
    }
}
