//! What every answer says to browsers: it is what its content type says, it may load and run nothing, and what is no document
//! of an API is a file to be kept and not a page to be shown. Answers carry what others wrote: names, logs, files with a content
//! type of their sender's. Judged here, whatever a handler, or a daemon behind a proxy, said.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};

/// The policy of the pages that the daemons write themselves: style alone, and nothing from anywhere.
pub const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// The policy of everything else.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

pub(super) async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // Without it a browser may take an uploaded text for a page and run it with this origin's
    // rights.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Under this policy a page runs nothing, so it does not matter who wrote it.
    let is_page = headers
        .get_all(CONTENT_SECURITY_POLICY)
        .iter()
        .eq([PAGE_POLICY]);
    if is_page {
        return response;
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    let is_document = match headers.get(CONTENT_TYPE) {
        Some(kind) => kind.to_str().is_ok_and(is_of_an_api),
        // Without a type only an empty answer is harmless.
        None => axum::body::HttpBody::is_end_stream(response.body()),
    };
    let headers = response.headers_mut();
    let says_attachment = headers
        .get_all(CONTENT_DISPOSITION)
        .iter()
        .any(says_attachment);
    if !is_document && !says_attachment {
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    response
}

fn says_attachment(value: &HeaderValue) -> bool {
    value
        .as_bytes()
        .get(..10)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"attachment"))
}

fn is_of_an_api(kind: &str) -> bool {
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json"
        || kind == "application/grpc"
        || kind.starts_with("application/grpc+")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    async fn sealed(
        headers: &'static [(&'static str, &'static str)],
        body: &'static str,
    ) -> http::HeaderMap {
        let answer = move || async move {
            let mut response = Response::new(Body::from(body));
            for (name, value) in headers {
                response
                    .headers_mut()
                    .append(*name, HeaderValue::from_static(value));
            }
            response
        };
        let router = Router::new()
            .fallback(answer)
            .layer(axum::middleware::from_fn(seal));
        let request = Request::new(Body::empty());
        router
            .oneshot(request)
            .await
            .expect("infallible")
            .headers()
            .clone()
    }

    #[tokio::test]
    async fn a_file_is_kept_and_never_shown_whatever_its_sender_said() {
        const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
        for headers in [
            &[HTML] as &[_],
            &[("content-type", "image/svg+xml")],
            &[("content-type", "Text/HTML;application/json")],
            &[("content-type", "application/json-seq, text/html")],
            &[HTML, ("content-disposition", "inline")],
            &[HTML, ("content-security-policy", "default-src *")],
            &[
                HTML,
                ("content-security-policy", PAGE_POLICY),
                ("content-security-policy", "default-src *"),
            ],
            &[],
        ] {
            let seen = sealed(headers, "<script>alert(1)</script>").await;
            assert_eq!(seen["x-content-type-options"], "nosniff", "{headers:?}");
            assert_eq!(
                seen.get_all("content-security-policy")
                    .iter()
                    .collect::<Vec<_>>(),
                [POLICY],
                "{headers:?}"
            );
            assert_eq!(
                seen.get_all("content-disposition")
                    .iter()
                    .collect::<Vec<_>>(),
                ["attachment"],
                "{headers:?}"
            );
        }
        let named = sealed(
            &[HTML, ("content-disposition", "attachment; filename=a.html")],
            "x",
        )
        .await;
        assert_eq!(
            named["content-disposition"], "attachment; filename=a.html",
            "clients take the name from it"
        );
    }

    #[tokio::test]
    async fn documents_and_own_pages_stay_as_they_are() {
        for kind in [
            "application/json",
            "application/grpc",
            "application/grpc+proto",
            "Application/JSON; charset=utf-8",
        ] {
            let headers: &'static [_] = Box::leak(Box::new([("content-type", kind)]));
            assert!(
                !sealed(headers, "{}")
                    .await
                    .contains_key("content-disposition"),
                "{kind}"
            );
        }
        let page = sealed(
            &[
                ("content-type", "text/html"),
                ("content-security-policy", PAGE_POLICY),
            ],
            "<p>",
        )
        .await;
        assert_eq!(
            (
                page.get("content-disposition"),
                &page["x-content-type-options"]
            ),
            (None, &"nosniff".parse().expect("text"))
        );
        assert!(
            !sealed(&[], "").await.contains_key("content-disposition"),
            "nothing is no file"
        );
    }
}
