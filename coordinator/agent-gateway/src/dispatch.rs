//! Orders out: the service's port, carried over the party's link.

use std::time::Duration;

use async_trait::async_trait;
use rest::BodyStream;
use service::{AgentGateway, Order, OrderReply};
use transport::{Body, CallOptions, Link};
use vocabulary::{ErrorCode, Fault, PartyId};
use wire::agent_link::{HttpHead, HttpReplyHead, Reply, StepCheck, ToAgent};

use crate::{Gateway, bodies};

/// The longest silence in a proxied request.
const PROXY_PATIENCE: Duration = Duration::from_secs(300);
/// Most characters of each text of a refusal, which is kept with its job.
const MOST_FAULT: usize = 10_000;
/// Most of what an agent finds wrong with parameters.
const MOST_FAULTS: usize = 1_000;

impl Gateway {
    pub(crate) fn need_link(&self, party: &PartyId) -> Result<Link, Fault> {
        self.sessions.link(party).ok_or_else(|| {
            Fault::new(
                ErrorCode::PartyOffline,
                format!("party {party} is not connected"),
            )
            .at(party)
            .next("start that party's agent, or see its log for why it cannot connect")
        })
    }

    /// Has a party's agent answer a request.
    pub async fn forward(
        &self,
        party: &PartyId,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        let link = self.need_link(party)?;
        let called = link
            .call(
                &ToAgent::Http(head),
                bodies::outgoing(body),
                CallOptions::bulk(PROXY_PATIENCE),
            )
            .await;
        let (reply, stream) = called.map_err(|error| Fault::from(error).at(party))?;
        match reply {
            Reply::Http(head) => Ok((head, bodies::incoming(stream))),
            Reply::Failed(fault) => Err(fault.at(party)),
            _ => Err(out_of_place(party)),
        }
    }
}

fn out_of_place(party: &PartyId) -> Fault {
    Fault::new(
        ErrorCode::ProtocolViolation,
        "the agent's reply does not fit the call",
    )
    .at(party)
}

fn to_agent(order: Order) -> ToAgent {
    match order {
        Order::Sign(offer, None) => ToAgent::Sign(offer),
        Order::Sign(offer, Some(ticket)) => ToAgent::SignWithTicket { offer, ticket },
        Order::Offer(signed) => ToAgent::Offer(signed),
        Order::Assign(assignment) => ToAgent::Assign(assignment),
        Order::Cancel {
            task,
            attempt,
            reason,
        } => ToAgent::Cancel {
            task,
            attempt,
            reason,
        },
        Order::Close(job) => ToAgent::Close(job),
        Order::Check(steps) => ToAgent::Check(
            steps
                .into_iter()
                .map(|check| StepCheck {
                    step: check.step,
                    component: check.component,
                    role: check.role,
                    parameters: check.parameters,
                })
                .collect(),
        ),
    }
}

#[async_trait]
impl AgentGateway for Gateway {
    async fn call(
        &self,
        party: &PartyId,
        order: Order,
        patience: Duration,
    ) -> Result<OrderReply, Fault> {
        let link = self.need_link(party)?;
        match &order {
            // Messages may pass as soon as one side starts.
            Order::Assign(assignment) => {
                self.casts.remember(&assignment.task.job, &assignment.cast)
            }
            // Before the agent is called: no message of a job that is over passes, even if this
            // call fails.
            Order::Close(job) => self.casts.forget(job),
            Order::Sign(..) | Order::Offer(_) | Order::Cancel { .. } | Order::Check(_) => {}
        }
        let called = link
            .call(
                &to_agent(order),
                Body::Empty,
                CallOptions::control(patience),
            )
            .await;
        let (reply, _) = called.map_err(|error| Fault::from(error).at(party))?;
        match reply {
            Reply::Done => Ok(OrderReply::Done),
            Reply::Signed(signed) => Ok(OrderReply::Signed(signed)),
            Reply::Accepted(signed) => Ok(OrderReply::Accepted(signed)),
            Reply::Checked(faults) => {
                let faults = faults
                    .into_iter()
                    .take(MOST_FAULTS)
                    .map(|fault| fault.cut(MOST_FAULT));
                Ok(OrderReply::Checked(faults.collect()))
            }
            // Named after what the agent wrote: it cannot lay its own refusal on another party.
            Reply::Failed(fault) => Ok(OrderReply::Failed(fault.cut(MOST_FAULT).at(party))),
            Reply::Http(_) | Reply::Document(_) => Err(out_of_place(party)),
        }
    }
}
