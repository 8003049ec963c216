//! Under which names a REST endpoint is asked. A page of a browser can be made to reach any address by a name that its owner lets point
//! there (DNS rebinding), and then reads what a REST endpoint without a login answers. Nobody can do that with an address, or with
//! `localhost`; every other name must stand in the settings.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::HOST;
use http::uri::Authority;
use vocabulary::{ErrorCode, Fault};

use crate::fate_reply::Failure;

/// The names of a REST endpoint beside its addresses.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownNames(Arc<Vec<String>>);

impl KnownNames {
    pub(super) fn new(names: &[String]) -> Self {
        Self(Arc::new(names.iter().map(|name| bare(name)).collect()))
    }

    /// Whether a name, or an address with or without its brackets, is one of this REST endpoint.
    fn has(&self, host: &str) -> bool {
        let name = bare(host);
        let in_brackets = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match in_brackets {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => {
                name == "localhost" || host.parse::<Ipv4Addr>().is_ok() || self.0.contains(&name)
            }
        }
    }

    /// What is wrong with the names that a request says the REST endpoint has: its target's, where it has one, and its `Host`.
    fn judge(&self, request: &Request) -> Result<(), String> {
        let mut hosts = request.headers().get_all(HOST).iter();
        let (first, second) = (hosts.next(), hosts.next());
        let named = request.uri().authority();
        match (named, first, second) {
            // Two hosts: a proxy before us may have judged the other one.
            (_, _, Some(_)) => return Err("it names its host twice".to_owned()),
            (None, None, None) => return Err("it does not say which host it is for".to_owned()),
            _ => {}
        }
        let host = match first {
            Some(value) => Some(
                value
                    .to_str()
                    .ok()
                    .and_then(authority)
                    .ok_or("its Host is not well formed")?,
            ),
            None => None,
        };
        let named = match named {
            Some(own) => Some(authority(own.as_str()).ok_or("its target is not well formed")?),
            None => None,
        };
        match [host, named]
            .into_iter()
            .flatten()
            // Both must be ours: in HTTP/1.1 a target's authority may differ from `Host`.
            .find(|own| !self.has(own.host()))
        {
            Some(own) => Err(format!(
                "the REST endpoint is not known as {}",
                own.host().chars().take(80).collect::<String>()
            )),
            None => Ok(()),
        }
    }
}

/// A host and perhaps a port, and nothing else.
fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let port_is_one = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok());
    (port_is_one && !authority.host().is_empty()).then_some(authority)
}

/// A name as names are compared: in small letters, without the dot that may end it.
fn bare(name: &str) -> String {
    name.trim()
        .strip_suffix('.')
        .unwrap_or(name.trim())
        .to_ascii_lowercase()
}

/// Lets by what is asked under a name of this REST endpoint, and what no browser sends on behalf of another site: bodies are read
/// whatever their content type says, so any page could otherwise submit jobs at a REST endpoint without a login.
pub(super) async fn refuse_other_names(
    State(names): State<KnownNames>,
    request: Request,
    next: Next,
) -> Response {
    let fault = match names.judge(&request) {
        Err(why) => Fault::new(
            ErrorCode::PermissionDenied,
            format!("the request is refused: {why}"),
        )
        .next("use the REST endpoint's address, or add the name to the setting `names` of this daemon"),
        Ok(()) if comes_from_other_site(request.headers()) => Fault::new(
            ErrorCode::PermissionDenied,
            "a browser sent this for another site",
        )
        .next("use the REST endpoint's own address"),
        Ok(()) => return next.run(request).await,
    };
    tracing::debug!(%fault, "refused at the REST endpoint");
    Failure::from(fault).with_status(403).into_response()
}

