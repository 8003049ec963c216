//! Puts an agent together: opens what the party holds, binds the ports, starts the parts, and ends them in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;

use archives::ModelStore;
use pki::{Identity, Kind};
use records::Records;
use rest::{Access, RestServer, ServeOptions};
use serde_json::{Value, json};
use tables::TableStore;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transport::{
    AgentLink, DirectTransport, Directory, Dispatcher, Endpoint, EndpointOptions, Incoming,
    RelayedTransport, RouteOptions, RoutedTransport, direct,
};
use vocabulary::{ErrorCode, Fault, Outcome, SystemClock, Usage};
use wire::{Inbox, InboxOptions, Transport};

use crate::account::{Accounts, open_chain};
use crate::agent_state::{AgentState, Catalogue, Whoami};
use crate::calls::Calls;
use crate::config::AgentConfig;
use crate::coordinator_pin::CoordinatorPin;
use crate::files::Files;
use crate::joblog::JobLogs;
use crate::keyring::{Keyring, pinned};
use crate::link::{Introduction, LinkKeeper};
use crate::link_status::{LinkStatus, StatusBoard};
use crate::model_archive::ModelArchive;
use crate::offers::{Casts, Offers};
use crate::renewal::{Renewal, load_policy};
use crate::report::{Pump, Reporter};
use crate::rest_api::{HandlerState, Health, Side, router};
use crate::runner::TaskRunner;
use crate::serving::{self, Serving};
use crate::staging::Staging;
use crate::stubs::Stubs;
use crate::supervisor::Supervisor;
use crate::tickets::Tickets;
use crate::uplink::CoordinatorLink;

/// The longest silence while a message goes over.
const MESSAGE_PATIENCE: Duration = Duration::from_secs(30);
/// How often staged files are looked through.
const SWEEP: Duration = Duration::from_secs(3_600);
/// How long the last reports may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// An agent that runs.
pub struct Running {
    /// Where the REST endpoint listens.
    pub rest: SocketAddr,
    /// Where QUIC listens.
    pub quic: SocketAddr,
    board: StatusBoard,
    renewal: Renewal,
    ended: JoinHandle<()>,
}

impl Running {
    /// How the link to the coordinator is.
    pub fn link(&self) -> LinkStatus {
        self.board.status()
    }

    /// The way to have files read again while the agent runs.
    pub fn renewal(&self) -> Renewal {
        self.renewal.clone()
    }

    /// Waits until the agent has ended, after its token was cancelled.
    pub async fn wait(self) -> Result<(), Fault> {
        self.ended.await.map_err(|error| {
            Fault::new(
                ErrorCode::Internal,
                format!("the agent ended badly: {error}"),
            )
        })
    }
}

/// Opens the table store, records and folders of a party.
pub(crate) async fn open_agent_state(
    config: &AgentConfig,
    catalogue: Catalogue,
) -> Result<Arc<AgentState>, Fault> {
    let folder = |name: &str| config.data.join(name);
    make_folder(&config.data)?;
    for name in ["staging", "files", "logs", "spill"] {
        make_folder(&folder(name))?;
    }
    let records = Records::open(&folder("records.db")).await?;
    let agent_state = AgentState {
        me: config.party.clone(),
        chain: open_chain(&records, &folder("audit"), Arc::new(SystemClock)).await?,
        accounts: Accounts::default(),
        records,
        table_store: TableStore::open(folder("shelf"))?,
        rules: RwLock::new(Arc::new(load_policy(config)?)),
        clock: Arc::new(SystemClock),
        catalogue,
        staging: Staging::new(folder("staging"), config.limits.largest_upload),
        files: Files::open(folder("files"), config.limits.largest_upload)?,
        logs: JobLogs::new(folder("logs")),
        import_roots: config.import_roots.clone(),
        export_root: config
            .export_root
            .clone()
            .unwrap_or_else(|| folder("exports")),
        rest: OnceLock::new(),
        unread: Mutex::default(),
        changes: watch::Sender::new(0),
        stubs: Stubs::default(),
    };
    serving::sweep(&agent_state)?;
    Ok(Arc::new(agent_state))
}

/// Makes a folder that only the agent's user can enter: rows, models and logs lie there. One that is there already keeps
/// what its group may read, and nothing for others.
fn make_folder(path: &Path) -> Result<(), Fault> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let make = || {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)?;
        let mode = path.metadata()?.permissions().mode() & 0o7777;
        if mode & 0o027 != 0
            && let Err(error) =
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & !0o027))
        {
            tracing::warn!(path = %path.display(), %error, "other users of this machine may enter a folder of the agent");
        }
        Ok(())
    };
    make().map_err(|error: std::io::Error| {
        Fault::new(
            ErrorCode::StorageFull,
            format!("the folder {} cannot be made: {error}", path.display()),
        )
        .next("check the setting data, the disk and its permissions")
    })
}

