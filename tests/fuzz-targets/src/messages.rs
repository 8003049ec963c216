//! Bodies of messages between parties, as components read them.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use component_kit::{Packed, Payload, Raw};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::choose;

/// A message of the kind that components declare: names, numbers, lists and what may be missing.
#[derive(Debug, Serialize, Deserialize)]
struct Announced {
    rows: u64,
    columns: Vec<String>,
    scale: Option<f64>,
    weights: BTreeMap<String, Vec<f64>>,
    kind: Kind,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Nothing,
    Labels(Vec<i64>),
    Named { name: String, of: Box<Option<Kind>> },
}

/// What is read is written as the same bytes again, once they were written by us.
fn comes_back<T: Payload>(bytes: &Bytes) {
    if let Ok(read) = T::decode(bytes) {
        let written = read.encode().expect("what was read can be written");
        let again = T::decode(&written).expect("what was written can be read");
        assert_eq!(again.encode().expect("written"), written);
    }
}

/// The target.
pub fn run(bytes: &[u8]) {
    let Some((way, bytes)) = choose(bytes, 9) else {
        return;
    };
    let bytes = Bytes::copy_from_slice(bytes);
    match way {
        0 => comes_back::<Packed<Announced>>(&bytes),
        1 => comes_back::<Packed<Value>>(&bytes),
        2 => comes_back::<Packed<(Vec<u32>, Option<String>)>>(&bytes),
        3 => comes_back::<Vec<f64>>(&bytes),
        4 => comes_back::<Vec<u64>>(&bytes),
        5 => comes_back::<Vec<i64>>(&bytes),
        6 => comes_back::<Vec<u32>>(&bytes),
        7 => comes_back::<Vec<[u8; 32]>>(&bytes),
        _ => comes_back::<Raw>(&bytes),
    }
}
