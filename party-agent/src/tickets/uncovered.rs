//! What both ways of comparing an offer with a request need.

use serde_json::{Map, Value, json};
use vocabulary::Offer;

/// Why an offer is not covered, as the end of a sentence.
pub(super) type Gap = String;

/// What the documents of a job say of who takes part, where they name everybody.
pub(super) fn roles_of(offer: &Offer) -> Map<String, Value> {
    let role = |role: vocabulary::Role| {
        let parties = offer.cast.of(role);
        (!parties.is_empty()).then(|| (role.word().to_owned(), json!(parties)))
    };
    vocabulary::Role::ALL.into_iter().filter_map(role).collect()
}
