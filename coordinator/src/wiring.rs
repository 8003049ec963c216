//! The only file that knows all crates of the coordinator: it puts them together and decides nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_gateway::{Gateway, LocalApi, SERVICES};
use api_fate::{ApiOptions, FateFlow};
use api_kit::{ApiContext, Apis, Authenticator, Rows};
use api_kubeflow::KubeflowOptions;
use async_trait::async_trait;
use axum::Router;
use rest::{Access, BodyStream, RestServer, ServeOptions};
use service::{Coordinator, Options, Principal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transport::{Endpoint, EndpointOptions, Incoming, RelayOptions};
use vocabulary::{ErrorCode, Fault, PartyId, SystemClock, Tenant};
use wire::agent_link::{HttpHead, HttpReplyHead, UploadCall};

use crate::config::CoordinatorConfig;

/// How often certificate, roots and revocation list are read again.
const IDENTITY_EVERY: Duration = Duration::from_secs(30);

/// A coordinator that runs.
pub struct Running {
    /// Where agents connect.
    pub quic: SocketAddr,
    /// Where people and programs ask.
    pub rest: SocketAddr,
    /// The service itself, for those in the same process.
    pub coordinator: Coordinator,
    parts: Vec<JoinHandle<()>>,
    /// The right to its folder, given back when everything else has ended.
    _hold: daemon::Hold,
}

/// The right to work in the coordinator's folder: two coordinators on one database would order everything twice.
fn hold(config: &CoordinatorConfig) -> Result<daemon::Hold, Fault> {
    daemon::Hold::take(&config.data, "coordinator.lock").map_err(|error| {
        let (code, next) = match &error {
            daemon::HoldError::Held { .. } => (
                ErrorCode::Conflict,
                "end that coordinator first, or set another folder as data",
            ),
            daemon::HoldError::Unusable { .. } => (
                ErrorCode::StorageFull,
                "check the setting data, the disk and its permissions",
            ),
        };
        Fault::new(code, error.to_string()).path("data").next(next)
    })
}

impl Running {
    /// Waits until every part has ended, after the token was cancelled.
    pub async fn ended(self) {
        for part in self.parts {
            if let Err(error) = part.await {
                tracing::error!(%error, "a part of the coordinator ended badly");
            }
        }
    }
}

/// Whose experiment of the default name is made at the start: of the one tenant, or of the parties' where the REST endpoint asks who
/// comes. Parties that come later have theirs with their first job.
fn tenants(
    coordinator: &Coordinator,
    config: &CoordinatorConfig,
    tells_apart: bool,
) -> Vec<Tenant> {
    let mut tenants = vec![Tenant::only()];
    if tells_apart && !config.kubeflow.multi_user {
        let known = coordinator
            .presence()
            .agents
            .into_keys()
            .chain(config.parties.clone().into_iter().flatten());
        tenants.extend(known.filter_map(|party| Tenant::new(party.as_str()).ok()));
    }
    tenants
}

struct RowsOverGateway(Gateway);

#[async_trait]
impl Rows for RowsOverGateway {
    async fn forward(
        &self,
        party: &PartyId,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        self.0.forward(party, head, body).await
    }
}

/// The APIs for what comes over agents' links.
struct LocalRouter {
    router: Router,
    fate_flow: FateFlow,
}

#[async_trait]
impl LocalApi for LocalRouter {
    async fn answer(
        &self,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        rest::proxy::answer_locally(self.router.clone(), head, body).await
    }

    async fn start_upload(&self, party: PartyId, call: UploadCall) -> String {
        let reply = self.fate_flow.start_upload(party, call).await;
        reply.to_json().to_string()
    }
}

/// Starts a coordinator; it runs until the token is cancelled.
pub async fn start(config: CoordinatorConfig, stop: CancellationToken) -> Result<Running, Fault> {
    for notice in &config.notices {
        tracing::warn!("{notice}");
    }
    make_folder(&config.data).await?;
    let hold = hold(&config)?;
    let access = config
        .access
        .clone()
        .map(|access| Access::open_in(&config.data, access, None, Arc::new(SystemClock)))
        .transpose()?;
    let identity = pki::Identity::load_for_daemon(&config.identity, config.revocation)?;
    let federation = identity.federation().to_owned();
    let store = store::open(&config.store_url())
        .await
        .map_err(|error| error.fault())?;
    let links = Links::listen(&config, identity)?;
    let server = listen_rest(&config).await?;
    let (quic, rest) = (
        links.endpoint.local_address().map_err(Fault::from)?,
        server.address(),
    );
    let coordinator = Coordinator::new(
        store,
        Arc::new(links.gateway.clone()),
        Arc::new(SystemClock),
        service_options(&config, federation)?,
    );
    coordinator
        .load_parties()
        .await
        .map_err(|error| error.fault())?;
    // Where all belongs to one owner, a credential says that somebody may come in, and nothing about whom he stands for.
    let tells_apart = access.is_some() && !config.one_owner;
    make_default_experiments(&coordinator, &config, tells_apart).await?;
    // Parties' users carry their party; whoever else comes in is the operator once the REST endpoint asks who it is.
    let principal = if tells_apart {
        Principal::operator()
    } else {
        Principal::anyone()
    };
    let context = ApiContext {
        coordinator: coordinator.clone(),
        rows: Arc::new(RowsOverGateway(links.gateway.clone())),
        authenticator: Authenticator::new(access.clone(), principal.clone()),
    };
    let fate_flow = ApiOptions {
        principal_at_endpoint: principal,
        folder: config.data.display().to_string(),
        board: config.board.clone(),
        address: (rest.ip().to_string(), rest.port()),
        access: access.clone(),
        disk: Some(daemon::Disk::below(&config.data)),
    };
    let apis = ServedApis::build(&config, context, fate_flow).await?;
    let mut parts = spawn_parts(&coordinator, links, server, apis, &stop);
    parts.extend(access.map(|access| tokio::spawn(access.keep_fresh(stop))));
    tracing::info!(%quic, %rest, "coordinator ready");
    Ok(Running {
        quic,
        rest,
        coordinator,
        parts,
        _hold: hold,
    })
}

/// Definitions and metrics are for the coordinator's user only.
async fn make_folder(folder: &Path) -> Result<(), Fault> {
    tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .await
        .map_err(|error| {
            Fault::new(
                ErrorCode::StorageFull,
                format!(
                    "the data folder {} cannot be made: {error}",
                    folder.display()
                ),
            )
        })
}

/// Where agents connect, and what talks with them there.
struct Links {
    endpoint: Endpoint,
    incoming: mpsc::Receiver<Incoming>,
    gateway: Gateway,
}

impl Links {
    fn listen(config: &CoordinatorConfig, identity: pki::Identity) -> Result<Self, Fault> {
        let options = EndpointOptions {
            mtu: config.mtu,
            ..EndpointOptions::at(config.listen)
        };
        let (endpoint, incoming) =
            Endpoint::bind(options, identity, &SERVICES).map_err(Fault::from)?;
        let gateway = Gateway::new(RelayOptions {
            largest: config.largest_message,
            ..RelayOptions::default()
        });
        Ok(Self {
            endpoint,
            incoming,
            gateway,
        })
    }
}

async fn listen_rest(config: &CoordinatorConfig) -> Result<RestServer, Fault> {
    let options = ServeOptions {
        names: config.names.clone(),
        ..ServeOptions::default()
    };
    RestServer::open(config.rest, options)
        .await
        .map_err(|error| {
            Fault::new(ErrorCode::AddressUnusable, error.to_string())
                .next("stop what listens there, or set another `rest` address")
        })
}

fn service_options(config: &CoordinatorConfig, federation: String) -> Result<Options, Fault> {
    Ok(Options {
        lease_millis: config.jobs.lease_millis,
        heartbeat_millis: config.jobs.heartbeat_millis,
        federation,
        known_parties: config.parties.clone(),
        home_party: config.home_party.clone(),
        addresses: service::AddressKey::kept_in(&config.data.join("addresses.key"))?,
        bounds: config.bounds.clone(),
        ..Options::default()
    })
}

async fn make_default_experiments(
    coordinator: &Coordinator,
    config: &CoordinatorConfig,
    tells_apart: bool,
) -> Result<(), Fault> {
    for tenant in tenants(coordinator, config, tells_apart) {
        coordinator
            .experiments()
            .default_of(&tenant)
            .await
            .map_err(|error| error.fault())?;
    }
    Ok(())
}

/// The APIs, as each way in serves them.
struct ServedApis {
    /// For the REST endpoint, which asks for credentials.
    at_endpoint: Router,
    /// For agents' links, which are authenticated by certificates.
    over_links: Arc<dyn LocalApi>,
}

impl ServedApis {
    async fn build(
        config: &CoordinatorConfig,
        context: ApiContext,
        options: ApiOptions,
    ) -> Result<Self, Fault> {
        let access = options.access.clone();
        let fate_flow = FateFlow::new(context.coordinator.clone(), context.rows.clone(), options);
        let kubeflow = KubeflowOptions {
            multi_user: config.kubeflow.multi_user,
        };
        let meteos = api_meteos::Options {
            identity: config.keystone,
        };
        let grpc = api_kubeflow::grpc(&context, kubeflow).await?;
        let linked = Apis {
            fate_flow: api_fate::router(fate_flow.clone()),
            kubeflow: api_kubeflow::router(&context, kubeflow),
            grpc: api_kubeflow::grpc_elsewhere(),
            abeja: api_abeja::router(context.clone()),
            meteos: api_meteos::router(context, meteos),
        };
        // The other APIs ask for credentials themselves, and refuse in their own forms.
        let protected = match access {
            Some(access) => access.protect(linked.fate_flow.clone()),
            None => linked.fate_flow.clone(),
        };
        Ok(Self {
            at_endpoint: api_kit::dispatch(Apis {
                fate_flow: protected,
                grpc,
                ..linked.clone()
            }),
            over_links: Arc::new(LocalRouter {
                router: api_kit::dispatch(linked),
                fate_flow,
            }),
        })
    }
}

/// Sets everything to work that runs until the token is cancelled.
fn spawn_parts(
    coordinator: &Coordinator,
    links: Links,
    server: RestServer,
    apis: ServedApis,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let (drive, stop_drive) = (coordinator.clone(), stop.clone());
    let (served, stop_links) = (coordinator.clone(), stop.clone());
    let endpoint = links.endpoint.clone();
    vec![
        tokio::spawn(async move { drive.run(stop_drive).await }),
        tokio::spawn(async move {
            let Links {
                endpoint,
                incoming,
                gateway,
            } = links;
            gateway
                .serve(endpoint, incoming, served, apis.over_links, stop_links)
                .await;
        }),
        tokio::spawn(server.run(apis.at_endpoint, stop.clone())),
        tokio::spawn(renew_identity(endpoint, stop.clone())),
    ]
}

/// Reads certificate, roots and revocation list again now and then, so that a renewal or revocation needs no restart.
async fn renew_identity(endpoint: Endpoint, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(IDENTITY_EVERY) => {}
        }
        let renewed = endpoint.identity().reload().map_err(Fault::from);
        let used =
            renewed.and_then(|identity| endpoint.set_identity(identity).map_err(Fault::from));
        if let Err(fault) = used {
            tracing::warn!(%fault, "the certificate files cannot be used; the earlier ones stay in force");
        }
    }
}