/// The check at the REST endpoint: users of this party alone.
pub(crate) fn open_access(config: &AgentConfig) -> Result<Option<Access>, Fault> {
    let open = |access| Access::open(access, Some(config.party.clone()), Arc::new(SystemClock));
    config.access.clone().map(open).transpose()
}

/// The same, remembering in the agent's folder which signed requests came.
fn keep_access(config: &AgentConfig) -> Result<Option<Access>, Fault> {
    make_folder(&config.data)?;
    let open = |access| {
        Access::open_in(
            &config.data,
            access,
            Some(config.party.clone()),
            Arc::new(SystemClock),
        )
    };
    config.access.clone().map(open).transpose()
}

/// The place where models are kept outside of the agent; none when the settings name none.
pub(crate) fn load_model_store(config: &AgentConfig) -> Result<Option<ModelStore>, Fault> {
    Ok(config
        .model_store
        .as_ref()
        .map(ModelStore::open)
        .transpose()?)
}

/// Loads the identity and sees that it is this party's agent's.
pub(crate) fn load_identity(config: &AgentConfig) -> Result<Identity, Fault> {
    let identity = Identity::load_for_daemon(&config.identity, config.revocation)?;
    if identity.party() != &config.party || identity.kind() != Kind::Agent {
        let message = format!(
            "the certificate is of {} {}, not of agent {}",
            identity.kind(),
            identity.party(),
            config.party
        );
        return Err(Fault::new(ErrorCode::ConfigInvalid, message)
            .next("correct the setting party or identity"));
    }
    Ok(identity)
}

/// The right to work in the party's folder: two agents would undo each other's records.
fn hold(config: &AgentConfig) -> Result<daemon::Hold, Fault> {
    make_folder(&config.data)?;
    daemon::Hold::take(&config.data, "agent.lock").map_err(|error| {
        let (code, next) = match &error {
            daemon::HoldError::Held { .. } => (
                ErrorCode::Conflict,
                "end that agent first, or set another folder as data",
            ),
            daemon::HoldError::Unusable { .. } => (
                ErrorCode::StorageFull,
                "check the setting data, the disk and its permissions",
            ),
        };
        Fault::new(code, error.to_string()).path("data").next(next)
    })
}

/// Reports what ran when the agent died.
async fn report_lost(agent_state: &AgentState, reporter: &Reporter) -> Result<(), Fault> {
    for (task, attempt) in agent_state
        .records
        .lose_running(&agent_state.me, agent_state.now())
        .await?
    {
        tracing::warn!(%task, attempt = attempt.0, "the agent ended while this attempt ran");
        let line = format!("attempt {attempt} is lost: the agent ended while it ran");
        agent_state
            .logs
            .open(&task)
            .write(component_kit::LogLevel::Warning, &line);
        reporter
            .ended(&task, attempt, Outcome::Lost, Usage::default())
            .await;
    }
    Ok(())
}

/// The ways of messages.
struct MessageRoutes {
    endpoint: Endpoint,
    incoming: mpsc::Receiver<Incoming>,
    directory: Directory,
    direct: Arc<DirectTransport>,
    relayed: Arc<RelayedTransport>,
    transport: Arc<RoutedTransport>,
}

