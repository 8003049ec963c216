//! Sealed bodies: a large body is cut into pieces, each sealed to the receiver, so that neither side nor the relay between
//! ever holds it twice.
//!
//! What is sealed begins with the sender's signed claim (address, message, size, hash of the body), so that the relay
//! learns nothing from it; the body follows. Every piece is bound to the message and to its place in it. A relay can therefore drop a message, but not
//! forge, alter, shorten, reorder or redirect it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use crypto::seal::{self, OVERHEAD_BYTES};
use crypto::{Random, seal::SecretScalar};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use vocabulary::{ErrorCode, Fault, SignedBytes};
use wire::agent_link::EnvelopeHead;
use wire::frame::{decode, encode, frame_bytes};
use wire::{Address, Envelope};

use crate::stream::Pieces;

/// The purpose that sealed messages are bound to.
const INFO: &[u8] = b"fedflow mail v2";
/// The context under which the claim of a message is signed.
pub(crate) const CONTEXT: &str = "fedflow mail v1";
/// Plain bytes in a piece.
const PIECE: usize = 4 << 20;
/// A claim with its certificates stays far below this.
const CLAIM_LIMIT: u64 = 64 << 10;
/// Sealed bytes of one piece, at most.
pub(crate) const SEALED_PIECE_LIMIT: usize = PIECE + OVERHEAD_BYTES;
/// Work on more bytes than this leaves the async threads.
const SMALL: usize = 32 << 10;

/// What the sender signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) address: Address,
    pub(crate) message: String,
    pub(crate) size: u64,
    /// BLAKE3 of the body.
    pub(crate) hash: [u8; 32],
}

impl Claim {
    pub(crate) async fn of(envelope: &Envelope) -> Result<Self, Fault> {
        let body = envelope.body.clone();
        let size = body.len();
        let hash = heavy(size, move || *blake3::hash(&body).as_bytes()).await?;
        Ok(Self {
            address: envelope.address.clone(),
            message: envelope.message.clone(),
            size: size as u64,
            hash,
        })
    }
}

/// The most bytes that a body of `plain` bytes has when it is sealed.
pub(crate) fn sealed_bound(plain: u64) -> u64 {
    let whole = plain.saturating_add(CLAIM_LIMIT);
    whole.saturating_add(
        whole
            .div_ceil(PIECE as u64)
            .saturating_mul(4 + OVERHEAD_BYTES as u64),
    )
}

/// What all pieces of a message are bound to. The size in the head is the sealed one and may be the relay's word.
fn bound_to(head: &EnvelopeHead, index: u64) -> Result<Vec<u8>, Fault> {
    let mut aad = encode(&(&head.address, &head.message))?;
    // The place is bound in, so that pieces can neither be left out nor exchanged.
    aad.extend_from_slice(&index.to_be_bytes());
    Ok(aad)
}

/// Runs work where it does not hold up the network.
async fn heavy<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    if size <= SMALL {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| {
        Fault::new(
            ErrorCode::Internal,
            format!("sealing was interrupted: {error}"),
        )
    })
}

/// A message as it is sealed, piece by piece: the next piece is being sealed while one is on its way.
pub(crate) struct Sealing {
    head: Arc<EnvelopeHead>,
    receiver: [u8; 65],
    /// Claim and beginning of the body, until it is sealed.
    first: Option<Bytes>,
    rest: Bytes,
    index: u64,
    ahead: Option<JoinHandle<Result<Bytes, Fault>>>,
}