/// Programs that are no browsers send neither header. Which names the REST endpoint has was judged before.
fn comes_from_other_site(headers: &http::HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let by_browser =
        text("origin").is_some() || text("sec-fetch-site").is_some_and(|site| site != "none");
    if !by_browser {
        return false;
    }
    let Some(origin) = text("origin") else {
        // without an origin a browser reads; only what its own page asks for, or a person typed, is let by
        return text("sec-fetch-site").is_some_and(|site| site != "same-origin");
    };
    let host = text("host").unwrap_or_default();
    origin
        .split_once("://")
        .is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn judged(names: &[&str], target: &str, hosts: &[&str]) -> Result<(), String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        KnownNames::new(&names).judge(&request.body(Body::empty()).expect("a request"))
    }

    #[test]
    fn knows_addresses_localhost_and_the_names_of_the_settings() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:9380",
            "10.1.2.3:80",
            "[::1]:9380",
            "[::1]",
            "localhost",
            "LOCALHOST.:1",
        ] {
            assert_eq!(judged(&[], "/v1", &[host]), Ok(()), "{host}");
        }
        for host in ["fedflow.bank.example", "FedFlow.Bank.Example.:443"] {
            assert!(judged(&[], "/v1", &[host]).is_err(), "{host}");
            assert_eq!(
                judged(&["fedflow.bank.example"], "/v1", &[host]),
                Ok(()),
                "{host}"
            );
        }
    }

    #[test]
    fn refuses_whatever_else_a_request_may_be_for() {
        for host in [
            "evil.example:9380",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil.localhost",
            "2130706433",
            "0x7f000001",
            "127.1",
            "::1",
            "[::1",
            "[v1.x]:1",
            "user@127.0.0.1",
            "127.0.0.1:evil",
            "127.0.0.1:99999",
            "127.0.0.1:1:2",
            "127.0.0.1, evil.example",
            "127.0.0.1/",
            "",
            " ",
            ":9380",
        ] {
            assert!(judged(&[], "/v1", &[host]).is_err(), "{host:?}");
        }
        assert!(judged(&[], "/v1", &[]).is_err(), "none");
        assert!(
            judged(&[], "/v1", &["127.0.0.1", "127.0.0.1"]).is_err(),
            "two"
        );
        assert!(
            judged(&[], "http://127.0.0.1/v1", &["evil.example"]).is_err(),
            "absolute form, another Host"
        );
        assert!(
            judged(&[], "http://evil.example/v1", &["127.0.0.1"]).is_err(),
            "absolute form of another"
        );
        assert!(
            judged(&[], "http://evil.example/v1", &[]).is_err(),
            "as in HTTP/2"
        );
        assert_eq!(
            judged(&[], "http://localhost:1/v1", &[]),
            Ok(()),
            "as in HTTP/2"
        );
    }

    #[test]
    fn knows_what_a_browser_sends_for_another_site() {
        let other = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_static(value),
                )
            });
            comes_from_other_site(&pairs.collect())
        };
        assert!(!other(&[("host", "127.0.0.1:9380")]), "curl");
        assert!(
            !other(&[("host", "fedflow.bank.example")]),
            "a program behind a proxy"
        );
        assert!(
            !other(&[("host", "localhost:1"), ("origin", "http://localhost:1")]),
            "a page of the REST endpoint's own"
        );
        assert!(
            !other(&[("host", "localhost:1"), ("sec-fetch-site", "same-origin")]),
            "the same, reading"
        );
        assert!(
            !other(&[("host", "localhost:1"), ("sec-fetch-site", "none")]),
            "a person typed the address"
        );
        assert!(
            other(&[("host", "127.0.0.1:1"), ("origin", "http://evil.example")]),
            "a page of another site"
        );
        assert!(
            other(&[("host", "127.0.0.1:1"), ("origin", "null")]),
            "a page without a site"
        );
        assert!(
            other(&[("host", "127.0.0.1:1"), ("sec-fetch-site", "cross-site")]),
            "the same, reading"
        );
        assert!(
            other(&[("host", "127.0.0.1:1"), ("sec-fetch-site", "same-site")]),
            "another port of this machine"
        );
    }
}
