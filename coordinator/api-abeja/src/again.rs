//! What a client asks for again because the answer never reached it: one thing is made, and not two.
//!
//! ABEJA's client sends a POST again, byte for byte, up to five times within half a minute, when its connection breaks and when
//! somebody on the way answers 500 to 504 in the REST endpoint's place. Nothing in the request says so, and a person who asks twice sends
//! the same bytes. They are told apart by what the REST endpoint knows:
//!
//! - a header `Idempotency-Key` says it: the same key means the same thing, for a day, and another key another thing;
//! - where somebody stands between who may have lost the answer, an equal request within two minutes is taken for the same;
//! - otherwise the client had its answer, and asks for another (`once.rs` looks after those who went before they had it).
//!
//! What is remembered stands with the thing itself in the store, so a restart forgets nothing.

use axum::http::header::{CONNECTION, HOST, USER_AGENT, VIA};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Version};
use domain::{Entity, EntityKind};
use rest::ReachedAt;
use serde_json::Value;
use service::EntityFilter;
use service::abeja::runs::RequestIdentity;
use sha2::{Digest, Sha256};
use vocabulary::Timestamp;

use super::Abeja;
use super::reply::Refusal;
use super::request::Call;

/// How long equal requests are taken for one, in milliseconds: ABEJA's client tries for 30 seconds, beside the time in which
/// somebody on the way waits for an answer.
const AGAIN_MILLIS: i64 = 120_000;
/// How long a key of the client's own counts, in milliseconds.
const KEY_MILLIS: i64 = Timestamp::DAY_MILLIS;
/// Where a client says which request is the same.
const KEY: &str = "idempotency-key";
/// Longest such key.
const LONGEST_KEY: usize = 255;
/// What proxies and balancers add.
const ADDED: [&str; 12] = [
    "cf-ray",
    "forwarded",
    "x-amzn-trace-id",
    "x-envoy-expected-rq-timeout-ms",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-original-uri",
    "x-real-ip",
    "x-request-id",
];

/// Whether somebody stands between the client and this REST endpoint: it says so, it speaks an older HTTP, its connection is not one of the
/// client's, or the client means another port than the one that it came to.
pub(super) fn was_passed_on(parts: &Parts) -> bool {
    let text = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
    };
    let said = parts.headers.contains_key(VIA)
        || ADDED.iter().any(|name| parts.headers.contains_key(*name));
    // ABEJA's client says that it keeps its connection open, and opens another for every call all the same.
    let of_abeja = text(USER_AGENT).is_some_and(|agent| agent.starts_with("abeja-platform-sdk"));
    let says_so = text(CONNECTION).is_some_and(|word| word.eq_ignore_ascii_case("keep-alive"));
    let reached = parts.extensions.get::<ReachedAt>();
    let changed = of_abeja && (!says_so || reached.is_some_and(|reached| reached.nth > 1));
    let port = text(HOST).and_then(|host| host.rsplit_once(':')?.1.parse::<u16>().ok());
    let elsewhere = port
        .zip(reached)
        .is_some_and(|(port, reached)| port != reached.address.port());
    said || changed || elsewhere || parts.version < Version::HTTP_11
}

/// The client's own key, if it gave one.
fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(KEY) else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY);
    key.map(Some)
        .ok_or_else(|| Refusal::bad(format!("{KEY}: a text of 1 to {LONGEST_KEY} characters")))
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    format!("asked-{}", vocabulary::hex(hash.finalize()))
}

/// By what a request is known again.
pub(super) fn asked(call: &Call, body: &Value) -> Result<RequestIdentity, Refusal> {
    let (tenant, creator, whole) = (call.tenant().to_string(), call.creator(), body.to_string());
    let known = |by: &str, what: &str| hash(&[&tenant, &creator, &call.path, by, what]);
    let content = known("body", &whole);
    Ok(match key_of(&call.headers)? {
        Some(key) => RequestIdentity {
            hash: known("key", key),
            content,
            within_millis: KEY_MILLIS,
        },
        None => RequestIdentity {
            hash: content.clone(),
            content,
            within_millis: if call.passed_on { AGAIN_MILLIS } else { 0 },
        },
    })
}

/// What the same caller made a moment ago under the same name, where somebody stands between who may have lost the answer.
pub(super) async fn made_before(
    api: &Abeja,
    call: &Call,
    (kind, parent, name): (EntityKind, Option<&str>, Option<&str>),
    is_same: impl Fn(&Entity) -> bool,
) -> Result<Option<Entity>, Refusal> {
    if !call.passed_on {
        return Ok(None);
    }
    let filter = EntityFilter {
        tenant: Some(call.tenant().clone()),
        parent: parent.map(str::to_owned),
        name: name.map(str::to_owned),
        newest_first: true,
        limit: Some(50),
        ..EntityFilter::of(kind)
    };
    let now = api.coordinator().now();
    let is_fresh = |entity: &Entity| now.0.saturating_sub(entity.created.0) / 1_000 < AGAIN_MILLIS;
    let creator = call.creator();
    let is_own = |entity: &Entity| entity.creator.is_empty() || entity.creator == creator;
    let found = api.coordinator().entities().find(&filter).await?.0;
    Ok(found
        .into_iter()
        .find(|entity| is_fresh(entity) && is_own(entity) && is_same(entity)))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;

    use super::*;

    fn passed_on(version: Version, headers: &[(&str, &str)]) -> bool {
        nth_passed_on(1, version, headers)
    }

    fn nth_passed_on(nth: u64, version: Version, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request
            .body(Body::empty())
            .expect("a request")
            .into_parts()
            .0;
        parts.extensions.insert(ReachedAt {
            address: ([127, 0, 0, 1], 9380).into(),
            nth,
        });
        was_passed_on(&parts)
    }

    #[test]
    fn knows_who_stands_between() {
        let own: &[(&str, &str)] = &[
            ("host", "127.0.0.1:9380"),
            ("user-agent", "abeja-platform-sdk/2.3.6"),
            ("accept-encoding", "gzip, deflate"),
            ("connection", "keep-alive"),
        ];
        assert!(!passed_on(Version::HTTP_11, own), "the client itself");
        assert!(
            !passed_on(
                Version::HTTP_11,
                &[("host", "127.0.0.1:9380"), ("user-agent", "curl")]
            ),
            "another"
        );
        assert!(
            !passed_on(Version::HTTP_11, &[("host", "fedflow.example")]),
            "a name without a port"
        );
        assert!(
            passed_on(Version::HTTP_10, own),
            "a proxy that speaks an older HTTP"
        );
        assert!(
            passed_on(Version::HTTP_11, &own[..3]),
            "a connection of another's"
        );
        assert!(
            passed_on(Version::HTTP_11, &[("connection", "close"), own[0], own[1]]),
            "a connection of another's"
        );
        assert!(
            nth_passed_on(2, Version::HTTP_11, own),
            "a connection that carries several calls"
        );
        assert!(
            !nth_passed_on(2, Version::HTTP_11, &own[..1]),
            "as other clients' do"
        );
        assert!(
            passed_on(Version::HTTP_11, &[("host", "127.0.0.1:8080")]),
            "another port"
        );
        for added in ["via", "x-forwarded-for", "forwarded", "x-real-ip"] {
            assert!(
                passed_on(Version::HTTP_11, &[own, &[(added, "x")]].concat()),
                "{added}"
            );
        }
    }

    #[test]
    fn parts_of_a_request_do_not_run_into_each_other() {
        assert_ne!(hash(&["a", "bc"]), hash(&["ab", "c"]));
        assert_eq!(hash(&["a"]).len(), 6 + 64);
    }
}
