//! Frames of the link between a coordinator and an agent, and what is signed inside them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use vocabulary::{Offer, SignedBytes, Ticket};
use wire::agent_link::{
    Catalogue, EnvelopeHead, Hello, HttpHead, HttpReplyHead, MessageKey, Reply, ToAgent,
    ToCoordinator, Welcome,
};
use wire::frame::{CONTROL_LIMIT, decode, encode, read_raw};

use crate::{block_on, choose};

/// What is read is written as it is read again; and of a stream no frame is larger than allowed.
fn comes_back<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(message) = decode::<T>(bytes) {
        let written = encode(&message).expect("what was read can be written");
        let again: T = decode(&written).expect("what was written can be read");
        assert_eq!(encode(&again).expect("written"), written);
    }
}

/// The target.
pub fn run(bytes: &[u8]) {
    let Some((way, bytes)) = choose(bytes, 14) else {
        return;
    };
    match way {
        0 => comes_back::<Hello>(bytes),
        1 => comes_back::<Welcome>(bytes),
        2 => comes_back::<ToAgent>(bytes),
        3 => comes_back::<ToCoordinator>(bytes),
        4 => comes_back::<Reply>(bytes),
        5 => comes_back::<EnvelopeHead>(bytes),
        6 => comes_back::<HttpHead>(bytes),
        7 => comes_back::<HttpReplyHead>(bytes),
        8 => comes_back::<Catalogue>(bytes),
        9 => comes_back::<MessageKey>(bytes),
        10 => comes_back::<Offer>(bytes),
        11 => comes_back::<Ticket>(bytes),
        12 => comes_back::<SignedBytes>(bytes),
        _ => {
            let mut stream = bytes;
            while let Ok(frame) = block_on(read_raw(&mut stream, CONTROL_LIMIT)) {
                assert!(frame.len() <= CONTROL_LIMIT);
            }
        }
    }
}
