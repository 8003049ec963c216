//! The ticket, the signed offer and the answers to it, as text: bytes in hex, and the offer's bytes once however many signed them.

use std::collections::BTreeMap;

use crate::values::{corrupt, from_json, json};

use domain::{Answer, Job};
use serde::{Deserialize, Serialize};
use service::ports::Stored;
use vocabulary::{Fault, PartyId, SignedBytes, hex, unhex};

#[derive(Serialize, Deserialize, Default)]
struct Signatures {
    offer: Option<Paper>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<Paper>,
    answers: BTreeMap<PartyId, Word>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Accepted(Paper),
    Refused(Fault),
}

#[derive(Serialize, Deserialize)]
struct Paper {
    /// `None`: the same bytes as the offer's.
    bytes: Option<String>,
    signer: PartyId,
    chain: Vec<String>,
    signature: String,
}

/// The job's signatures as text.
pub(crate) fn write(job: &Job) -> Stored<String> {
    let offered = job.offer.as_ref().map(|offer| offer.bytes.as_slice());
    let word = |answer: &Answer| match answer {
        Answer::Accepted(signed) => Word::Accepted(paper(signed, offered)),
        Answer::Refused(fault) => Word::Refused(fault.clone()),
    };
    let signatures = Signatures {
        offer: job.offer.as_ref().map(|offer| paper(offer, None)),
        ticket: job.ticket.as_ref().map(|ticket| paper(ticket, None)),
        answers: job
            .answers
            .iter()
            .map(|(party, answer)| (party.clone(), word(answer)))
            .collect(),
    };
    json("the signatures of a job", &signatures)
}

/// Puts the signatures back into the job.
pub(crate) fn read(text: &str, job: &mut Job) -> Stored<()> {
    let signatures: Signatures = from_json("the signatures of a job", text)?;
    job.offer = signatures
        .offer
        .map(|paper| signed(paper, None))
        .transpose()?;
    job.ticket = signatures
        .ticket
        .map(|paper| signed(paper, None))
        .transpose()?;
    let offered = job.offer.as_ref().map(|offer| offer.bytes.as_slice());
    let mut answers = BTreeMap::new();
    for (party, word) in signatures.answers {
        let answer = match word {
            Word::Accepted(paper) => Answer::Accepted(signed(paper, offered)?),
            Word::Refused(fault) => Answer::Refused(fault),
        };
        answers.insert(party, answer);
    }
    job.answers = answers;
    Ok(())
}

fn paper(signed: &SignedBytes, offered: Option<&[u8]>) -> Paper {
    let same = offered.is_some_and(|bytes| bytes == signed.bytes);
    Paper {
        // Every party signs the same bytes, which hold the whole job: kept once, not once a party.
        bytes: (!same).then(|| hex(&signed.bytes)),
        signer: signed.signer.clone(),
        chain: signed.chain.iter().map(hex).collect(),
        signature: hex(&signed.signature),
    }
}

fn signed(paper: Paper, offered: Option<&[u8]>) -> Stored<SignedBytes> {
    let bytes = match (&paper.bytes, offered) {
        (Some(text), _) => read_hex(text)?,
        (None, Some(offered)) => offered.to_vec(),
        (None, None) => {
            return Err(corrupt(
                "the signatures of a job",
                "an answer to an offer that is not there",
            ));
        }
    };
    let chain = paper
        .chain
        .iter()
        .map(|text| read_hex(text))
        .collect::<Stored<Vec<_>>>()?;
    Ok(SignedBytes {
        bytes,
        signer: paper.signer,
        chain,
        signature: read_hex(&paper.signature)?,
    })
}

fn read_hex(text: &str) -> Stored<Vec<u8>> {
    unhex(text).ok_or_else(|| corrupt("the signatures of a job", "bytes that are not hex"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_every_byte() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(read_hex(&hex(&bytes)).expect("hex"), bytes);
        assert!(read_hex("0").is_err());
        assert!(read_hex("0g").is_err());
    }
}
