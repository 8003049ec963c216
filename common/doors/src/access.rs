//! Who stands at a door: signed requests of FATE's clients, and bearer tokens. Off unless the settings name somebody.
//!
//! What passes carries its [`Caller`] as an extension, and no credential: headers that prove something stay at this door.

mod book;
mod content;
mod nonces;
mod settings;
mod signature;
pub mod token;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, ErrorCode, Fault, PartyId};
use wire::agent_link::Caller;

use crate::dialect::Dialect;
use crate::fate_reply::{AUTHENTICATION, Failure, answers_with_a_file};
use crate::lenient::drain;
use crate::proxy::stream_of;
use book::Book;
use nonces::Nonces;
use signature::Claim;

pub use settings::{AccessSettings, ClientSettings, TokenSettings};

/// Pages that describe the API and nothing else; they are there for everybody.
const OPEN: [&str; 3] = ["/openapi.json", "/v1/openapi.json", "/docs"];
/// How often the file of clients and tokens is looked at.
const READ_AGAIN_EVERY: Duration = Duration::from_secs(10);
/// HTTP status of a refusal where a client would take HTTP 200 for the file.
const REFUSED_FILE: u16 = 400;
/// HTTP status of a refusal to clients of other APIs than FATE-Flow's.
const REFUSED_ELSEWHERE: u16 = 401;
/// Where OpenStack's clients carry their token.
const AUTH_TOKEN: &str = "x-auth-token";

/// Whom a credential stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A user of this party.
    Party(PartyId),
    /// The coordinator's operator.
    Operator,
}

/// The check at one door. A cheap handle.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

struct Inner {
    settings: AccessSettings,
    own: Option<PartyId>,
    clock: Arc<dyn Clock>,
    book: RwLock<Arc<Book>>,
    nonces: Mutex<Nonces>,
}

impl Access {
    /// The check that the settings ask for. `own` is the party at whose door it stands: then its users alone can be named.
    /// Fails when a credential is incomplete, names a stranger, or stands there twice; or when nobody is named at all.
    pub fn open(settings: AccessSettings, own: Option<PartyId>, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        let book = Book::read(&settings, own.as_ref())?;
        let nonces = Mutex::new(Nonces::new(clock.now()));
        Ok(Self { inner: Arc::new(Inner { settings, own, clock, book: RwLock::new(Arc::new(book)), nonces }) })
    }

    /// The same router, for those who prove who they are.
    pub fn protect(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), enter))
    }

    /// Reads the file of clients and tokens again whenever it has changed, until `stop`. One that cannot be used is logged,
    /// and what was in force stays.
    pub async fn keep_fresh(self, stop: CancellationToken) {
        let Some(path) = self.inner.settings.file.clone() else { return };
        let mut before = stamp(&path);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(READ_AGAIN_EVERY) => {}
            }
            let now = stamp(&path);
            if now != before {
                before = now;
                match self.reload() {
                    Ok(()) => tracing::info!(path = %path.display(), "clients and tokens read again"),
                    Err(fault) => tracing::error!(%fault, "clients and tokens stay as they were"),
                }
            }
        }
    }

    /// Reads the file of clients and tokens again.
    pub fn reload(&self) -> Result<(), Fault> {
        let book = Book::read(&self.inner.settings, self.inner.own.as_ref())?;
        *self.inner.book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
        Ok(())
    }

    /// Whom the token of a request stands for, for those who refuse in a form of their own. Signatures do not count here.
    pub fn holder(&self, headers: &HeaderMap) -> Result<Holder, Fault> {
        let refused = |failure: Failure| {
            Fault::new(ErrorCode::CredentialRefused, failure.0.retmsg.clone())
                .next("send `Authorization: Bearer TOKEN`")
        };
        let token = token_of(headers).ok_or_else(|| refused(unknown("a bearer token is missing")))?;
        self.book().holder_of_token(&token, self.inner.clock.now()).map_err(refused)
    }

    fn book(&self) -> Arc<Book> {
        self.inner.book.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The request with its caller, or why it is refused.
    async fn admit(&self, mut request: Request) -> Result<Request, (Failure, Body)> {
        let refused = |request: Request, failure| Err((failure, request.into_body()));
        let book = self.book();
        let now = self.inner.clock.now();
        let holder = if let Some(token) = token_of(request.headers()) {
            match book.holder_of_token(&token, now) {
                Ok(holder) => holder,
                Err(failure) => return refused(request, failure),
            }
        } else if !book.knows_clients() {
            return refused(request, unknown("a bearer token is missing"));
        } else {
            let known = Claim::read(request.headers(), now).and_then(|claim| {
                let client = book.client(&claim.app_key, now)?;
                Ok((claim, client))
            });
            let (claim, (secret, holder)) = match known {
                Ok(known) => known,
                Err(failure) => return refused(request, failure),
            };
            let content;
            (request, content) = content::read(request).await?;
            let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
            if !claim.is_signed_with(secret, target, &content) {
                return refused(request, unknown(signature::WRONG));
            }
            // only what is signed is remembered, so that nobody can use up another's nonces
            let fresh = self.inner.nonces.lock().unwrap_or_else(PoisonError::into_inner).take(&claim, now);
            if !fresh {
                return refused(request, unknown(signature::NONCE));
            }
            holder
        };
        let headers = request.headers_mut();
        headers.remove(AUTHORIZATION);
        headers.remove(AUTH_TOKEN);
        for name in signature::HEADERS {
            headers.remove(name);
        }
        request.extensions_mut().insert(match holder {
            Holder::Party(party) => Caller::PartyUser(party),
            // the door's own principal
            Holder::Operator => Caller::Outsider,
        });
        Ok(request)
    }
}

/// A refusal for want of a credential that counts.
pub(crate) fn unknown(text: &str) -> Failure {
    let fault = Fault::new(ErrorCode::CredentialRefused, text)
        .next("send `Authorization: Bearer TOKEN`, or sign with app_key and secret_key as FATE's clients do");
    Failure::code(AUTHENTICATION, text).with_fault(fault)
}

/// The token of a request: a bearer's, the password of a basic credential, or OpenStack's.
fn token_of(headers: &HeaderMap) -> Option<zeroize::Zeroizing<String>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some((scheme, word)) = text(AUTHORIZATION.as_str()).and_then(|text| text.split_once(' ')) else {
        return text(AUTH_TOKEN).map(|token| token.trim().to_owned().into());
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(word.trim().to_owned().into());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = zeroize::Zeroizing::new(STANDARD.decode(word.trim()).ok()?);
    let (_, password) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
    Some(password.to_owned().into())
}

async fn enter(State(access): State<Access>, request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_end_matches('/');
    if OPEN.contains(&path) || Dialect::is_open(request.uri().path()) {
        return next.run(request).await;
    }
    let is_file = answers_with_a_file(path);
    let is_foreign = Dialect::of(path) != Dialect::FateFlow;
    match access.admit(request).await {
        Ok(request) => next.run(request).await,
        Err((failure, body)) => {
            tracing::debug!(reason = failure.0.retmsg, "a caller was refused at the door");
            drain(stream_of(body)).await;
            // clients unpack whatever comes with HTTP 200 from a file route
            let refused = failure.0.status == 200;
            match (is_foreign, is_file) {
                (true, _) if refused => failure.with_status(REFUSED_ELSEWHERE),
                (_, true) if refused => failure.with_status(REFUSED_FILE),
                _ => failure,
            }
            .into_response()
        }
    }
}

fn stamp(path: &Path) -> Option<(std::time::SystemTime, u64)> {
    let facts = path.metadata().ok()?;
    Some((facts.modified().ok()?, facts.len()))
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
