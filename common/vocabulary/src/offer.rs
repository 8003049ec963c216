//! What a party is asked to join. Offers are signed by the initiating party over their canonical bytes.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::ids::{JobId, PartyId, StepName};
use crate::role::{Cast, Participant, Role, Stage};
use crate::table::TableRef;
use crate::task::ModelInput;
use crate::time::Timestamp;

/// A job as a party is asked to join it: who, what, on which tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The job.
    pub job: JobId,
    /// Who asks.
    pub initiator: Participant,
    /// Everybody.
    pub cast: Cast,
    /// The steps, in topological order.
    pub steps: Vec<OfferedStep>,
    /// When the job was submitted.
    pub created: Timestamp,
    /// Until when tasks may be ordered under it. Parties refuse an offer that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// How many attempts of each task may be ordered under it. Parties refuse an offer that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The file in which what a step leaves at a participant is kept, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<OfferedFile>,
}

/// A file of a party in which it keeps what one of its tasks leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedFile {
    /// The step.
    pub step: StepName,
    /// The participant whose first data output is kept, at its party.
    pub who: Participant,
    /// `files://folder/name`.
    pub file: String,
}

/// A step of an offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferedStep {
    /// The step.
    pub step: StepName,
    /// Its component.
    pub component: String,
    /// Its component's version.
    pub version: u32,
    /// Fit or apply.
    pub stage: Stage,
    /// Roles that take part.
    pub roles: Vec<Role>,
    /// Who runs it, in cast order; those who skip it are not among them.
    pub participants: Vec<Participant>,
    /// Merged parameters of each participant as JSON text, in cast order: signed with the rest, checked against the
    /// assignment.
    pub parameters: Vec<(Participant, String)>,
    /// Stored tables that the step reads, and whose they are.
    pub tables: Vec<(Participant, TableRef)>,
    /// Tables of other steps that the step reads, in document order for each participant.
    pub inputs: Vec<OfferedInput>,
    /// Models that the step reads; the owner of each is the participant that reads it.
    pub models: Vec<ModelInput>,
    /// The earlier job that has done the step: what it left is taken, nothing runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<JobId>,
}

/// A table of the same job that a participant's input is wired to: only the attempt that makes it is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedInput {
    /// Whose input, and whose table.
    pub who: Participant,
    /// The port.
    pub port: String,
    /// The step that the document names.
    pub from_step: StepName,
    /// The step that makes the table: the one named, or one before it where that is skipped.
    pub made_by: StepName,
    /// Which of its data outputs.
    pub index: usize,
    /// The earlier job whose step makes it; this job's own when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_job: Option<JobId>,
}

impl Offer {
    /// The bytes that are signed: MessagePack with named fields in declaration order.
    pub fn canonical_bytes(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        rmp_serde::to_vec_named(self)
    }

    /// Whether the other offer is this job with other parameters: same people, same steps, same wiring. Which steps are
    /// taken from an earlier job may differ, too, and how long and for how many attempts it is good.
    pub fn is_amended_by(&self, other: &Offer) -> bool {
        self.outline() == other.outline()
    }

    /// The offer without what may change while the job stays the same.
    fn outline(&self) -> Offer {
        let mut outline = Offer {
            expires: None,
            attempts: None,
            ..self.clone()
        };
        for step in &mut outline.steps {
            step.parameters.clear();
            step.tables.clear();
            step.inherited = None;
            step.inputs.iter_mut().for_each(|input| input.of_job = None);
        }
        outline
    }

    /// SHA-256 of the canonical bytes, hex.
    pub fn fingerprint(&self) -> Result<String, rmp_serde::encode::Error> {
        Ok(fingerprint_of(&self.canonical_bytes()?))
    }
}

/// SHA-256, hex.
pub fn fingerprint_of(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

/// Bytes with the signature of a party over them, and the certificates that prove whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBytes {
    /// What is signed.
    #[serde(with = "bytes_as_binary")]
    pub bytes: Vec<u8>,
    /// Who signed, by its own word; the certificate decides.
    pub signer: PartyId,
    /// Certificates, DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The signature.
    #[serde(with = "bytes_as_binary")]
    pub signature: Vec<u8>,
}

mod bytes_as_binary {
    //! Writes a byte vector as one binary value instead of a list of numbers.
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> de::Visitor<'de> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        from.deserialize_byte_buf(Bytes)
    }
}
