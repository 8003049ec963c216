//! One order from the outbox: put together from the job as it stands, sent, and its reply written down.

use std::time::Duration;

use domain::{Answer, JobState, TaskEvent, TaskKey, TaskState};
use vocabulary::{Assignment, Attempt, ErrorCode, Fault, PartyId, TaskId};

use crate::Coordinator;
use crate::apply::Loaded;
use crate::assignment::{assignment_of, offer_of};
use crate::drive::back_off;
use crate::filter::TaskFilter;
use crate::ports::{Order, OrderReply, Stored, Transaction};
use crate::records::{OrderKind, PendingOrder};

/// What became of an order before it was sent.
enum Prepared {
    /// It is to be sent.
    Send(Box<Order>),
    /// The job has moved on; it has no meaning any more.
    Void,
    /// It cannot be put together.
    Impossible(Fault),
}

/// What came back, as it is written down.
enum Outcome {
    /// It is done with: what it changes was put into the snapshot.
    Settled,
    /// It is to be tried again.
    Again(Fault),
}

impl Coordinator {
    /// Sends an order and writes down what came of it.
    pub(crate) async fn send_order(&self, order: &PendingOrder) -> Stored<()> {
        let reply = match self.prepare(order).await? {
            Prepared::Void => return self.withdraw(order).await,
            Prepared::Impossible(fault) => Ok(OrderReply::Failed(fault)),
            Prepared::Send(what) => {
                let patience = Duration::from_millis(self.inner.options.patience_millis);
                self.call(&order.party, *what, patience).await
            }
        };
        match reply {
            Ok(OrderReply::Done)
                if matches!(order.kind, OrderKind::Assign { .. } | OrderKind::Close) =>
            {
                self.withdraw(order).await
            }
            Err(fault) if !is_final(&fault) => self.postpone(order, &fault).await,
            reply => self.settle(order, reply).await,
        }
    }

