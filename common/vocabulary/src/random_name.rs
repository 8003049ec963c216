//! Names that nobody can guess and no other party makes.

use crate::{ErrorCode, Fault, hex};

/// 128 bits: nobody finds a name by trying.
const NAME_BYTES: usize = 16;

/// The operating system gave no entropy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no entropy: {0}")]
pub struct NoEntropy(getrandom::Error);

impl From<NoEntropy> for Fault {
    fn from(error: NoEntropy) -> Self {
        Fault::new(ErrorCode::Internal, error.to_string())
    }
}

/// A new name of 32 random hexadecimal digits: whoever is told it may have what it names.
pub fn random_name() -> Result<String, NoEntropy> {
    let mut bytes = [0; NAME_BYTES];
    getrandom::fill(&mut bytes).map_err(NoEntropy)?;
    Ok(hex(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_32_digits_and_never_the_same() {
        let names: std::collections::BTreeSet<String> =
            (0..100).map(|_| random_name().expect("entropy")).collect();
        assert_eq!(names.len(), 100);
        for name in names {
            assert!(name.len() == 32 && name.chars().all(|digit| digit.is_ascii_hexdigit()));
            assert!(!name.contains(|digit: char| digit.is_ascii_uppercase()));
        }
    }
}
