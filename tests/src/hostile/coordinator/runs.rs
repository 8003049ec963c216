//! Whole jobs, run as an honest coordinator would: to show that an attack on one would have had something to attack.

use vocabulary::{Fault, Outcome, Participant, PartyId, SignedBytes};

use super::super::job::Job;
use super::Coordinator;

impl Coordinator {
    /// Has the initiator sign the job's offer and everybody else accept it; gives the signed offer, or the first refusal.
    pub async fn agree(&self, job: &Job) -> Result<SignedBytes, Fault> {
        let initiator = &job.initiator.party;
        let signed = self.sign(initiator.as_str(), job.offer()).await?;
        for party in self.others(job) {
            self.offer(party.as_str(), signed.clone()).await?;
        }
        Ok(signed)
    }

    /// Orders a step at all its participants and waits for all to end; gives how each ended. A refused order is a failure
    /// of its participant.
    pub async fn run_step(
        &self,
        job: &Job,
        step: &str,
        attempt: u32,
    ) -> Vec<(Participant, Outcome)> {
        let described = job.steps.iter().find(|own| own.name.as_str() == step);
        let participants =
            job.participants_of(described.unwrap_or_else(|| panic!("no step {step}")));
        let mut refused = Vec::new();
        for who in &participants {
            let order = job.assignment(step, who, attempt);
            if let Err(fault) = self.assign(who.party.as_str(), order).await {
                refused.push((who.clone(), Outcome::Failed(fault)));
            }
        }
        if !refused.is_empty() {
            return refused;
        }
        let mut ends = Vec::new();
        for who in participants {
            let ended = self.ended(&job.task(step, &who)).await;
            ends.push((who, ended));
        }
        ends
    }

    /// Runs an agreed job's steps one after the other; gives the first failure.
    pub async fn run_steps(&self, job: &Job) -> Result<(), Fault> {
        for step in job.steps.iter().filter(|step| step.inherited.is_none()) {
            for (who, outcome) in self.run_step(job, step.name.as_str(), 0).await {
                match outcome {
                    Outcome::Succeeded => {}
                    Outcome::Failed(fault) => return Err(fault.at(&who.party)),
                    other => panic!("{} at {who} ended as {other:?}", step.name),
                }
            }
        }
        Ok(())
    }

    /// Runs a whole job: signed, offered, every step ordered in turn, closed. Gives the first refusal or failure.
    pub async fn run(&self, job: &Job) -> Result<(), Fault> {
        self.agree(job).await?;
        self.run_steps(job).await?;
        for party in job.cast.parties() {
            self.close(party.as_str(), &job.id).await?;
        }
        Ok(())
    }

    fn others(&self, job: &Job) -> Vec<PartyId> {
        job.cast
            .parties()
            .into_iter()
            .filter(|party| *party != job.initiator.party)
            .collect()
    }
}
