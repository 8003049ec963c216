//! TLS between members of a federation: version 1.3 only, both sides always verified, and the peer is who was dialled.
//!
//! There is no mode that skips a check. A new revocation list means a new configuration: reload the identity, build the
//! configurations again, and close links of revoked serials by hand.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    ServerConfig, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use vocabulary::PartyId;

use crate::error::{PkiError, Refusal, Result};
use crate::identity::Identity;
use crate::name::{Kind, server_name};
use crate::peer::PeerIdentity;
use crate::provider::provider;
use crate::trust::TrustRoots;

/// Who is dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedPeer {
    /// What must answer.
    pub kind: Kind,
    /// Whose it must be; `None` takes any party's, for a coordinator whose id is not configured.
    pub party: Option<PartyId>,
}

impl ExpectedPeer {
    /// A name to hand to interfaces that ask for one; with [`client_config_for`] the certificate alone decides.
    pub fn server_name(&self) -> String {
        match &self.party {
            Some(party) => server_name(party, self.kind),
            None => format!("{}.fedflow", self.kind),
        }
    }

    fn check(&self, peer: &PeerIdentity) -> Result<(), Refusal> {
        let party_fits = self.party.as_ref().is_none_or(|party| *party == peer.party);
        if party_fits && self.kind == peer.kind {
            return Ok(());
        }
        let party = self
            .party
            .as_ref()
            .map_or("of any party".to_owned(), ToString::to_string);
        Err(Refusal::OtherPeer {
            expected: format!("{} {party}", self.kind),
            found: format!("{} {}", peer.kind, peer.party),
        })
    }
}

/// How a daemon accepts links: every member of the federation with a valid certificate, and nobody else.
pub fn server_config(identity: &Identity, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| PkiError::internal("setting up TLS", error))?;
    let resolver = SingleCertAndKey::from(identity.certified.as_ref().clone());
    let mut config = builder
        .with_client_cert_verifier(Arc::new(MemberVerifier {
            trust: identity.trust().clone(),
        }))
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = owned(alpn);
    // A resumed session would skip the look at certificate and revocation list; links are long, handshakes cheap.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// How a daemon dials when the name it dials decides: the server name must be [`server_name`] of the party and kind.
pub fn client_config(identity: &Identity, alpn: &[&[u8]]) -> Result<Arc<ClientConfig>> {
    build_client(identity, alpn, None)
}

/// How a daemon dials one peer: whatever the address or server name, the certificate must name the expected peer.
pub fn client_config_for(
    identity: &Identity,
    alpn: &[&[u8]],
    expected: ExpectedPeer,
) -> Result<Arc<ClientConfig>> {
    build_client(identity, alpn, Some(expected))
}

fn build_client(
    identity: &Identity,
    alpn: &[&[u8]],
    expected: Option<ExpectedPeer>,
) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| PkiError::internal("setting up TLS", error))?;
    let verifier = PeerVerifier {
        trust: identity.trust().clone(),
        expected,
    };
    let resolver = SingleCertAndKey::from(identity.certified.as_ref().clone());
    // "Dangerous" is the builder's word for any own verifier; this one only adds checks to the library's.
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = owned(alpn);
    config.resumption = Resumption::disabled();
    // The server name travels in the clear and would tell a listener which party is dialled.
    config.enable_sni = false;
    Ok(Arc::new(config))
}

fn owned(alpn: &[&[u8]]) -> Vec<Vec<u8>> {
    alpn.iter().map(|protocol| protocol.to_vec()).collect()
}

fn refuse(refusal: Refusal) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
}

fn chain_of<'a>(leaf: &CertificateDer<'a>) -> [CertificateDer<'a>; 1] {
    [leaf.clone()]
}

/// Accepts as a caller whoever the federation's root vouches for.
#[derive(Debug)]
struct MemberVerifier {
    trust: TrustRoots,
}

impl ClientCertVerifier for MemberVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.trust.client.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .trust
            .client
            .verify_client_cert(end_entity, intermediates, now)?;
        self.trust.member(&chain_of(end_entity)).map_err(refuse)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.client.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.client.supported_verify_schemes()
    }
}

/// Accepts as the one called whoever the root vouches for *and* was meant.
#[derive(Debug)]
struct PeerVerifier {
    trust: TrustRoots,
    expected: Option<ExpectedPeer>,
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |name: &ServerName<'_>| {
            self.trust.server.verify_server_cert(
                end_entity,
                intermediates,
                name,
                ocsp_response,
                now,
            )
        };
        let Some(expected) = &self.expected else {
            let verified = verify(name)?;
            self.trust.member(&chain_of(end_entity)).map_err(refuse)?;
            return Ok(verified);
        };
        let claimed = match self.trust.member(&chain_of(end_entity)) {
            Ok(claimed) => claimed,
            Err(refusal) => {
                // A certificate of strangers may not name anybody: what the root says of it is the better answer.
                self.trust
                    .client
                    .verify_client_cert(end_entity, intermediates, now)?;
                return Err(refuse(refusal));
            }
        };
        // Chain, dates and revocation first, against the DNS form of the name the certificate itself claims; then
        // whether that is the name expected.
        let own_name = ServerName::try_from(claimed.name().server_name())
            .map_err(|error| refuse(Refusal::NameInvalid(error.to_string())))?;
        let verified = verify(&own_name)?;
        expected.check(&claimed).map_err(refuse)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.server.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.server.supported_verify_schemes()
    }
}

fn no_tls12() -> Error {
    Error::General("TLS 1.2 is not spoken here".to_owned())
}

#[cfg(test)]
mod tests;
