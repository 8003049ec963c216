//! What an agent and the coordinator say to each other.
//!
//! The agent dials. The first stream carries [`Hello`] and [`Welcome`]; nothing else is answered before. After that every
//! call is one stream: a request frame, perhaps a body, a reply frame, perhaps a body. Both sides may call.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocabulary::{
    Assignment, Attempt, ComponentInfo, Fault, JobId, Offer, PartyId, Report, Role, SignedBytes,
    StepName, TaskId, Timestamp, UploadConfig,
};

use crate::envelope::Address;

/// ALPN of the link from an agent to the coordinator.
pub const AGENT_LINK: &[u8] = b"fedflow-agent/1";
/// ALPN of messages from agent to agent.
pub const DIRECT_MESSAGES: &[u8] = b"fedflow-mail/1";
/// The capability by which a caller says that it only probes whether it would be let in.
pub const PROBE: &str = "probe";
/// The capability by which either side says that it knows [`ToCoordinator::Upload`] and [`Reply::Document`].
pub const UPLOADS: &str = "uploads";
/// The context string under which a catalogue is signed.
pub const CATALOGUE_CONTEXT: &str = "fedflow catalogue v1";
/// The context string under which a key for relayed messages is signed.
pub const MESSAGE_KEY_CONTEXT: &str = "fedflow mail key v1";
/// The context string under which an offer is signed.
pub const OFFER_CONTEXT: &str = "fedflow offer v1";
/// The context string under which a ticket is signed.
pub const TICKET_CONTEXT: &str = "fedflow ticket v1";
/// Most bytes of a document for which a ticket is given: it travels in the head of the request.
pub const LARGEST_TICKET: usize = 4 << 20;
/// Most bytes, as MessagePack, of the configuration of an upload in [`ToCoordinator::Upload`].
pub const LARGEST_UPLOAD: usize = 1 << 20;

/// The first words of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol versions it can speak, lowest and highest.
    pub protocol: (u32, u32),
    /// Its software version, for people.
    pub version: String,
    /// Optional abilities it has.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Its clock, so that a skew is noticed before certificates and signatures fail on it.
    pub now: Timestamp,
    /// Its catalogue: [`Catalogue`] as MessagePack, signed.
    pub catalogue: SignedBytes,
    /// Attempts it knows: what the coordinator believes to run there and is not in the list is lost.
    #[serde(default)]
    pub attempts: Vec<(TaskId, Attempt)>,
    /// Where other agents may reach it, as `host:port`; empty for relay only.
    #[serde(default)]
    pub direct: Vec<String>,
    /// Where its own users reach its REST endpoint, as a URL.
    #[serde(default)]
    pub rest: Option<String>,
    /// Whether its policy lets the coordinator's REST endpoint read its rows.
    #[serde(default)]
    pub rows_through_coordinator: bool,
    /// How many attempts it runs at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// A number of this run of its process: another one means that it was started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// The key to which relayed messages to it are sealed: [`MessageKey`] as MessagePack, signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "mail_key")]
    pub message_key: Option<SignedBytes>,
}

/// What a party can run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The party.
    pub party: PartyId,
    /// Its components.
    pub components: Vec<ComponentInfo>,
    /// When it was put together.
    pub made: Timestamp,
}

/// The coordinator's answer to [`Hello`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Welcome {
    /// The link stands.
    Accepted {
        /// The protocol version chosen.
        protocol: u32,
        /// The coordinator's software version.
        version: String,
        /// Abilities both sides have.
        capabilities: Vec<String>,
        /// The coordinator's clock.
        now: Timestamp,
        /// How often to send a heartbeat, in milliseconds.
        heartbeat_millis: u64,
        /// The other agents of the federation.
        peers: Vec<Peer>,
    },
    /// The link does not stand, and why.
    Refused(Fault),
}

/// Another agent, as the directory knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The party.
    pub party: PartyId,
    /// Its certificates, DER, leaf first; they count once they are verified.
    pub chain: Vec<Vec<u8>>,
    /// Where it may be reached directly.
    pub direct: Vec<String>,
    /// Whether it is connected now.
    pub online: bool,
    /// The number of its process's run, as it said: connections to an earlier run are dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// The key to which relayed messages to it are sealed, as its agent signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "mail_key")]
    pub message_key: Option<SignedBytes>,
}