fn open_messages(
    config: &AgentConfig,
    identity: Identity,
    casts: &Casts,
    link: watch::Receiver<Option<transport::Link>>,
) -> Result<MessageRoutes, Fault> {
    let accepts_direct = !config.relay_only && !config.direct.is_empty();
    let services: &[transport::Service] = if accepts_direct {
        &[direct::SERVICE]
    } else {
        &[]
    };
    let options = EndpointOptions {
        mtu: config.mtu,
        ..EndpointOptions::at(config.listen)
    };
    let (endpoint, incoming) = Endpoint::bind(options, identity, services)?;
    let inbox = InboxOptions {
        memory_limit_bytes: config.limits.inbox_memory,
        spill_dir: Some(config.data.join("spill")),
        disk_limit_bytes: config.limits.inbox_disk,
        ..InboxOptions::default()
    };
    let inbox = Inbox::new(inbox).map_err(|error| {
        Fault::new(
            ErrorCode::StorageFull,
            format!("the folder for waiting messages cannot be used: {error}"),
        )
        .next("check the setting data")
    })?;
    let dispatcher = Dispatcher::new(
        config.party.clone(),
        inbox,
        config.limits.largest_message,
        MESSAGE_PATIENCE,
        casts.admit(),
    );
    let directory = Directory::new();
    let direct = DirectTransport::new(
        endpoint.clone(),
        directory.clone(),
        dispatcher.clone(),
        MESSAGE_PATIENCE,
    );
    let relay = Arc::new(AgentLink::new(link, MESSAGE_PATIENCE));
    let relayed = RelayedTransport::new(
        endpoint.clone(),
        directory.clone(),
        dispatcher.clone(),
        relay,
    );
    let route = RouteOptions {
        relay_only: config.relay_only,
        give_up: Duration::from_secs(config.limits.message_seconds),
        ..RouteOptions::default()
    };
    let transport = RoutedTransport::new(
        dispatcher,
        Some(direct.clone()),
        Some(relayed.clone()),
        route,
    );
    Ok(MessageRoutes {
        endpoint,
        incoming,
        directory,
        direct,
        relayed,
        transport,
    })
}

async fn open_rest(config: &AgentConfig) -> Result<RestServer, Fault> {
    let names = config
        .names
        .iter()
        .cloned()
        .chain(config.rest_url.as_deref().and_then(host_of))
        .collect();
    let options = ServeOptions {
        end_patience: Duration::from_secs(3),
        names,
        ..ServeOptions::default()
    };
    RestServer::open(config.rest, options)
        .await
        .map_err(|error| {
            Fault::new(ErrorCode::AddressUnusable, error.to_string())
                .next("choose another port for the setting rest, or stop what uses it")
        })
}

/// The name, or the address, of a URL.
fn host_of(url: &str) -> Option<String> {
    let uri: axum::http::Uri = url.parse().ok()?;
    uri.host().map(str::to_owned)
}

/// What the agent tells of itself at hello: where it is reached, and how many attempts it takes at a time.
fn introduction(config: &AgentConfig, rest: String) -> Introduction {
    let slots = u32::try_from(config.limits.attempts).unwrap_or(u32::MAX);
    Introduction {
        direct: reachable(config),
        rest,
        slots,
    }
}

/// A number that no other run of the process has.
fn this_run(agent_state: &AgentState) -> u64 {
    crypto::Random::from_os().map_or_else(
        |_| agent_state.now().0.unsigned_abs(),
        |mut random| random.u64(),
    )
}

fn renewal_of(
    config: &AgentConfig,
    agent_state: &Arc<AgentState>,
    messages: &MessageRoutes,
    again: Arc<Notify>,
) -> Renewal {
    let (config, agent_state, endpoint) = (
        config.clone(),
        agent_state.clone(),
        messages.endpoint.clone(),
    );
    Renewal {
        config,
        agent_state,
        endpoint,
        again,
        behind: Arc::default(),
    }
}

fn whoami_of(messages: &MessageRoutes) -> Whoami {
    let endpoint = messages.endpoint.clone();
    Arc::new(move || endpoint.identity())
}

fn task_runner_of(
    agent_state: &Arc<AgentState>,
    reporter: &Reporter,
    transport: Arc<dyn Transport>,
    model_archive: &Arc<ModelArchive>,
) -> TaskRunner {
    TaskRunner {
        agent_state: agent_state.clone(),
        reporter: reporter.clone(),
        transport,
        model_archive: Some(model_archive.clone()),
    }
}

/// What works on the party's data, once it is open.
struct Shared {
    agent_state: Arc<AgentState>,
    uplink: Arc<CoordinatorLink>,
    model_archive: Arc<ModelArchive>,
    tickets: Tickets,
    /// Where the party's own REST endpoint is reached.
    rest_url: String,
}

fn shared_of(
    config: &AgentConfig,
    agent_state: &Arc<AgentState>,
    uplink: Arc<CoordinatorLink>,
    store: Option<ModelStore>,
    (rest, whoami): (SocketAddr, &Whoami),
) -> Shared {
    let model_archive = ModelArchive {
        agent_state: agent_state.clone(),
        coordinator: uplink.clone(),
        store,
        folder: config.data.join("archives"),
    };
    let rest_url = config
        .rest_url
        .clone()
        .unwrap_or_else(|| format!("http://{rest}"));
    let _ = agent_state.rest.set(rest_url.clone());
    Shared {
        agent_state: agent_state.clone(),
        uplink,
        model_archive: Arc::new(model_archive),
        tickets: Tickets::new(agent_state.clone(), whoami.clone()),
        rest_url,
    }
}

