//! What the hostile coordinator asks of agents.

use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;
use transport::{Body, CallOptions, LinkError};
use vocabulary::{Assignment, Attempt, Fault, JobId, Offer, SignedBytes, TaskId};
use wire::agent_link::{
    Caller, EnvelopeHead, HttpHead, HttpReplyHead, Peer, Reply, StepCheck, ToAgent,
};

use super::super::runtime::locked;
use super::super::{CALL_PATIENCE, PATIENCE, party, until};
use super::Coordinator;
use super::serving::gather;

impl Coordinator {
    /// Any call, once. Fails when the agent is not linked, or its link ends before the reply.
    pub async fn try_call(
        &self,
        id: &str,
        call: &ToAgent,
        body: Bytes,
    ) -> Result<(Reply, Bytes), LinkError> {
        let link = self.link(&party(id)).ok_or_else(|| LinkError::Lost {
            peer: id.to_owned(),
            detail: "its agent is not linked".to_owned(),
        })?;
        if let ToAgent::Assign(order) = call {
            locked(&self.inner.book)
                .ordered
                .insert(order.task.clone(), order.attempt);
        }
        let body = if body.is_empty() {
            Body::Empty
        } else {
            Body::Bytes(body)
        };
        let (reply, mut rest) = link
            .call(call, body, CallOptions::control(CALL_PATIENCE))
            .await?;
        let rest = gather(&mut rest).await.map_err(LinkError::Refused)?;
        Ok((reply, rest))
    }

    /// Any call. Where the link ends meanwhile (an agent that reads its policy again greets again) it is made once more on
    /// the next link.
    pub async fn call(&self, id: &str, call: ToAgent) -> Reply {
        self.call_with(id, &call, Bytes::new()).await.0
    }

    /// Any call with a body, as [`Coordinator::call`]; gives the reply's body, too.
    pub async fn call_with(&self, id: &str, call: &ToAgent, body: Bytes) -> (Reply, Bytes) {
        let began = Instant::now();
        let wanted = party(id);
        loop {
            until(&format!("the agent of party {id}"), || self.link(&wanted)).await;
            match self.try_call(id, call, body.clone()).await {
                Ok(answer) => return answer,
                // One call on the link of an agent that was killed may take all of its own time.
                Err(error) => assert!(began.elapsed() < PATIENCE, "a call to party {id}: {error}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Has a party's agent sign an offer as its own.
    pub async fn sign(&self, id: &str, offer: Offer) -> Result<SignedBytes, Fault> {
        match self.call(id, ToAgent::Sign(offer)).await {
            Reply::Signed(signed) => Ok(signed),
            Reply::Failed(fault) => Err(fault),
            other => panic!("party {id} answers an offer to be signed with {other:?}"),
        }
    }

    /// The same, with a ticket that the agent's own endpoint gave to some request.
    pub async fn sign_with_ticket(
        &self,
        id: &str,
        offer: Offer,
        ticket: SignedBytes,
    ) -> Result<SignedBytes, Fault> {
        match self
            .call(id, ToAgent::SignWithTicket { offer, ticket })
            .await
        {
            Reply::Signed(signed) => Ok(signed),
            Reply::Failed(fault) => Err(fault),
            other => panic!("party {id} answers an offer to be signed with {other:?}"),
        }
    }

    /// Offers a job to a party.
    pub async fn offer(&self, id: &str, signed: SignedBytes) -> Result<SignedBytes, Fault> {
        match self.call(id, ToAgent::Offer(signed)).await {
            Reply::Accepted(signed) => Ok(signed),
            Reply::Failed(fault) => Err(fault),
            other => panic!("party {id} answers an offer with {other:?}"),
        }
    }

    /// Orders a task.
    pub async fn assign(&self, id: &str, order: Assignment) -> Result<(), Fault> {
        self.done(id, ToAgent::Assign(Box::new(order))).await
    }

    /// Stops an attempt.
    pub async fn cancel(&self, task: &TaskId, attempt: u32, reason: Fault) -> Result<(), Fault> {
        let call = ToAgent::Cancel {
            task: task.clone(),
            attempt: Attempt(attempt),
            reason,
        };
        self.done(task.party.as_str(), call).await
    }

    /// Says that a job is over.
    pub async fn close(&self, id: &str, job: &JobId) -> Result<(), Fault> {
        self.done(id, ToAgent::Close(job.clone())).await
    }

    /// Has parameters checked.
    pub async fn check(&self, id: &str, steps: Vec<StepCheck>) -> Vec<Fault> {
        match self.call(id, ToAgent::Check(steps)).await {
            Reply::Checked(faults) => faults,
            Reply::Failed(fault) => vec![fault],
            other => panic!("party {id} answers a check with {other:?}"),
        }
    }

    /// Tells a party which other agents there are, true or not.
    pub async fn tell_peers(&self, id: &str, peers: Vec<Peer>) {
        self.done(id, ToAgent::Peers(peers))
            .await
            .expect("the directory is taken");
    }

    /// Hands a message to the agent that its head names, as if it had just been relayed.
    pub async fn deliver(&self, head: &EnvelopeHead, body: Bytes) -> Result<Reply, Fault> {
        self.inner.deliver(head, body).await
    }

    /// A request of an outsider at a party's agent, JSON both ways.
    pub async fn http(&self, id: &str, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let head = HttpHead {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            caller: Caller::Outsider,
            ticket: None,
        };
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let (reply, bytes) = self.http_raw(id, head, body).await;
        (
            reply.status,
            serde_json::from_slice(&bytes).unwrap_or_default(),
        )
    }

    /// A request at a party's agent with any head (its `caller` may lie) and body.
    pub async fn http_raw(&self, id: &str, head: HttpHead, body: Bytes) -> (HttpReplyHead, Bytes) {
        match self.call_with(id, &ToAgent::Http(head), body).await {
            (Reply::Http(head), body) => (head, body),
            (other, _) => panic!("party {id} answers a request with {other:?}"),
        }
    }

    async fn done(&self, id: &str, call: ToAgent) -> Result<(), Fault> {
        match self.call(id, call).await {
            Reply::Done => Ok(()),
            Reply::Failed(fault) => Err(fault),
            other => panic!("party {id} answers with {other:?}"),
        }
    }
}