/// A key to which relayed messages of an agent are sealed for some time; its secret half never leaves the agent's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageKey {
    /// Whose it is.
    pub party: PartyId,
    /// The P-256 point, uncompressed SEC1.
    pub public: Vec<u8>,
    /// When it was made.
    pub made: Timestamp,
    /// The last moment at which something may be sealed to it.
    pub until: Timestamp,
}

/// A step whose parameters a party is asked to check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepCheck {
    /// The step.
    pub step: StepName,
    /// Its component.
    pub component: String,
    /// The role that the parameters are for.
    pub role: Role,
    /// The merged parameters.
    pub parameters: Value,
}

/// A call from the coordinator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToAgent {
    /// To the initiator: admit this offer and sign it.
    Sign(Offer),
    /// To the initiator: admit this offer, for which one of the party's own users asked at its REST endpoint, and sign it.
    SignWithTicket {
        /// The offer.
        offer: Offer,
        /// What the endpoint gave to the request: a [`vocabulary::Ticket`] as MessagePack, signed by the agent itself.
        ticket: SignedBytes,
    },
    /// To the others: admit this signed offer.
    Offer(SignedBytes),
    /// Run a task. A repeated order is acknowledged and does nothing.
    Assign(Box<Assignment>),
    /// Stop an attempt; acknowledged once it is quiet.
    Cancel {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        reason: Fault,
    },
    /// The job is over: messages and offer may be forgotten.
    Close(JobId),
    /// Check parameters as the components would.
    Check(Vec<StepCheck>),
    /// The directory changed.
    Peers(Vec<Peer>),
    /// A message relayed from another agent; the sealed body follows the frame.
    #[serde(rename = "mail")]
    Envelope(EnvelopeHead),
    /// A request at the coordinator's REST endpoint that belongs to this party; the body follows the frame.
    Http(HttpHead),
}

/// A call from an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToCoordinator {
    /// The agent is alive.
    Heartbeat {
        /// Attempts it runs.
        attempts: Vec<(TaskId, Attempt)>,
        /// Its key for relayed messages, where it has another one than it told last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(rename = "mail_key")]
        message_key: Option<SignedBytes>,
    },
    /// What happened, in order. Acknowledged once it is stored.
    Reports(Vec<Report>),
    /// A message for another agent; the sealed body follows the frame. Acknowledged once the receiver has it.
    #[serde(rename = "mail")]
    Envelope(EnvelopeHead),
    /// A request at the agent's REST endpoint that belongs to the coordinator; the body follows the frame.
    Http(HttpHead),
    /// A file that one of the party's own users uploaded is to become a table: start the job. Only to a coordinator that has the
    /// capability [`UPLOADS`].
    Upload(Box<UploadCall>),
}

/// An upload whose file is at the agent, as one of its party's own users asked for it. Whose user that is, the link says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UploadCall {
    /// What the file is to become.
    pub config: UploadConfig,
    /// What the party's own endpoint gave to the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<SignedBytes>,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done.
    Done,
    /// The offer, signed.
    Signed(SignedBytes),
    /// The offer is accepted: the receiver's signature over the same bytes.
    Accepted(SignedBytes),
    /// What is wrong with the parameters; empty when nothing is.
    Checked(Vec<Fault>),
    /// Head of a proxied answer; its body follows the frame.
    Http(HttpReplyHead),
    /// What the user who asked is to be told, as a JSON text: an envelope of FATE's, of success or of refusal.
    Document(String),
    /// It could not be done.
    Failed(Fault),
}

/// What a relay sees of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeHead {
    /// Where it goes.
    pub address: Address,
    /// The declared message.
    pub message: String,
    /// Bytes of the body that follows (sealed when relayed).
    pub size: u64,
}

/// Who makes a proxied request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// A user of this party, at the party's own REST endpoint.
    PartyUser(PartyId),
    /// Somebody at the coordinator's REST endpoint.
    Outsider,
}

/// Head of a proxied request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpHead {
    /// Method.
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// Headers that matter to the handler.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Who asks.
    pub caller: Caller,
    /// What the party's own endpoint gave to the request, where it may start a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<SignedBytes>,
}

/// Head of a proxied answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpReplyHead {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, Vec<u8>)>,
}
