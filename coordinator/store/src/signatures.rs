//! The ticket, the signed offer and the answers to it, as text: bytes in hex, and the offer's bytes once however many signed them.

use std::collections::BTreeMap;

use domain::{Answer, Job};
use serde::{Deserialize, Serialize};
use service::ports::Stored;
use vocabulary::{Fault, PartyId, SignedBytes};

use crate::sql::{corrupt, from_json, json};

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
        bytes: (!same).then(|| hex(&signed.bytes)),
        signer: signed.signer.clone(),
        chain: signed
            .chain
            .iter()
            .map(|certificate| hex(certificate))
            .collect(),
        signature: hex(&signed.signature),
    }
}

fn signed(paper: Paper, offered: Option<&[u8]>) -> Stored<SignedBytes> {
    let bytes = match (&paper.bytes, offered) {
        (Some(text), _) => unhex(text)?,
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
        .map(|text| unhex(text))
        .collect::<Stored<Vec<_>>>()?;
    Ok(SignedBytes {
        bytes,
        signer: paper.signer,
        chain,
        signature: unhex(&paper.signature)?,
    })
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn unhex(text: &str) -> Stored<Vec<u8>> {
    let wrong = || corrupt("the signatures of a job", "bytes that are not hex");
    let value = |character: &u8| {
        char::from(*character)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    if !text.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(value(high)? << 4 | value(low)?),
        _ => None,
    };
    text.as_bytes()
        .chunks(2)
        .map(|pair| byte(pair).ok_or_else(wrong))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_every_byte() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)).expect("hex"), bytes);
        assert!(unhex("0").is_err());
        assert!(unhex("0g").is_err());
    }
}
