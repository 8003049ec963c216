//! Who stands at a REST endpoint: signed requests of FATE's clients, and bearer tokens. Off unless the settings name somebody.
//!
//! What passes carries its [`Caller`] and the [`CredentialName`] as extensions, and no credential: headers that prove something
//! stay at this REST endpoint.

mod book;
mod content;
mod nonces;
mod settings;
mod signature;
pub mod token;
mod turns;

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
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, ErrorCode, Fault, PartyId, Timestamp};
use wire::agent_link::Caller;

use crate::dialect::Dialect;
use crate::fate_reply::{AUTHENTICATION, Failure, answers_with_a_file};
use crate::lenient::drain_strangers;
use crate::proxy::stream_of;
use book::{Book, Reading};
use nonces::Nonces;
use signature::Claim;
use turns::{Turns, is_small};

pub use settings::{AccessSettings, ClientSettings, TokenSettings};

/// Pages that describe the API and nothing else; they are there for everybody.
const OPEN: [&str; 3] = ["/openapi.json", "/v1/openapi.json", "/docs"];
/// How often the file of clients and tokens is looked at.
const READ_AGAIN_EVERY: Duration = Duration::from_secs(10);
/// How long what a file said before counts after it can be read no more, in milliseconds: long enough for an editor that
/// writes it in pieces. Then nobody of it comes in, since what was written may have been a removal.
const GRACE_MILLIS: i64 = 60_000;
/// HTTP status of a refusal where a client would take HTTP 200 for the file.
const REFUSED_FILE: u16 = 400;
/// HTTP status of a refusal outside of FATE-Flow's own paths, whose clients look at HTTP's status.
const REFUSED_ELSEWHERE: u16 = 401;
/// HTTP status of a request that could not be looked at.
const BUSY: u16 = 503;
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

/// The name of the credential that a request came with, as the settings have it: a token's name, or a client's `app_key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialName(pub Arc<str>);

/// The check at one REST endpoint. A cheap handle.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

struct Inner {
    settings: AccessSettings,
    own: Option<PartyId>,
    clock: Arc<dyn Clock>,
    book: RwLock<Arc<Book>>,
    nonces: Mutex<Nonces>,
    wrong: Mutex<Wrong>,
    turns: Turns,
}

/// What is wrong with the entries and with the file.
#[derive(Default)]
struct Wrong {
    /// Names of entries that do not count.
    refused: Vec<String>,
    /// Since when the file cannot be read.
    unreadable: Option<Timestamp>,
}