/// What the handlers of the party's own REST endpoint work on.
fn handler_of(
    config: &AgentConfig,
    shared: &Shared,
    messages: &MessageRoutes,
    health: Health,
) -> HandlerState {
    let keys = Keyring {
        endpoint: messages.endpoint.clone(),
        directory: messages.directory.clone(),
    };
    let serving = Serving::new(
        config.serving.clone(),
        shared.agent_state.clone(),
        shared.uplink.clone(),
        shared.tickets.clone(),
    );
    HandlerState {
        agent_state: shared.agent_state.clone(),
        coordinator: shared.uplink.clone(),
        uploads: shared.uplink.clone(),
        rest: shared.rest_url.clone(),
        health,
        keys: Arc::new(keys),
        serving: Arc::new(serving),
        model_archive: shared.model_archive.clone(),
        tickets: shared.tickets.clone(),
        side: Side::Own,
        asked_by: None,
    }
}

/// What the coordinator's calls over the link come to: at the REST endpoint they are an outsider's.
fn calls_of(
    handler: &HandlerState,
    messages: &MessageRoutes,
    supervisor: &Supervisor,
    (casts, whoami): (Casts, Whoami),
) -> Calls {
    let (agent_state, tickets) = (handler.agent_state.clone(), handler.tickets.clone());
    Calls {
        offers: Arc::new(Offers::new(agent_state, whoami, casts, tickets)),
        supervisor: supervisor.clone(),
        directory: messages.directory.clone(),
        relayed: messages.relayed.clone(),
        rest_api: router(handler.on(Side::Outside)),
    }
}

/// Starts an agent. When this returns, its ports are bound and it is on its way to the coordinator. `other`: what carries the
/// messages of tasks in place of the network.
pub(crate) async fn start(
    config: AgentConfig,
    catalogue: Catalogue,
    other: Option<Arc<dyn Transport>>,
    stop: CancellationToken,
) -> Result<Running, Fault> {
    config.check()?;
    let identity = load_identity(&config)?;
    let hold = hold(&config)?;
    let access = keep_access(&config)?;
    let agent_state = open_agent_state(&config, catalogue).await?;
    // Before anybody can dial or be dialled.
    identity
        .trust()
        .pins()
        .replace(pinned(&agent_state.records).await?);
    let store = load_model_store(&config)?;
    let rest_api = open_rest(&config).await?;
    let rest = rest_api.address();
    let (casts, board) = (Casts::default(), StatusBoard::new(agent_state.now()));
    let (link, present) = watch::channel(None);
    let messages = open_messages(&config, identity, &casts, present.clone())?;
    let quic = messages.endpoint.local_address()?;
    let reporter = Reporter::start(agent_state.clone()).await?;
    report_lost(&agent_state, &reporter).await?;
    let uplink = Arc::new(CoordinatorLink::new(present, board.clone()));
    let whoami = whoami_of(&messages);
    let shared = shared_of(&config, &agent_state, uplink, store, (rest, &whoami));
    let transport = other.unwrap_or_else(|| messages.transport.clone());
    let task_runner = task_runner_of(&agent_state, &reporter, transport, &shared.model_archive);
    let supervisor = Supervisor::new(task_runner, casts.clone(), config.limits.attempts);
    let health = health_of(&config, &board, &supervisor, access.clone());
    let handler = handler_of(&config, &shared, &messages, health);
    let again = Arc::new(Notify::new());
    let renewal = renewal_of(&config, &agent_state, &messages, again.clone());
    let keeper = LinkKeeper {
        pin: CoordinatorPin::open(config.coordinator_party.clone(), &config.data)?,
        endpoint: messages.endpoint.clone(),
        address: config.coordinator.clone(),
        introduction: introduction(&config, shared.rest_url),
        agent_state: agent_state.clone(),
        supervisor: supervisor.clone(),
        directory: messages.directory.clone(),
        calls: calls_of(&handler, &messages, &supervisor, (casts, whoami)),
        board: board.clone(),
        link,
        again,
        run: this_run(&agent_state),
    };
    tracing::info!(party = %config.party, %rest, %quic, coordinator = %config.coordinator, "agent started");
    let parts = Parts {
        agent_state,
        supervisor,
        reporter: reporter.clone(),
        endpoint: messages.endpoint,
    };
    let loops = Loops {
        keeper,
        pump: Pump::new(reporter, shared.uplink),
        rest_api,
        routes: own_routes(handler, access, &stop),
        incoming: messages.incoming,
        direct: messages.direct,
    };
    Ok(Running {
        rest,
        quic,
        board,
        renewal,
        ended: run_until(stop, parts, loops, hold),
    })
}

