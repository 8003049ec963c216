//! Signatures of a party over bytes: offers, answers, catalogues. ECDSA over P-256 with SHA-256.

use rustls::SignatureScheme;
use rustls_pki_types::CertificateDer;
use vocabulary::{SignedBytes, Timestamp};

use crate::error::{PkiError, Result};
use crate::identity::Identity;
use crate::peer::PeerIdentity;
use crate::provider::provider;
use crate::trust::TrustRoots;

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;
/// Keeps these signatures apart from every other use of the same key; TLS signs texts that begin with spaces.
const DOMAIN: &[u8] = b"fedflow signed bytes 1\0";

impl Identity {
    /// Signs bytes for one purpose; the same bytes under another context do not verify.
    pub fn sign(&self, context: &str, bytes: &[u8]) -> Result<SignedBytes> {
        let failed = |reason: String| PkiError::internal("signing", reason);
        let signer = self
            .certified
            .key
            .choose_scheme(&[SCHEME])
            .ok_or_else(|| failed("no P-256 key".to_owned()))?;
        let signature = signer
            .sign(&message(context, bytes))
            .map_err(|error| failed(error.to_string()))?;
        Ok(SignedBytes {
            bytes: bytes.to_vec(),
            signer: self.party().clone(),
            chain: self.chain().iter().map(|der| der.to_vec()).collect(),
            signature,
        })
    }
}

/// Verifies signed bytes at a moment: chain to the federation's root, dates, revocation, signature, and that the signer
/// named is the certificate's party. Says who signed.
pub fn verify_signed(
    signed: &SignedBytes,
    context: &str,
    trust: &impl AsRef<TrustRoots>,
    now: Timestamp,
) -> Result<PeerIdentity> {
    let chain: Vec<CertificateDer<'_>> = signed
        .chain
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let peer = trust.as_ref().check_chain(&chain, now)?;
    let refused = |reason: &str| PkiError::SignatureRefused {
        signer: signed.signer.to_string(),
        reason: reason.to_owned(),
    };
    // A valid chain of another party would else lend its certificate to any name.
    if peer.party != signed.signer {
        return Err(refused(&format!(
            "the certificate with it is of party {}",
            peer.party
        )));
    }
    let algorithms = provider().signature_verification_algorithms;
    let algorithm = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == SCHEME)
        .and_then(|(_, algorithms)| algorithms.first())
        .ok_or_else(|| PkiError::internal("verifying a signature", "no P-256 verification"))?;
    algorithm
        // The key of the verified certificate, never one that came beside it.
        .verify_signature(
            &peer.public_key_sec1,
            &message(context, &signed.bytes),
            &signed.signature,
        )
        .map_err(|_| refused("it does not belong to these bytes and this purpose"))?;
    Ok(peer)
}

/// Domain, length of the context, context, bytes: no two pairs of context and bytes give the same message.
fn message(context: &str, bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(DOMAIN.len() + 8 + context.len() + bytes.len());
    message.extend_from_slice(DOMAIN);
    message.extend_from_slice(&(context.len() as u64).to_be_bytes());
    message.extend_from_slice(context.as_bytes());
    message.extend_from_slice(bytes);
    message
}

#[cfg(test)]
mod tests;
