//! What an agent may say of itself: all of it goes to every other agent, so that it is small.

use vocabulary::{ErrorCode, Fault, PartyId, SignedBytes};
use wire::agent_link::Hello;

/// Addresses of an agent.
const MOST_ADDRESSES: usize = 16;
/// Bytes of an address.
const LONGEST_ADDRESS: usize = 512;
/// Bytes of a signed key with its certificates.
const LARGEST_KEY: usize = 32 << 10;
/// Bytes of the components that a party announces.
const LARGEST_CATALOGUE: usize = 1 << 20;

/// Refuses a hello that says too much, by name of the bound.
pub(crate) fn check(party: &PartyId, hello: &Hello) -> Result<(), Fault> {
    let too_much = |what: String| Err(Fault::new(ErrorCode::LimitReached, what).at(party));
    if hello.direct.len() > MOST_ADDRESSES {
        return too_much(format!(
            "{} direct addresses are more than {MOST_ADDRESSES}",
            hello.direct.len()
        ));
    }
    let texts = hello
        .direct
        .iter()
        .chain(&hello.rest)
        .chain([&hello.version])
        .chain(&hello.capabilities);
    if let Some(long) = texts
        .map(String::len)
        .find(|length| *length > LONGEST_ADDRESS)
    {
        return too_much(format!(
            "a text of {long} bytes in a hello is longer than {LONGEST_ADDRESS}"
        ));
    }
    if hello.catalogue.bytes.len() > LARGEST_CATALOGUE {
        return too_much(format!(
            "a catalogue of {} bytes is larger than {LARGEST_CATALOGUE}",
            hello.catalogue.bytes.len()
        ));
    }
    hello
        .message_key
        .as_ref()
        .map_or(Ok(()), |key| check_key(party, key))
}

/// Refuses a key for messages that is another party's or too large; whether it is good is judged by those who use it.
pub(crate) fn check_key(party: &PartyId, key: &SignedBytes) -> Result<(), Fault> {
    let size =
        key.bytes.len() + key.signature.len() + key.chain.iter().map(Vec::len).sum::<usize>();
    if size > LARGEST_KEY || key.chain.len() > 8 {
        let text = format!("a signed key of {size} bytes is larger than {LARGEST_KEY}");
        return Err(Fault::new(ErrorCode::LimitReached, text).at(party));
    }
    if key.signer != *party {
        let text = format!(
            "party {party} tells a key for messages of party {}",
            key.signer
        );
        return Err(Fault::new(ErrorCode::PermissionDenied, text).at(party));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(signer: &str, size: usize) -> SignedBytes {
        let signer = PartyId::new(signer).unwrap();
        SignedBytes {
            bytes: vec![0; size],
            signer,
            chain: vec![vec![0; 900]],
            signature: vec![0; 71],
        }
    }

    #[test]
    fn a_key_is_small_and_the_partys_own() {
        let party = PartyId::new("9999").unwrap();
        assert!(check_key(&party, &key("9999", 200)).is_ok());
        assert_eq!(
            check_key(&party, &key("9999", 40_000)).unwrap_err().code,
            ErrorCode::LimitReached
        );
        assert_eq!(
            check_key(&party, &key("10000", 200)).unwrap_err().code,
            ErrorCode::PermissionDenied
        );
        let many = SignedBytes {
            chain: vec![vec![]; 9],
            ..key("9999", 1)
        };
        assert_eq!(
            check_key(&party, &many).unwrap_err().code,
            ErrorCode::LimitReached
        );
    }
}
