//! What the coordinator asks of the agent, call by call.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rest::proxy::answer_locally;
use tokio::io::AsyncRead;
use transport::{Answer, Body, Directory, Pieces, RelayedTransport};
use vocabulary::{ErrorCode, Fault};
use wire::agent_link::{HttpHead, Reply, ToAgent};

use crate::offers::Offers;
use crate::supervisor::Supervisor;
use crate::uplink::{StreamPieces, stream_of};

/// How long the coordinator may take to read a piece of a reply.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) offers: Arc<Offers>,
    pub(crate) supervisor: Supervisor,
    pub(crate) directory: Directory,
    pub(crate) relayed: Arc<RelayedTransport>,
    /// The REST endpoint as outsiders see it: whoever the coordinator says is asking, here it is an outsider.
    pub(crate) rest_api: Router,
}

impl Calls {
    /// Answers one call.
    pub(crate) async fn answer<B>(self, call: ToAgent, body: B, answer: Answer)
    where
        B: AsyncRead + Pieces + Unpin + 'static,
    {
        match call {
            ToAgent::Envelope(head) => self.relayed.clone().serve(head, body, answer).await,
            ToAgent::Http(head) => self.http(head, body, answer).await,
            order => {
                // On its own, so that a link that ends does not leave an order half done.
                let done = tokio::spawn(async move { self.carry_out(order).await }).await;
                let failed = |_| {
                    Some(Reply::Failed(Fault::new(
                        ErrorCode::Internal,
                        "the agent failed at an order",
                    )))
                };
                if let Some(reply) = done.unwrap_or_else(failed) {
                    send(answer, &reply, Body::Empty).await;
                }
            }
        }
    }

    /// Does what was ordered. No reply when the agent is about to end: the coordinator then keeps the order for later
    /// instead of taking the task for failed.
    async fn carry_out(&self, order: ToAgent) -> Option<Reply> {
        let outcome = match order {
            ToAgent::Sign(offer) => self.offers.sign(offer, None).await.map(Reply::Signed),
            ToAgent::SignWithTicket { offer, ticket } => self
                .offers
                .sign(offer, Some(ticket))
                .await
                .map(Reply::Signed),
            ToAgent::Offer(signed) => self.offers.accept(signed).await.map(Reply::Accepted),
            ToAgent::Assign(assignment) => self
                .supervisor
                .assign(*assignment)
                .await
                .map(|()| Reply::Done),
            ToAgent::Cancel {
                task,
                attempt,
                reason,
            } => {
                tracing::info!(%task, attempt = attempt.0, %reason, "asked to stop an attempt");
                self.supervisor.cancel(task, attempt, &reason).await;
                Ok(Reply::Done)
            }
            ToAgent::Close(job) => {
                self.supervisor.close(&job).await;
                Ok(Reply::Done)
            }
            ToAgent::Check(checks) => Ok(Reply::Checked(self.offers.check(&checks))),
            ToAgent::Peers(peers) => {
                // Taken as it is: the list says where to dial, and certificates decide who answers.
                self.directory.replace(peers);
                Ok(Reply::Done)
            }
            ToAgent::Envelope(_) | ToAgent::Http(_) => Err(Fault::new(
                ErrorCode::Internal,
                "a call with a body came without it",
            )),
        };
        match outcome {
            Ok(reply) => Some(reply),
            // Whatever went wrong may only be the end of the process.
            Err(_) if self.supervisor.is_closing() => None,
            Err(fault) => {
                tracing::warn!(code = fault.code.text(), %fault, "an order of the coordinator was not carried out");
                Some(Reply::Failed(fault))
            }
        }
    }

    async fn http<B: Pieces + 'static>(self, head: HttpHead, body: B, answer: Answer) {
        match answer_locally(self.rest_api, head, stream_of(body)).await {
            Ok((head, body)) => {
                send(
                    answer,
                    &Reply::Http(head),
                    Body::Pieces(Box::new(StreamPieces(body))),
                )
                .await
            }
            Err(fault) => send(answer, &Reply::Failed(fault), Body::Empty).await,
        }
    }
}

async fn send(answer: Answer, reply: &Reply, body: Body) {
    if let Err(error) = answer.reply(reply, body, PATIENCE).await {
        tracing::debug!(%error, "a reply to the coordinator was not taken");
    }
}
