//! Bytes as lower-case hexadecimal digits, and back.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two digits for each byte.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    let bytes = bytes.as_ref();
    // Of full length at once: tokens pass here, and a text that grows would leave copies of them behind.
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(*byte));
    }
    text
}

/// The bytes that digits of either case stand for; none for anything but pairs of digits.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    // Digits are looked at one by one: number parsers take signs, too.
    let value = |digit: u8| u8::try_from(char::from(digit).to_digit(16)?).ok();
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(value(*high)? << 4 | value(*low)?);
    rest.is_empty()
        .then(|| pairs.iter().map(byte).collect())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_their_digits() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)), Some(all.clone()));
        assert_eq!(unhex(&hex(&all).to_uppercase()), Some(all));
        assert_eq!(hex([0x0a, 0xf0]), "0af0");
        assert_eq!(unhex(""), Some(vec![]));
    }

    #[test]
    fn refuses_what_is_no_pair_of_digits() {
        for text in ["0", "0g", "+1", "-1", " 1", "0x", "äb", "é"] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
