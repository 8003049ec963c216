//! The other participants, as a component sees them: send and receive declared messages.

use bytes::Bytes;
use vocabulary::{ErrorCode, Participant, Role};

use crate::error::{ComponentError, Result};
use crate::message::Message;
use crate::payload::Payload;
use crate::task::TaskContext;

/// One other participant.
pub struct Peer {
    task: TaskContext,
    who: Participant,
}

/// Several participants of one role, in cast order.
pub struct Peers {
    task: TaskContext,
    who: Vec<Participant>,
}

impl TaskContext {
    /// The guest.
    pub fn guest(&self) -> Result<Peer> {
        self.only(Role::Guest)
    }

    /// The arbiter.
    pub fn arbiter(&self) -> Result<Peer> {
        self.only(Role::Arbiter)
    }

    /// The hosts of this step, in cast order.
    pub fn hosts(&self) -> Peers {
        self.all_of(&[Role::Host])
    }

    /// Everybody of these roles in this step but me, in cast order.
    pub fn all_of(&self, roles: &[Role]) -> Peers {
        let cast = self.step_cast();
        let who = cast
            .participants()
            .filter(|who| roles.contains(&who.role) && *who != *self.me())
            .collect();
        Peers::new(self.clone(), who)
    }

    fn only(&self, role: Role) -> Result<Peer> {
        match self.step_cast().of(role) {
            [party] => Ok(Peer::new(
                self.clone(),
                Participant::new(role, party.clone()),
            )),
            parties => {
                let text = format!(
                    "{} needs one {role}, the job has {}",
                    self.component(),
                    parties.len()
                );
                Err(ComponentError::new(ErrorCode::DocumentInvalid, text))
            }
        }
    }
}

impl Peer {
    pub(crate) fn new(task: TaskContext, who: Participant) -> Self {
        Self { task, who }
    }

    /// Who it is.
    pub fn participant(&self) -> &Participant {
        &self.who
    }

    /// Sends a message; returns when it stands in the peer's inbox.
    pub async fn send<T: Payload>(&self, message: &Message<T>, payload: &T) -> Result<()> {
        self.task
            .send_bytes(message.line(), &self.who, payload.encode()?)
            .await
    }

    /// Receives a message.
    pub async fn receive<T: Payload>(&self, message: &Message<T>) -> Result<T> {
        let bytes = self.task.receive_bytes(message.line(), &self.who).await?;
        T::decode(&bytes).map_err(|error| {
            ComponentError::protocol(format!(
                "message {} from {}: {error}",
                message.name(),
                self.who
            ))
        })
    }
}

impl Peers {
    pub(crate) fn new(task: TaskContext, who: Vec<Participant>) -> Self {
        Self { task, who }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.who.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.who.is_empty()
    }

    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = Peer> + '_ {
        self.who
            .iter()
            .map(|who| Peer::new(self.task.clone(), who.clone()))
    }

    /// Sends the same message to all, at the same time.
    pub async fn send<T: Payload>(&self, message: &Message<T>, payload: &T) -> Result<()> {
        // Encoded once: the same bytes go to every peer.
        let bytes = payload.encode()?;
        let line = message.line();
        let sends = self
            .who
            .iter()
            .map(|who| self.task.send_bytes(line, who, Bytes::clone(&bytes)));
        futures_util::future::try_join_all(sends).await.map(|_| ())
    }

    /// Receives one message from each, in cast order.
    pub async fn receive_all<T: Payload>(&self, message: &Message<T>) -> Result<Vec<T>> {
        let peers: Vec<Peer> = self.each().collect();
        // All at once, in the order of the cast whoever is first: results go by position.
        futures_util::future::try_join_all(peers.iter().map(|peer| peer.receive(message))).await
    }
}
