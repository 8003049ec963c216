//! The credentials in force at a door, checked once when they are read.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use daemon::Secret;
use subtle::ConstantTimeEq;
use vocabulary::{ErrorCode, Fault, PartyId, Timestamp};

use super::settings::AccessSettings;
use super::{Holder, signature, token, unknown};
use crate::fate_reply::Failure;

/// Who is known at a door.
pub(super) struct Book {
    clients: BTreeMap<String, Client>,
    tokens: Vec<Token>,
}

struct Client {
    secret: Secret,
    holder: Holder,
    until: Option<Timestamp>,
}

struct Token {
    hash: [u8; token::HASH_BYTES],
    holder: Holder,
    until: Timestamp,
}

impl Book {
    /// Reads the settings and what they point at. Fails when a credential is not complete or nobody is named.
    pub(super) fn read(settings: &AccessSettings, own: Option<&PartyId>) -> Result<Self, Fault> {
        let all = settings.with_file()?;
        let mut book = Self { clients: BTreeMap::new(), tokens: Vec::new() };
        for client in &all.clients {
            let name = format!("client {}", client.app_key);
            if client.app_key.is_empty() {
                return Err(wrong("a client has no app_key"));
            }
            let holder = holder(&name, client.party.as_ref(), client.operator, own)?;
            let until = client.expires.as_deref().map(|text| moment(&name, text)).transpose()?;
            let known = Client { secret: client.secret()?, holder, until };
            if book.clients.insert(client.app_key.clone(), known).is_some() {
                return Err(wrong(format!("{name} stands there twice")));
            }
        }
        for (index, entry) in all.tokens.iter().enumerate() {
            let name =
                entry.name.clone().map_or_else(|| format!("token {}", index + 1), |name| format!("token {name}"));
            let hash = token::read_hash(&entry.sha256)
                .ok_or_else(|| wrong(format!("{name}: sha256 holds no 64 hexadecimal digits")))?;
            if book.tokens.iter().any(|other| other.hash == hash) {
                return Err(wrong(format!("{name} stands there twice")));
            }
            let holder = holder(&name, entry.party.as_ref(), entry.operator, own)?;
            book.tokens.push(Token { hash, holder, until: moment(&name, &entry.expires)? });
        }
        if book.clients.is_empty() && book.tokens.is_empty() {
            return Err(wrong("nobody is named, so nobody could come in")
                .next("name a client or a token, or leave the section access out"));
        }
        Ok(book)
    }

    /// Whether requests may be signed here.
    pub(super) fn knows_clients(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Secret and holder of a client.
    pub(super) fn client(&self, app_key: &str, now: Timestamp) -> Result<(&Secret, Holder), Failure> {
        let client = self.clients.get(app_key).ok_or_else(|| unknown(signature::CLIENT))?;
        if client.until.is_some_and(|until| now >= until) {
            return Err(unknown(&format!("{}: its time is over", signature::CLIENT)));
        }
        Ok((&client.secret, client.holder.clone()))
    }

    /// The holder of a token.
    pub(super) fn holder_of_token(&self, text: &str, now: Timestamp) -> Result<Holder, Failure> {
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
        Ok(known.holder.clone())
    }
}

fn wrong(message: impl std::fmt::Display) -> Fault {
    Fault::new(ErrorCode::ConfigInvalid, format!("access: {message}"))
}

/// Whom a credential stands for; at a party's own door only for its users.
fn holder(name: &str, party: Option<&PartyId>, operator: bool, own: Option<&PartyId>) -> Result<Holder, Fault> {
    match (party, operator, own) {
        (Some(_), true, _) => Err(wrong(format!("{name} is of a party or of the operator, not of both"))),
        (_, true, Some(own)) => Err(wrong(format!("{name}: at the door of party {own} there is no operator"))),
        (Some(party), false, Some(own)) if party != own => {
            Err(wrong(format!("{name} is of party {party}, but this is the door of party {own}")))
        }
        (None, false, None) => Err(wrong(format!("{name} is nobody's")).next("give it a party, or operator = true")),
        (None, true, None) => Ok(Holder::Operator),
        (Some(party), false, _) | (None, false, Some(party)) => Ok(Holder::Party(party.clone())),
    }
}

/// A moment as the settings write it.
fn moment(name: &str, text: &str) -> Result<Timestamp, Fault> {
    let day = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
    let time = || Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros());
    day()
        .or_else(time)
        .map(Timestamp)
        .ok_or_else(|| wrong(format!("{name}: {text:?} is no date")).next("write 2027-01-31, or 2027-01-31T18:00:00Z"))
}
