//! Yesterday's bytes: every message of the agent link as it was recorded, per protocol version. `BLESS=1` records anew.
//!
//! A change of a recorded file is a change of protocol: it needs a new version, or a field with a default.

#![allow(clippy::unwrap_used, reason = "a suite of tests")]

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::agent_link::{EnvelopeHead, Hello, Reply, ToAgent, ToCoordinator, Welcome};
use wire::frame::{decode, encode};

mod samples;

fn folder() -> PathBuf {
    PathBuf::from("golden").join("v1")
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits
        .as_bytes()
        .chunks(96)
        .map(|line| format!("{}\n", str::from_utf8(line).unwrap()))
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Recorded bytes decode to the sample, and the sample encodes to the recorded bytes.
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    name: &str,
    sample: &T,
) -> String {
    let file = format!("{name}.hex");
    let path = folder().join(&file);
    let now = encode(sample).unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&path, hex(&now)).unwrap();
    }
    let recorded = unhex(
        &std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{file}: {error}; BLESS=1 records it")),
    );
    assert_eq!(
        &decode::<T>(&recorded).unwrap(),
        sample,
        "{file} decodes differently"
    );
    assert!(
        recorded == now,
        "{file}: {name} is written differently now:\n{}",
        hex(&now)
    );
    file
}

#[test]
fn every_message_is_read_and_written_as_recorded() {
    let mut files = vec![
        check("hello", &samples::hello()),
        check("mail_head", &samples::envelope_head()),
    ];
    files.extend(
        samples::welcomes()
            .iter()
            .map(|(name, sample)| check(&format!("welcome_{name}"), sample)),
    );
    files.extend(
        samples::to_agent()
            .iter()
            .map(|(name, sample)| check(&format!("to_agent_{name}"), sample)),
    );
    files.extend(
        samples::to_coordinator()
            .iter()
            .map(|(name, sample)| check(&format!("to_coordinator_{name}"), sample)),
    );
    files.extend(
        samples::replies()
            .iter()
            .map(|(name, sample)| check(&format!("reply_{name}"), sample)),
    );
    let mut recorded: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    recorded.sort();
    assert_eq!(files, recorded, "a recorded message has no sample any more");
}

/// Adds an unknown field to the outermost map of a value that stands for a struct.
fn with_unknown_field<T: Serialize + DeserializeOwned>(sample: &T) -> Vec<u8> {
    let mut value: serde_json::Value = decode(&encode(sample).unwrap()).unwrap();
    value.as_object_mut().unwrap().insert(
        "field_of_tomorrow".into(),
        serde_json::json!({"deep": [1, 2, 3]}),
    );
    encode(&value).unwrap()
}

#[test]
fn unknown_fields_of_a_newer_version_are_ignored() {
    assert_eq!(
        decode::<EnvelopeHead>(&with_unknown_field(&samples::envelope_head())).unwrap(),
        samples::envelope_head()
    );
    let peer = samples::peer();
    assert_eq!(
        decode::<wire::agent_link::Peer>(&with_unknown_field(&peer)).unwrap(),
        peer
    );
    // Inside a variant with fields, too.
    let mut value: serde_json::Value = decode(&encode(&samples::welcomes()[0].1).unwrap()).unwrap();
    value["accepted"]
        .as_object_mut()
        .unwrap()
        .insert("field_of_tomorrow".into(), 7.into());
    assert_eq!(
        decode::<Welcome>(&encode(&value).unwrap()).unwrap(),
        samples::welcomes()[0].1
    );
}

#[test]
fn missing_optional_fields_of_an_older_version_get_their_defaults() {
    let full = samples::hello();
    #[derive(Serialize)]
    struct OldHello {
        protocol: (u32, u32),
        version: String,
        now: vocabulary::Timestamp,
        catalogue: vocabulary::SignedBytes,
    }
    let old = OldHello {
        protocol: full.protocol,
        version: full.version,
        now: full.now,
        catalogue: full.catalogue,
    };
    let read: Hello = decode(&encode(&old).unwrap()).unwrap();
    assert!(
        read.capabilities.is_empty()
            && read.attempts.is_empty()
            && read.direct.is_empty()
            && read.rest.is_none()
    );
    assert!(!read.rows_through_coordinator);
}

#[test]
fn an_unknown_variant_is_an_error_and_not_a_panic() {
    let bytes = encode(&serde_json::json!({"of_tomorrow": {"a": 1}})).unwrap();
    assert!(
        decode::<ToAgent>(&bytes).is_err()
            && decode::<ToCoordinator>(&bytes).is_err()
            && decode::<Reply>(&bytes).is_err()
    );
}

#[test]
fn no_change_of_one_recorded_byte_makes_decoding_panic() {
    for (_, sample) in samples::to_agent() {
        let bytes = encode(&sample).unwrap();
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                let _ = decode::<ToAgent>(&changed);
            }
            let _ = decode::<ToAgent>(&bytes[..at]);
        }
    }
}