/// What turns while the agent runs.
struct Loops {
    keeper: LinkKeeper,
    pump: Pump,
    rest_api: RestServer,
    routes: axum::Router,
    incoming: mpsc::Receiver<Incoming>,
    direct: Arc<DirectTransport>,
}

/// Runs everything until `stop`; ends the parts in order then, and gives the folder free last.
fn run_until(
    stop: CancellationToken,
    parts: Parts,
    loops: Loops,
    hold: daemon::Hold,
) -> JoinHandle<()> {
    let Loops {
        keeper,
        pump,
        rest_api,
        routes,
        incoming,
        direct,
    } = loops;
    let late = CancellationToken::new();
    tokio::spawn(welcome_direct(incoming, direct, stop.clone()));
    tokio::spawn(parts.supervisor.clone().keep_to_the_rules(stop.clone()));
    let sweeping = tokio::spawn(sweep(parts.agent_state.clone(), stop.clone()));
    let linked = tokio::spawn(keeper.run(late.clone()));
    let pumping = tokio::spawn(pump.run(late.clone()));
    let served = tokio::spawn(rest_api.run(routes, stop.clone()));
    tokio::spawn(async move {
        stop.cancelled().await;
        parts.end(late).await;
        let _ = tokio::join!(served, linked, pumping, sweeping);
        drop(hold);
    })
}

/// What the party's own REST endpoint serves. It alone asks for credentials: what comes over the link is an outsider's whatever it shows.
fn own_routes(
    handler: HandlerState,
    access: Option<Access>,
    stop: &CancellationToken,
) -> axum::Router {
    let routes = router(handler);
    let Some(access) = access else { return routes };
    tokio::spawn(access.clone().keep_fresh(stop.clone()));
    access.protect(routes)
}

/// What ends in order: attempts first, then their last words, then the network and the records.
struct Parts {
    agent_state: Arc<AgentState>,
    supervisor: Supervisor,
    reporter: Reporter,
    endpoint: Endpoint,
}

impl Parts {
    async fn end(self, late: CancellationToken) {
        tracing::info!("agent ends");
        self.supervisor.shut_down().await;
        // A full disk is waited for while the agent runs, but not at its end.
        let _ = tokio::time::timeout(LAST_WORDS, self.reporter.flush()).await;
        let told = async {
            while !self.reporter.unsettled().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, told).await;
        late.cancel();
        self.endpoint.close("the agent ends").await;
        self.agent_state.chain.close().await;
        self.agent_state.records.close().await;
    }
}

fn reachable(config: &AgentConfig) -> Vec<String> {
    if config.relay_only {
        Vec::new()
    } else {
        config.direct.clone()
    }
}

fn health_of(
    config: &AgentConfig,
    board: &StatusBoard,
    supervisor: &Supervisor,
    access: Option<Access>,
) -> Health {
    let (party, board, supervisor) = (config.party.clone(), board.clone(), supervisor.clone());
    let disk = daemon::Disk::below(&config.data);
    Arc::new(move || -> Value {
        json!({
            "disk": disk.check().err().unwrap_or_else(|| "ok".to_owned()),
            "party": party,
            "version": env!("CARGO_PKG_VERSION"),
            "coordinator": board.to_json(),
            "attempts": supervisor.count(),
            "access": access.as_ref().map(|access| {
                let (refused, unreadable) = access.refused();
                json!({"refused": refused, "file_unreadable": unreadable})
            }),
        })
    })
}

async fn welcome_direct(
    mut incoming: mpsc::Receiver<Incoming>,
    messages: Arc<DirectTransport>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            arrived = incoming.recv() => match arrived {
                Some(Incoming { connection, .. }) => messages.welcome(connection),
                None => return,
            },
        }
    }
}

async fn sweep(agent_state: Arc<AgentState>, stop: CancellationToken) {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let agent_state = agent_state.clone();
        let swept =
            tokio::task::spawn_blocking(move || agent_state.staging.sweep(agent_state.clock.now()))
                .await;
        if let Err(error) = swept {
            tracing::error!(%error, "looking through staged files ended badly");
        }
    }
}

#[cfg(test)]
#[path = "wiring_tests.rs"]
mod tests;
