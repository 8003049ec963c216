//! Counts the values in MessagePack bytes without reading them: a value of one byte may take a hundred once it is read, so
//! the length of a frame alone does not bound what reading it costs.

/// Whether there are more than `most` values, those inside others counted. Bytes that are no MessagePack count as one value
/// each; the reader refuses them.
pub(crate) fn has_more_than(most: usize, bytes: &[u8]) -> bool {
    let (mut rest, mut count) = (bytes, 0_usize);
    while !rest.is_empty() {
        count += 1;
        if count > most {
            return true;
        }
        // A length beyond the end stops the count: the reader refuses such bytes anyway.
        rest = rest.get(length(rest)..).unwrap_or_default();
    }
    false
}

/// Bytes of the first value; of a list or a map only its head.
fn length(bytes: &[u8]) -> usize {
    let number = |size: usize| {
        let digits = bytes.get(1..=size).unwrap_or_default();
        digits
            .iter()
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    match bytes.first().copied().unwrap_or_default() {
        // Texts and bytes are stepped over whole; of lists and maps the head alone, so that what is
        // inside counts.
        short @ 0xa0..=0xbf => 1 + usize::from(short & 0x1f),
        0xc4 | 0xd9 => 2_usize.saturating_add(number(1)),
        0xc5 | 0xda => 3_usize.saturating_add(number(2)),
        0xc6 | 0xdb => 5_usize.saturating_add(number(4)),
        0xc7 => 3_usize.saturating_add(number(1)),
        0xc8 => 4_usize.saturating_add(number(2)),
        0xc9 => 6_usize.saturating_add(number(4)),
        0xcc | 0xd0 => 2,
        0xcd | 0xd1 | 0xd4 | 0xdc | 0xde => 3,
        0xd5 => 4,
        0xca | 0xce | 0xd2 | 0xdd | 0xdf => 5,
        0xd6 => 6,
        0xcb | 0xcf | 0xd3 => 9,
        0xd7 => 10,
        0xd8 => 18,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counts(bytes: &[u8], exactly: usize) -> bool {
        !has_more_than(exactly, bytes) && has_more_than(exactly - 1, bytes)
    }

    #[test]
    fn counts_values_of_every_kind() {
        let long = "x".repeat(70_000);
        let value = json!([1, -1, 300, -300, 70_000, -70_000, u64::MAX, i64::MIN, 0.5, "", "short", long, "y".repeat(300), null, true, {"a": []}]);
        // the list, its sixteen members, and inside the last a name and a list
        assert!(counts(
            &rmp_serde::to_vec_named(&value).expect("encoded"),
            19
        ));
        let mut bytes = vec![0xc6, 0, 1, 0, 0];
        bytes.resize(5 + (1 << 16), 0xc0);
        assert!(counts(&bytes, 1));
    }

    #[test]
    fn takes_any_bytes() {
        for first in 0..=u8::MAX {
            assert!(!has_more_than(5, &[first]));
            assert!(!has_more_than(5, &[first, 0xff, 0xff, 0xff, 0xff]));
        }
        assert!(!has_more_than(0, &[]));
    }
}
