//! Signatures as FATE's clients make them: HMAC-SHA1 over time, nonce, name, path and content.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daemon::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha1::Sha1;
use vocabulary::Timestamp;

use super::content::Content;
use super::unknown;
use crate::fate_reply::Failure;

/// How far a time stamp may be from the present, either way.
pub(super) const WINDOW_MILLIS: i64 = 60_000;
/// Headers of a signed request.
pub(super) const HEADERS: [&str; 4] = ["timestamp", "nonce", "app_key", "signature"];

/// The values of a header that is meant by a name, however it is spelt: proxies write `-` for `_`, or drop what has one.
fn spelt<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h http::HeaderValue> {
    headers
        .iter()
        .filter(|(own, _)| is_spelling(own.as_str(), name))
        .map(|(_, value)| value)
        .collect()
}

/// Whether a header's name is a spelling of that of a signed request.
fn is_spelling(own: &str, name: &str) -> bool {
    own.len() == name.len()
        && own
            .bytes()
            .zip(name.bytes())
            .all(|(a, b)| a.eq_ignore_ascii_case(&b) || (a == b'-' && b == b'_'))
}

/// Takes every spelling of the headers of a signed request out.
pub(super) fn remove(headers: &mut HeaderMap) {
    let ours = |own: &http::HeaderName| HEADERS.iter().any(|name| is_spelling(own.as_str(), name));
    let found: Vec<http::HeaderName> = headers.keys().filter(|own| ours(own)).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}
/// Longest name or nonce that is looked at, in bytes.
const LONGEST: usize = 256;

pub(super) const CLIENT: &str = "Unknown APP_KEY";
pub(super) const NONCE: &str = "Invalid NONCE";
const HEADERS_NEEDED: &str =
    "requirement headers parameters: ['TIMESTAMP', 'NONCE', 'APP_KEY', 'SIGNATURE']";
const TIME: &str = "Invalid TIMESTAMP";
const TOO_FAR: &str = "TIMESTAMP is more than 60 seconds away from the server time";

/// What a request says of its signature.
pub(super) struct Claim {
    timestamp: String,
    pub(super) nonce: String,
    pub(super) app_key: String,
    signature: String,
}

impl Claim {
    /// Reads the headers. Fails with FATE's texts, in FATE's order. A header that comes twice, in whatever spellings, says
    /// nothing: somebody on the way may have added the other one.
    pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Result<Self, Failure> {
        let header = |name: &str| match spelt(headers, name).as_slice() {
            [value] => value.to_str().ok().map(str::to_owned),
            _ => None,
        };
        let [Some(timestamp), Some(nonce), Some(app_key), Some(signature)] = HEADERS.map(header)
        else {
            return Err(unknown(HEADERS_NEEDED));
        };
        let time: i64 = timestamp.trim().parse().map_err(|_| unknown(TIME))?;
        if now.millis().saturating_sub(time).saturating_abs() > WINDOW_MILLIS {
            return Err(unknown(TOO_FAR));
        }
        if nonce.is_empty() || nonce.len() > LONGEST {
            return Err(unknown(NONCE));
        }
        if app_key.len() > LONGEST {
            return Err(unknown(CLIENT));
        }
        Ok(Self {
            timestamp,
            nonce,
            app_key,
            signature,
        })
    }

    /// Whether the secret's owner signed this target with this content. The comparison takes the same time wherever the
    /// signatures differ.
    pub(super) fn is_signed_with(&self, secret: &Secret, target: &str, content: &Content) -> bool {
        let Ok(signature) = STANDARD.decode(self.signature.trim()) else {
            return false;
        };
        let head = [&self.timestamp, &self.nonce, &self.app_key, target].map(str::as_bytes);
        content.as_signed().into_iter().any(|(body, form)| {
            let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes()) else {
                return false;
            };
            for (index, part) in head.into_iter().chain([body, form]).enumerate() {
                if index > 0 {
                    // FATE's form: parts joined by line breaks, empty ones too.
                    mac.update(b"\n");
                }
                mac.update(part);
            }
            // Constant time is the library's: `==` on the bytes would tell how many of them fit.
            mac.verify_slice(&signature).is_ok()
        })
    }
}