impl Sealing {
    /// Gives the message's head, with the exact sealed size, and the source of its sealed bytes.
    pub(crate) fn new(
        envelope: &Envelope,
        claim: &SignedBytes,
        receiver: [u8; 65],
    ) -> Result<(EnvelopeHead, Self), Fault> {
        let mut first = BytesMut::from(&frame_bytes(claim, CLAIM_LIMIT as usize)?[..]);
        let whole = first.len() + envelope.body.len();
        let size = (whole + whole.div_ceil(PIECE) * (4 + OVERHEAD_BYTES)) as u64;
        let mut rest = envelope.body.clone();
        first.extend_from_slice(&rest.split_to(rest.len().min(PIECE - first.len())));
        let head = EnvelopeHead {
            address: envelope.address.clone(),
            message: envelope.message.clone(),
            size,
        };
        let first = Some(first.freeze());
        let sealing = Self {
            head: Arc::new(head.clone()),
            receiver,
            first,
            rest,
            index: 0,
            ahead: None,
        };
        Ok((head, sealing))
    }

    /// The size of the next piece, and what seals it.
    fn next_work(
        &mut self,
    ) -> Option<(
        usize,
        impl FnOnce() -> Result<Bytes, Fault> + Send + 'static + use<>,
    )> {
        let plain = match self.first.take() {
            Some(first) => first,
            None if self.rest.is_empty() => return None,
            None => self.rest.split_to(self.rest.len().min(PIECE)),
        };
        let (head, receiver, index, size) =
            (self.head.clone(), self.receiver, self.index, plain.len());
        self.index += 1;
        Some((size, move || seal_piece(&head, &receiver, index, &plain)))
    }
}

fn seal_piece(
    head: &EnvelopeHead,
    receiver: &[u8; 65],
    index: u64,
    plain: &[u8],
) -> Result<Bytes, Fault> {
    let mut random =
        Random::from_os().map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))?;
    let aad = bound_to(head, index)?;
    let sealed = seal::seal(receiver, INFO, &aad, plain, &mut random).map_err(|error| {
        Fault::new(
            ErrorCode::Internal,
            format!("cannot seal a message: {error}"),
        )
    })?;
    let length = u32::try_from(sealed.len())
        .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))?;
    let mut piece = BytesMut::with_capacity(4 + sealed.len());
    piece.put_u32(length);
    piece.put_slice(&sealed);
    Ok(piece.freeze())
}

#[async_trait]
impl Pieces for Sealing {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let current = match self.ahead.take() {
            Some(ahead) => ahead.await.map_err(|error| {
                Fault::new(
                    ErrorCode::Internal,
                    format!("sealing was interrupted: {error}"),
                )
            })?,
            None => match self.next_work() {
                Some((size, work)) => heavy(size, work).await?,
                None => return Ok(None),
            },
        };
        if let Some((_, work)) = self.next_work() {
            // One piece ahead and no more: sealing and sending overlap, and two pieces are held at
            // most.
            self.ahead = Some(tokio::task::spawn_blocking(work));
        }
        current.map(Some)
    }
}

/// Opens the pieces of one message in their order.
pub(crate) struct Opening {
    head: Arc<EnvelopeHead>,
    /// Keys that may open it; one, after the first piece.
    secrets: Vec<Arc<SecretScalar>>,
    index: u64,
}

impl Opening {
    /// Of a message that is sealed to one of these keys.
    pub(crate) fn new(head: &EnvelopeHead, secrets: Vec<Arc<SecretScalar>>) -> Self {
        Self {
            head: Arc::new(head.clone()),
            secrets,
            index: 0,
        }
    }

    /// Opens the next piece.
    pub(crate) async fn open(&mut self, sealed: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let (head, secrets, index) = (self.head.clone(), self.secrets.clone(), self.index);
        self.index += 1;
        let opened = heavy(sealed.len(), move || {
            let aad = bound_to(&head, index)?;
            let open = |secret: &Arc<SecretScalar>| seal::open(secret, INFO, &aad, &sealed).ok();
            let opened = secrets
                .into_iter()
                .find_map(|secret| open(&secret).map(|plain| (secret, plain)));
            opened.ok_or_else(refused)
        });
        let (secret, plain) = opened.await??;
        // All pieces of a message are sealed to one key: the others need not be tried again.
        self.secrets = vec![secret];
        Ok(plain)
    }

