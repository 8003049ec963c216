//! The credentials in force at a REST endpoint, checked once when they are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use daemon::Secret;
use subtle::ConstantTimeEq;
use vocabulary::{ErrorCode, Fault, PartyId, Timestamp};

use super::settings::{AccessSettings, ClientSettings, Entry, NamedEntry, TokenSettings};
use super::{Holder, signature, token, unknown};
use crate::fate_reply::Failure;

/// Who is known at a REST endpoint.
pub(super) struct Book {
    clients: BTreeMap<String, Client>,
    tokens: Vec<Token>,
}

/// Whom a credential stands for, and the name under which it stands in the settings.
#[derive(Debug, Clone)]
pub(super) struct CredentialHolder {
    pub(super) holder: Holder,
    pub(super) name: Arc<str>,
}

struct Client {
    secret: Secret,
    known: CredentialHolder,
    until: Option<Timestamp>,
}

struct Token {
    hash: [u8; token::HASH_BYTES],
    known: CredentialHolder,
    until: Timestamp,
}

/// What was read: who is known, and what is wrong with the rest.
pub(super) struct Reading {
    pub(super) book: Book,
    /// Entries that do not count, each under its name; those of the settings first.
    pub(super) refused: Vec<(String, Fault)>,
    /// How many of them stand in the settings, which are read once.
    pub(super) of_settings: usize,
    /// Why nothing of the file counts, if so.
    pub(super) file: Result<(), Fault>,
}

impl Book {
    /// Reads the settings and what they point at. Each entry is judged by itself.
    pub(super) fn read(settings: &AccessSettings, own: Option<&PartyId>) -> Reading {
        let (mut book, mut refused) = (
            Self {
                clients: BTreeMap::new(),
                tokens: Vec::new(),
            },
            Vec::new(),
        );
        book.add_all(settings.entries(), own, &mut refused);
        let of_settings = refused.len();
        let file = settings
            .entries_of_file()
            .map(|entries| book.add_all(entries, own, &mut refused));
        Reading {
            book,
            refused,
            of_settings,
            file,
        }
    }

    /// Whether nobody is named.
    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.tokens.is_empty()
    }

    fn add_all(
        &mut self,
        entries: Vec<NamedEntry>,
        own: Option<&PartyId>,
        refused: &mut Vec<(String, Fault)>,
    ) {
        for NamedEntry { name, entry } in entries {
            let added = entry.and_then(|entry| match entry {
                Entry::Client(client) => self.add_client(&name, &client, own),
                Entry::Token(token) => self.add_token(&name, &token, own),
            });
            if let Err(fault) = added {
                refused.push((name, fault));
            }
        }
    }

    fn add_client(
        &mut self,
        name: &str,
        client: &ClientSettings,
        own: Option<&PartyId>,
    ) -> Result<(), Fault> {
        if client.app_key.is_empty() {
            return Err(wrong("a client has no app_key"));
        }
        // The first stands.
        if self.clients.contains_key(&client.app_key) {
            return Err(wrong(format!("{name} stands there twice")));
        }
        let holder = holder(name, client.party.as_ref(), client.operator, own)?;
        let until = client
            .expires
            .as_deref()
            .map(|text| moment(name, text))
            .transpose()?;
        let known = CredentialHolder {
            holder,
            name: client.app_key.as_str().into(),
        };
        self.clients.insert(
            client.app_key.clone(),
            Client {
                secret: client.secret()?,
                known,
                until,
            },
        );
        Ok(())
    }

    fn add_token(
        &mut self,
        name: &str,
        entry: &TokenSettings,
        own: Option<&PartyId>,
    ) -> Result<(), Fault> {
        let hash = token::read_hash(&entry.sha256)
            .ok_or_else(|| wrong(format!("{name}: sha256 holds no 64 hexadecimal digits")))?;
        if self.tokens.iter().any(|other| other.hash == hash) {
            return Err(wrong(format!("{name} stands there twice")));
        }
        let holder = holder(name, entry.party.as_ref(), entry.operator, own)?;
        let known = CredentialHolder {
            holder,
            name: entry.name.as_deref().unwrap_or(name).into(),
        };
        self.tokens.push(Token {
            hash,
            known,
            until: moment(name, &entry.expires)?,
        });
        Ok(())
    }

    /// Whether requests may be signed here.
    pub(super) fn knows_clients(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Secret and holder of a client.
    pub(super) fn client(
        &self,
        app_key: &str,
        now: Timestamp,
    ) -> Result<(&Secret, CredentialHolder), Failure> {
        let client = self
            .clients
            .get(app_key)
            // Looked up by name in the open: names of clients are no secrets, their secrets are
            // compared in constant time.
            .ok_or_else(|| unknown(signature::CLIENT))?;
        if client.until.is_some_and(|until| now >= until) {
            return Err(unknown(&format!("{}: its time is over", signature::CLIENT)));
        }
        Ok((&client.secret, client.known.clone()))
    }

    /// The holder of a token.
    pub(super) fn holder_of_token(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<CredentialHolder, Failure> {
        // Hashed first: what is compared then tells nothing of the token, and the settings hold no
        // token.
        let hash = token::hash(text);
        let mut found = None;
        // all are compared, so that time does not tell where one lies
        for known in &self.tokens {
            if bool::from(known.hash.ct_eq(&hash)) {
                found = Some(known);
            }
        }
        let known = found.ok_or_else(|| unknown("the bearer token is not known here"))?;
        if now >= known.until {
            return Err(unknown("the bearer token's time is over"));
        }
        Ok(known.known.clone())
    }
}

fn wrong(message: impl std::fmt::Display) -> Fault {
    Fault::new(ErrorCode::ConfigInvalid, format!("access: {message}"))
}

/// Whom a credential stands for; at a party's own REST endpoint only for its users.
fn holder(
    name: &str,
    party: Option<&PartyId>,
    operator: bool,
    own: Option<&PartyId>,
) -> Result<Holder, Fault> {
    match (party, operator, own) {
        (Some(_), true, _) => Err(wrong(format!(
            "{name} is of a party or of the operator, not of both"
        ))),
        (_, true, Some(own)) => Err(wrong(format!(
            "{name}: at the REST endpoint of party {own} there is no operator"
        ))),
        (Some(party), false, Some(own)) if party != own => Err(wrong(format!(
            "{name} is of party {party}, but this is the REST endpoint of party {own}"
        ))),
        (None, false, None) => {
            Err(wrong(format!("{name} is nobody's")).next("give it a party, or operator = true"))
        }
        (None, true, None) => Ok(Holder::Operator),
        (Some(party), false, _) | (None, false, Some(party)) => Ok(Holder::Party(party.clone())),
    }
}

/// A moment as the settings write it.
fn moment(name: &str, text: &str) -> Result<Timestamp, Fault> {
    let day = || {
        Some(
            text.parse::<NaiveDate>()
                .ok()?
                .and_hms_opt(0, 0, 0)?
                .and_utc()
                .timestamp_micros(),
        )
    };
    let time = || Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros());
    day().or_else(time).map(Timestamp).ok_or_else(|| {
        wrong(format!("{name}: {text:?} is not a date"))
            .next("write 2027-01-31, or 2027-01-31T18:00:00Z")
    })
}