    /// Calls an agent, and does not trust the gateway to keep to the time given.
    pub(crate) async fn call(
        &self,
        party: &PartyId,
        order: Order,
        patience: Duration,
    ) -> Result<OrderReply, Fault> {
        let call = self.inner.gateway.call(party, order, patience);
        let late = || {
            let message = format!(
                "the agent did not answer within {} ms",
                patience.as_millis()
            );
            Fault::new(ErrorCode::PeerTimeout, message).at(party)
        };
        // A quarter more, so that the gateway's own answer, which says more, comes first where it
        // keeps its time.
        tokio::time::timeout(patience + patience / 4, call)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    async fn prepare(&self, order: &PendingOrder) -> Stored<Prepared> {
        let mut tx = self.inner.store.read().await?;
        match &order.kind {
            OrderKind::Cancel {
                task,
                attempt,
                reason,
            } => {
                let (task, attempt, reason) = (task.clone(), *attempt, reason.clone());
                // Sent whatever became of the job: a repeated cancel does no harm, one that is left
                // out lets an agent work on.
                return Ok(Prepared::Send(Box::new(Order::Cancel {
                    task,
                    attempt,
                    reason,
                })));
            }
            OrderKind::Assign { task, attempt } => {
                return prepare_assignment(&mut *tx, order, task, *attempt).await;
            }
            OrderKind::Sign | OrderKind::Offer | OrderKind::Close => {}
        }
        let Some(job) = tx.job(&order.job).await? else {
            // The job was removed, or never was; an order for it would be tried for ever.
            return Ok(Prepared::Void);
        };
        let answered = job.answers.contains_key(&order.party);
        Ok(match (&order.kind, &job.offer) {
            (OrderKind::Close, _) if job.state.is_settled() => {
                Prepared::Send(Box::new(Order::Close(order.job.clone())))
            }
            (OrderKind::Sign, None) if job.state == JobState::Offered => {
                Prepared::Send(Box::new(Order::Sign(offer_of(&job), job.ticket.clone())))
            }
            (OrderKind::Offer, Some(offer)) if job.state == JobState::Offered && !answered => {
                Prepared::Send(Box::new(Order::Offer(offer.clone())))
            }
            _ => Prepared::Void,
        })
    }

    async fn withdraw(&self, order: &PendingOrder) -> Stored<()> {
        let mut tx = self.inner.store.begin().await?;
        tx.remove_order(&order.key).await?;
        tx.commit().await
    }

    async fn settle(&self, order: &PendingOrder, reply: Result<OrderReply, Fault>) -> Stored<()> {
        let now = self.now();
        let mut tx = self.inner.store.begin().await?;
        // In the transaction that writes the reply down: a crash between the two would leave a job
        // that nobody looks at.
        tx.poke_job(&order.job, now).await?;
        let Some(mut loaded) = Loaded::load(&mut *tx, &order.job).await? else {
            tx.remove_order(&order.key).await?;
            return tx.commit().await;
        };
        let mut signatures = false;
        let outcome = match &order.kind {
            OrderKind::Sign | OrderKind::Offer => {
                signatures = true;
                self.note_answer(&mut loaded, order, reply)
            }
            OrderKind::Assign { task, attempt } => {
                self.note_assigned(&mut loaded, task, *attempt, reply)
            }
            OrderKind::Cancel { task, attempt, .. } => {
                self.note_canceled(&mut loaded, task, *attempt, reply)
            }
            OrderKind::Close => Outcome::Settled,
        };
        match outcome {
            Outcome::Settled => {
                tx.remove_order(&order.key).await?;
                loaded.save(&mut *tx).await?;
                if signatures {
                    tx.save_signatures(&loaded.snapshot.job).await?;
                }
            }
            Outcome::Again(fault) => {
                let next_attempt = self.next_attempt(order.attempts);
                tx.postpone_order(&order.key, next_attempt, &fault).await?;
            }
        }
        tx.commit().await?;
        self.changed();
        Ok(())
    }

    fn note_answer(
        &self,
        loaded: &mut Loaded,
        order: &PendingOrder,
        reply: Result<OrderReply, Fault>,
    ) -> Outcome {
        let now = self.now();
        let party = &order.party;
        let answer = match (&order.kind, reply) {
            (OrderKind::Sign, Ok(OrderReply::Signed(offer))) => {
                if loaded.snapshot.job.state == JobState::Offered
                    && loaded.snapshot.job.offer.is_none()
                {
                    loaded.job_mut().offer = Some(offer.clone());
                }
                Answer::Accepted(offer)
            }
            (OrderKind::Offer, Ok(OrderReply::Accepted(signature))) => Answer::Accepted(signature),
            (_, Ok(OrderReply::Failed(fault)) | Err(fault)) => Answer::Refused(fault.at(party)),
            (_, Ok(reply)) => return Outcome::Again(out_of_place(party, &reply)),
        };
        let (word, code) = match &answer {
            Answer::Accepted(_) => ("accepted", None),
            Answer::Refused(fault) => ("refused", Some(fault.code.text())),
        };
        tracing::info!(job = %order.job, %party, answer = word, code, "offer answered");
        loaded.snapshot.answer(party, answer, now);
        loaded.job_mut();
        Outcome::Settled
    }

    fn note_assigned(
        &self,
        loaded: &mut Loaded,
        task: &TaskId,
        attempt: Attempt,
        reply: Result<OrderReply, Fault>,
    ) -> Outcome {
        let fault = match reply {
            Ok(OrderReply::Done) => return Outcome::Settled,
            // Its places are counted here, but others may have been quicker.
            Ok(OrderReply::Failed(fault)) if fault.code == ErrorCode::AgentBusy => {
                return Outcome::Again(fault);
            }
            Ok(OrderReply::Failed(fault)) | Err(fault) => fault,
            Ok(reply) => return Outcome::Again(out_of_place(&task.party, &reply)),
        };
        let key = TaskKey {
            id: task.clone(),
            attempt,
        };
        if loaded.snapshot.record(
            &key,
            TaskEvent::Failed,
            Some(fault.at(&task.party)),
            self.now(),
        ) {
            loaded.job_mut();
        }
        Outcome::Settled
    }

    fn note_canceled(
        &self,
        loaded: &mut Loaded,
        task: &TaskId,
        attempt: Attempt,
        reply: Result<OrderReply, Fault>,
    ) -> Outcome {
        match reply {
            Ok(OrderReply::Done) => {}
            // An agent that knows nothing of the attempt is quiet too.
            Ok(OrderReply::Failed(fault)) if is_unknown(&fault) => {}
            Ok(OrderReply::Failed(fault)) | Err(fault) => {
                return Outcome::Again(fault.at(&task.party));
            }
            Ok(reply) => return Outcome::Again(out_of_place(&task.party, &reply)),
        }
        let key = TaskKey {
            id: task.clone(),
            attempt,
        };
        if loaded
            .snapshot
            .record(&key, TaskEvent::Canceled, None, self.now())
        {
            loaded.job_mut();
        }
        Outcome::Settled
    }

    /// Keeps an order for a later attempt; the error shows in what the job waits for.
    pub(crate) async fn postpone(&self, order: &PendingOrder, fault: &Fault) -> Stored<()> {
        tracing::warn!(
            job = %order.job, party = %order.party, order = %order.key, attempts = order.attempts, code = fault.code.text(),
            %fault, "an order could not be delivered; it is kept"
        );
        let mut tx = self.inner.store.begin().await?;
        tx.postpone_order(&order.key, self.next_attempt(order.attempts), fault)
            .await?;
        tx.poke_job(&order.job, self.now()).await?;
        tx.commit().await?;
        self.changed();
        Ok(())
    }

    /// Keeps all orders of a party that is not connected; its connection recalls them.
    pub(crate) async fn postpone_all(&self, party: &PartyId) -> Stored<()> {
        let offline = || {
            Fault::new(
                ErrorCode::PartyOffline,
                format!("party {party} is not connected"),
            )
            .at(party)
        };
        let fault = self.inner.leases.last_error(party).unwrap_or_else(offline);
        let now = self.now();
        let next_attempt = now.plus_millis(self.inner.options.retry_most_millis);
        let mut tx = self.inner.store.begin().await?;
        let jobs = tx.postpone_party(party, next_attempt, &fault).await?;
        for job in &jobs {
            tracing::warn!(%job, %party, code = fault.code.text(), %fault, "orders wait for a party that is not connected");
            tx.poke_job(job, now).await?;
        }
        tx.commit().await?;
        // It may have connected between the look and the commit; its recall must not be lost.
        if self.inner.leases.is_linked(party) {
            let mut tx = self.inner.store.begin().await?;
            tx.recall_party(party, self.now()).await?;
            tx.commit().await?;
        }
        self.changed();
        Ok(())
    }

    fn next_attempt(&self, attempts: u32) -> vocabulary::Timestamp {
        let options = &self.inner.options;
        back_off(
            attempts,
            options.retry_least_millis,
            options.retry_most_millis,
            self.now(),
        )
    }
}

async fn prepare_assignment(
    tx: &mut dyn Transaction,
    order: &PendingOrder,
    task: &TaskId,
    attempt: Attempt,
) -> Stored<Prepared> {
    let newest = tx.task(task).await?;
    if !newest
        .is_some_and(|newest| newest.key.attempt == attempt && newest.state == TaskState::Assigned)
    {
        return Ok(Prepared::Void);
    }
    let Some(job) = tx.job(&order.job).await? else {
        return Ok(Prepared::Void);
    };
    let tasks = tx.tasks_of(&order.job).await?;
    let because = why_again(tx, task, attempt).await?;
    Ok(match assignment_of(&job, &tasks, task, attempt) {
        Ok(assignment) => Prepared::Send(Box::new(Order::Assign(Box::new(Assignment {
            because,
            ..assignment
        })))),
        Err(fault) => Prepared::Impossible(fault),
    })
}

/// Why an attempt is not the first: what the one before came to.
async fn why_again(
    tx: &mut dyn Transaction,
    task: &TaskId,
    attempt: Attempt,
) -> Stored<Option<String>> {
    let Some(before) = attempt.0.checked_sub(1).map(Attempt) else {
        return Ok(None);
    };
    let (job, step) = (Some(task.job.clone()), Some(task.step.clone()));
    let filter = TaskFilter {
        job,
        step,
        all_attempts: true,
        ..TaskFilter::default()
    };
    let mut rows = tx.find_tasks(&filter).await?.0;
    rows.retain(|row| row.key.attempt == before);
    let cause = domain::first_cause(&task.step, &rows).map(|fault| fault.to_string());
    Ok(Some(cause.unwrap_or_else(|| {
        "somebody had the step run again".to_owned()
    })))
}

/// Errors that another attempt of the same order would meet again.
fn is_final(fault: &Fault) -> bool {
    matches!(
        fault.code,
        ErrorCode::FrameInvalid | ErrorCode::RequestInvalid | ErrorCode::Unsupported
    )
}

fn is_unknown(fault: &Fault) -> bool {
    matches!(fault.code, ErrorCode::NotFound | ErrorCode::JobUnknown)
}

fn out_of_place(party: &PartyId, reply: &OrderReply) -> Fault {
    let word = match reply {
        OrderReply::Done => "done",
        OrderReply::Signed(_) => "signed",
        OrderReply::Accepted(_) => "accepted",
        OrderReply::Checked(_) => "checked",
        OrderReply::Failed(_) => "failed",
    };
    Fault::new(
        ErrorCode::ProtocolViolation,
        format!("the agent's reply ({word}) does not answer the order"),
    )
    .at(party)
}