    /// Opens the first piece: the claim, not verified yet, and the beginning of the body.
    pub(crate) async fn open_first(
        &mut self,
        sealed: Vec<u8>,
    ) -> Result<(SignedBytes, Claim, Bytes), Fault> {
        let mut plain = Bytes::from(self.open(sealed).await?);
        let broken = || {
            Fault::new(
                ErrorCode::FrameInvalid,
                "a sealed message does not begin with a claim",
            )
        };
        let length = plain.try_get_u32().map_err(|_| broken())? as usize;
        // The length is the sender's word; `split_to` would panic beyond the end.
        if length > plain.len() {
            return Err(broken());
        }
        let signed: SignedBytes = decode(&plain.split_to(length))?;
        let claim = decode(&signed.bytes)?;
        Ok((signed, claim, plain))
    }
}

fn refused() -> Fault {
    let message = "a sealed message does not open: it was changed on its way, or sealed to a key that is over";
    Fault::new(ErrorCode::CertificateRefused, message)
        .next("if this agent was started again just now, the sender tries again with its new key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::contract::sample_envelope;

    fn signed() -> SignedBytes {
        let claim = Claim {
            address: sample_envelope("guest", "host", "x", vec![]).address,
            message: "m".into(),
            size: 0,
            hash: [1; 32],
        };
        SignedBytes {
            bytes: encode(&claim).unwrap(),
            signer: wire::contract::alice(),
            chain: vec![vec![0; 900]],
            signature: vec![0; 71],
        }
    }

    #[tokio::test]
    async fn announces_the_exact_sealed_size_and_opens_to_the_same_bytes() {
        let secret = || SecretScalar::new([7; 32]);
        let receiver = secret().public_sec1().unwrap();
        for size in [
            0usize,
            1,
            40_000,
            PIECE - 2_000,
            PIECE,
            PIECE + 1,
            2 * PIECE + 17,
        ] {
            let envelope = sample_envelope(
                "guest",
                "host",
                "x",
                (0..size).map(|i| (i / 9) as u8).collect(),
            );
            let (head, mut sealing) = Sealing::new(&envelope, &signed(), receiver).unwrap();
            let mut opening = Opening::new(
                &head,
                vec![Arc::new(SecretScalar::new([8; 32])), Arc::new(secret())],
            );
            let (mut sealed_size, mut body, mut first) = (0, Vec::new(), true);
            while let Some(piece) = sealing.next().await.unwrap() {
                sealed_size += piece.len() as u64;
                assert_eq!(
                    piece[..4],
                    u32::try_from(piece.len() - 4).unwrap().to_be_bytes()
                );
                let sealed = piece[4..].to_vec();
                if std::mem::take(&mut first) {
                    let (claim, _, beginning) = opening.open_first(sealed).await.unwrap();
                    assert_eq!(claim, signed());
                    body.extend_from_slice(&beginning);
                } else {
                    body.extend(opening.open(sealed).await.unwrap());
                }
            }
            assert_eq!(sealed_size, head.size);
            assert!(head.size <= sealed_bound(size as u64));
            assert!(body == envelope.body, "{size} bytes changed");
        }
    }

    #[tokio::test]
    async fn a_first_piece_that_is_no_claim_is_refused() {
        let secret = SecretScalar::new([7; 32]);
        let receiver = secret.public_sec1().unwrap();
        let head = EnvelopeHead {
            address: sample_envelope("guest", "host", "x", vec![]).address,
            message: "m".into(),
            size: 0,
        };
        for plain in [
            &b""[..],
            b"\x00\x00",
            b"\xff\xff\xff\xff",
            b"\x00\x00\x00\x02\xc1\xc1",
            b"\x00\x00\x00\x00",
        ] {
            let sealed = seal_piece(&head, &receiver, 0, plain).unwrap();
            let mut opening = Opening::new(&head, vec![Arc::new(SecretScalar::new([7; 32]))]);
            assert!(
                opening.open_first(sealed[4..].to_vec()).await.is_err(),
                "{plain:?}"
            );
        }
    }
}