impl Access {
    /// The check that the settings ask for. `own` is the party at whose REST endpoint it stands: then its users alone can be named.
    /// Fails when a credential of the settings is incomplete, names a stranger, or stands there twice; when nobody is named
    /// at all; or when the file is not there. Of the file, what cannot be used is told and does not count.
    pub fn open(
        settings: AccessSettings,
        own: Option<PartyId>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Fault> {
        let nonces = Nonces::new(clock.now());
        Self::with(settings, own, clock, nonces)
    }

    /// The same, with a folder in which it is remembered across a restart which signed requests came.
    pub fn open_in(
        folder: &Path,
        settings: AccessSettings,
        own: Option<PartyId>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Fault> {
        let nonces = Nonces::kept_in(folder, clock.now())?;
        Self::with(settings, own, clock, nonces)
    }

    fn with(
        settings: AccessSettings,
        own: Option<PartyId>,
        clock: Arc<dyn Clock>,
        nonces: Nonces,
    ) -> Result<Self, Fault> {
        let reading = Book::read(&settings, own.as_ref());
        if let Err(fault) = &reading.file {
            tracing::error!(code = fault.code.text(), %fault, "nobody whom this file names comes in");
        }
        if let Some((_, fault)) = reading
            .refused
            // Only entries of the settings stop the start: those of the file are mended while the
            // daemon runs.
            .get(..reading.of_settings)
            .and_then(<[_]>::first)
        {
            return Err(fault.clone());
        }
        match &settings.file {
            Some(path) if !path.exists() => reading.file.clone()?,
            Some(_) => {}
            None if reading.book.is_empty() => {
                let fault = Fault::new(
                    ErrorCode::ConfigInvalid,
                    "access: nobody is named, so nobody could come in",
                );
                return Err(fault.next("name a client or a token, or leave the section access out"));
            }
            None => {}
        }
        let nonces = Mutex::new(nonces);
        let wrong = Mutex::new(Wrong {
            refused: told(&reading),
            unreadable: reading.file.is_err().then(|| clock.now()),
        });
        let book = RwLock::new(Arc::new(reading.book));
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                own,
                clock,
                book,
                nonces,
                wrong,
                turns: Turns::default(),
            }),
        })
    }

    /// Names of entries that do not count as they stand, and whether the file cannot be read at all.
    pub fn refused(&self) -> (Vec<String>, bool) {
        let wrong = self.wrong();
        (wrong.refused.clone(), wrong.unreadable.is_some())
    }

    fn wrong(&self) -> std::sync::MutexGuard<'_, Wrong> {
        self.inner
            .wrong
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The same router, for those who prove who they are.
    pub fn protect(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), enter))
    }

    /// Reads the file of clients and tokens again whenever it has changed, or could not be read, until `stop`.
    pub async fn keep_fresh(self, stop: CancellationToken) {
        let Some(path) = self.inner.settings.file.clone() else {
            return;
        };
        let mut before = stamp(&path);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(READ_AGAIN_EVERY) => {}
            }
            let now = stamp(&path);
            if now != before || self.refused().1 {
                before = now;
                match self.reload() {
                    Ok(()) => {
                        tracing::info!(path = %path.display(), "clients and tokens read again")
                    }
                    Err(fault) => {
                        let seconds = GRACE_MILLIS / 1_000;
                        tracing::error!(%fault, "the file of clients and tokens cannot be read: what it said counts for {seconds} s more, then nobody of it comes in");
                    }
                }
            }
        }
    }

    /// Reads the file of clients and tokens again. Each entry is judged by itself: what can be used counts, what is not there
    /// any more does not, and the rest is told by name. When the file cannot be read at all, what it said before counts for
    /// a minute more, and then nobody of it comes in.
    pub fn reload(&self) -> Result<(), Fault> {
        let reading = Book::read(&self.inner.settings, self.inner.own.as_ref());
        let refused = told(&reading);
        let now = self.inner.clock.now();
        let mut wrong = self.wrong();
        // The first failure begins the minute; later ones must not begin it anew.
        let since = *wrong.unreadable.get_or_insert(now);
        if reading.file.is_ok() {
            wrong.unreadable = None;
        } else if now.millis().saturating_sub(since.millis()) < GRACE_MILLIS {
            return reading.file;
        }
        wrong.refused = refused;
        *self
            .inner
            .book
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(reading.book);
        reading.file
    }

    /// Whom the token of a request stands for, for those who refuse in a form of their own. Signatures do not count here.
    /// The connection that it came on is known from then on.
    pub fn holder_on(&self, extensions: &Extensions, headers: &HeaderMap) -> Result<Holder, Fault> {
        let known = self.known(headers)?;
        crate::serve::prove(extensions, &known.name);
        Ok(known.holder)
    }

    fn known(&self, headers: &HeaderMap) -> Result<book::CredentialHolder, Fault> {
        let refused = |failure: Failure| {
            Fault::new(ErrorCode::CredentialRefused, failure.0.retmsg.clone())
                .next("send `Authorization: Bearer TOKEN`")
        };
        let token =
            token_of(headers).ok_or_else(|| refused(unknown("a bearer token is missing")))?;
        self.book()
            .holder_of_token(&token, self.inner.clock.now())
            .map_err(refused)
    }

    fn book(&self) -> Arc<Book> {
        self.inner
            .book
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The request with its caller, or why it is refused.
    async fn admit(&self, mut request: Request) -> Result<Request, (Failure, Body)> {
        let refused = |request: Request, failure| Err((failure, request.into_body()));
        let book = self.book();
        let now = self.inner.clock.now();
        let known = if let Some(token) = token_of(request.headers()) {
            match book.holder_of_token(&token, now) {
                Ok(known) => known,
                Err(failure) => return refused(request, failure),
            }
        } else if !book.knows_clients() {
            return refused(request, unknown("a bearer token is missing"));
        } else {
            let claimed = Claim::read(request.headers(), now).and_then(|claim| {
                let client = book.client(&claim.app_key, now)?;
                Ok((claim, client))
            });
            let (claim, (secret, known)) = match claimed {
                Ok(claimed) => claimed,
                Err(failure) => return refused(request, failure),
            };
            // The name is checked before, so that only known names have turns; that the caller is
            // the one it names is not known yet.
            let turn = if is_small(&request) {
                None
            } else {
                Some(self.inner.turns.take(&known.name).await)
            };
            if matches!(turn, Some(None)) {
                let fault =
                    Fault::new(ErrorCode::Conflict, "too many signed requests come at once");
                return refused(
                    request,
                    Failure::from(fault.next("send it again")).with_status(BUSY),
                );
            }
            let content;
            (request, content) = content::read(request).await?;
            let target = request
                .uri()
                .path_and_query()
                .map_or("/", |target| target.as_str());
            if !claim.is_signed_with(secret, target, &content) {
                return refused(request, unknown(content::WRONG));
            }
            // only what is signed is remembered, so that nobody can use up another's nonces
            let fresh = self
                .inner
                .nonces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(&claim, now);
            if !fresh {
                return refused(request, unknown(signature::NONCE));
            }
            // Held until here: a turn bounds the bodies whose signature was not judged.
            drop(turn);
            known
        };
        crate::serve::prove(request.extensions(), &known.name);
        let headers = request.headers_mut();
        // Behind this point nobody needs a credential, and what is not there cannot be logged or
        // passed on.
        headers.remove(AUTHORIZATION);
        headers.remove(AUTH_TOKEN);
        signature::remove(headers);
        request.extensions_mut().insert(CredentialName(known.name));
        request.extensions_mut().insert(match known.holder {
            Holder::Party(party) => Caller::PartyUser(party),
            // the REST endpoint's own principal
            Holder::Operator => Caller::Outsider,
        });
        Ok(request)
    }
}

/// Tells what does not count; gives the names.
fn told(reading: &Reading) -> Vec<String> {
    let code = ErrorCode::ConfigInvalid.text();
    for (name, fault) in &reading.refused {
        tracing::error!(code, name, %fault, "an entry of the clients and tokens does not count");
    }
    reading
        .refused
        .iter()
        .map(|(name, _)| name.clone())
        .collect()
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
    let Some((scheme, word)) = text(AUTHORIZATION.as_str()).and_then(|text| text.split_once(' '))
    else {
        // OpenStack's header counts only without the usual one: two credentials in a request would
        // leave open which is meant.
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
    let is_foreign = !Dialect::is_fates(path);
    match access.admit(request).await {
        Ok(request) => next.run(request).await,
        Err((failure, body)) => {
            tracing::debug!(
                reason = failure.0.retmsg,
                "a caller was refused at the REST endpoint"
            );
            // A client that still sends would meet a reset instead of the refusal.
            drain_strangers(stream_of(body)).await;
            // clients unpack whatever comes with HTTP 200 from a file route
            let refused = failure.0.status == 200;
            match (is_foreign, is_file) {
                (true, false) if refused => failure.with_status(REFUSED_ELSEWHERE),
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
