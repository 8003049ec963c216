//! Which protocol two daemons speak: the highest version both know, and the abilities both have.

use vocabulary::{ErrorCode, Fault};

/// Protocol versions this software speaks, lowest and highest.
pub const PROTOCOL: (u32, u32) = (1, 1);

/// The highest version in both ranges, or a fault that names both and says which side to update.
pub fn choose(ours: (u32, u32), theirs: (u32, u32)) -> Result<u32, Fault> {
    let highest = ours.1.min(theirs.1);
    if theirs.0 <= theirs.1 && highest >= ours.0 && highest >= theirs.0 {
        return Ok(highest);
    }
    // An empty range would fit any of the texts below and help nobody.
    let next = if theirs.0 > theirs.1 {
        "the other side's range is empty: check its software"
    } else if ours.1 < theirs.0 {
        "update the daemon that answered, or install an older version of the one that called"
    } else {
        "update the daemon that called, or install an older version of the one that answered"
    };
    let message = format!(
        "no common protocol version: the caller speaks {} to {}, the answerer {} to {}",
        theirs.0, theirs.1, ours.0, ours.1
    );
    Err(Fault::new(ErrorCode::VersionMismatch, message).next(next))
}

/// Abilities in both lists, in the order of `ours`.
pub fn shared_capabilities(ours: &[String], theirs: &[String]) -> Vec<String> {
    ours.iter()
        .filter(|own| theirs.contains(own))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_the_highest_common_version() {
        assert_eq!(choose((1, 4), (3, 9)), Ok(4));
        assert_eq!(choose((3, 9), (1, 4)), Ok(4));
        assert_eq!(choose((2, 2), (2, 2)), Ok(2));
    }

    #[test]
    fn names_both_ranges_and_the_side_to_update() {
        let fault = choose((1, 2), (3, 4)).unwrap_err();
        assert_eq!(fault.code, ErrorCode::VersionMismatch);
        assert!(
            fault.message.contains("3 to 4") && fault.message.contains("1 to 2"),
            "{}",
            fault.message
        );
        assert!(
            fault
                .next
                .unwrap()
                .starts_with("update the daemon that answered")
        );
        assert!(
            choose((3, 4), (1, 2))
                .unwrap_err()
                .next
                .unwrap()
                .starts_with("update the daemon that called")
        );
    }

    #[test]
    fn refuses_an_empty_range() {
        assert!(choose((1, 5), (4, 2)).is_err());
    }

    #[test]
    fn keeps_only_abilities_of_both() {
        let list = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shared_capabilities(&list(&["a", "b", "c"]), &list(&["c", "x", "a"])),
            list(&["a", "c"])
        );
    }

    proptest! {
        #[test]
        fn a_chosen_version_is_in_both_ranges(a in 0u32..9, b in 0u32..9, c in 0u32..9, d in 0u32..9) {
            let (ours, theirs) = ((a.min(b), a.max(b)), (c, d));
            match choose(ours, theirs) {
                Ok(version) => prop_assert!(ours.0 <= version && version <= ours.1 && c <= version && version <= d),
                Err(_) => prop_assert!((0..9).all(|v| !(ours.0 <= v && v <= ours.1 && c <= v && v <= d))),
            }
        }
    }
}
