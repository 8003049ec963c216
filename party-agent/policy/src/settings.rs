//! Every rule that a policy file can have, by its place in the file: read from the rules themselves, so that none is forgotten.

use std::collections::BTreeMap;

use vocabulary::PartyId;

use crate::cap::Cap;
use crate::limits::{Hours, Until};
use crate::rules::{Columns, OnePeer};
use crate::rules::{PeerRules, Rules};

/// What stands in place of names that a file chooses: of a peer, of a table.
pub(crate) const ANY_NAME: &str = "*";

/// Rules of which each has a value.
pub(crate) fn whole(mut rules: Rules) -> Option<Rules> {
    // Any party will do: only the places below it are read off.
    let one = PartyId::new("1").ok()?;
    let columns = || Columns::from([("t".to_owned(), vec!["c".to_owned()])]);
    let list = || Some(vec!["a".to_owned()]);
    rules.admission.columns = columns();
    rules.release.peer = BTreeMap::from([(one.clone(), PeerRules::default())]);
    let own = OnePeer {
        components: list(),
        tables: list(),
        models: list(),
        model_uses_per_day: Some(Cap::any()),
        fewest_ids: Some(1),
        fewest_common: Some(1),
        new_ids_per_day: Some(Cap::any()),
        jobs_per_day: Some(Cap::any()),
        trainings_per_day: Some(Cap::any()),
        online_ids_per_day: Some(Cap::any()),
        hours: Some(vec![Hours::try_from("00:00-24:00".to_owned()).ok()?]),
        until: Some("never".parse::<Until>().ok()?),
        columns: Some(columns()),
    };
    rules.peer = BTreeMap::from([(one, own)]);
    Some(rules)
}

/// Whether the keys below a place are names that the file chooses.
pub(crate) fn has_names(place: &[&str]) -> bool {
    matches!(
        place,
        ["peer"] | ["release", "peer"] | ["admission", "columns"] | ["peer", _, "columns"]
    )
}

/// All places: `admission.peers`, `peer.*.tables`.
pub fn settings() -> Vec<String> {
    let Some(value) = whole(Rules::default()).and_then(|rules| toml::Value::try_from(rules).ok())
    else {
        return Vec::new();
    };
    let mut places = Vec::new();
    walk(&value, &mut Vec::new(), &mut places);
    places
}

fn walk(value: &toml::Value, at: &mut Vec<String>, places: &mut Vec<String>) {
    let here: Vec<&str> = at.iter().map(String::as_str).collect();
    let named = has_names(&here);
    match value {
        // Columns are one rule, whatever tables they are of.
        toml::Value::Table(table) if here.last() != Some(&"columns") => {
            for (key, value) in table {
                at.push(if named {
                    ANY_NAME.to_owned()
                } else {
                    key.clone()
                });
                walk(value, at, places);
                at.pop();
            }
        }
        _ => places.push(at.join(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_documented_default_is_a_setting() {
        let all = settings();
        assert!(all.len() > 50, "{all:?}");
        let default: toml::Value =
            toml::from_str(include_str!("../default-policy.toml")).expect("well formed");
        let mut written = Vec::new();
        walk(&default, &mut Vec::new(), &mut written);
        for place in &written {
            assert!(all.contains(place), "{place}");
        }
        // Those that the default leaves out are about what only a file can name.
        let left_out: Vec<_> = all
            .iter()
            .filter(|place| !written.contains(place))
            .collect();
        let of_names = |place: &&String| place.contains('*') || place.ends_with(".columns");
        assert!(left_out.iter().all(of_names), "{left_out:?}");
    }

    /// Whoever adds a rule says what it does: in the manual, and to whoever has a policy explained.
    #[test]
    fn every_setting_stands_in_the_manual() {
        let manual = include_str!("../../../docs/operating.md");
        let missing: Vec<String> = settings()
            .into_iter()
            .filter(|place| !manual.contains(&format!("`{}`", place.replace('*', "PARTY"))))
            .collect();
        assert!(missing.is_empty(), "not in docs/operating.md: {missing:?}");
    }
}
