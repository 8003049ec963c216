//! The only file that knows all crates of the coordinator: it puts them together and decides nothing.

use std::net::SocketAddr;
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
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transport::{Endpoint, EndpointOptions, RelayOptions};
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
    // Definitions and metrics are for the coordinator's user only.
    tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data)
        .await
        .map_err(|error| {
            Fault::new(
                ErrorCode::StorageFull,
                format!(
                    "the data folder {} cannot be made: {error}",
                    config.data.display()
                ),
            )
        })?;
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
    let quic = EndpointOptions {
        mtu: config.mtu,
        ..EndpointOptions::at(config.listen)
    };
    let (endpoint, incoming) = Endpoint::bind(quic, identity, &SERVICES).map_err(Fault::from)?;
    let served = ServeOptions {
        names: config.names.clone(),
        ..ServeOptions::default()
    };
    let server = RestServer::open(config.rest, served)
        .await
        .map_err(|error| {
            Fault::new(ErrorCode::AddressUnusable, error.to_string())
                .next("stop what listens there, or set another `rest` address")
        })?;
    let (quic, rest) = (
        endpoint.local_address().map_err(Fault::from)?,
        server.address(),
    );

    let gateway = Gateway::new(RelayOptions {
        largest: config.largest_message,
        ..RelayOptions::default()
    });
    let options = Options {
        lease_millis: config.jobs.lease_millis,
        heartbeat_millis: config.jobs.heartbeat_millis,
        federation,
        known_parties: config.parties.clone(),
        home_party: config.home_party.clone(),
        addresses: service::AddressKey::kept_in(&config.data.join("addresses.key"))?,
        bounds: config.bounds.clone(),
        ..Options::default()
    };
    let coordinator = Coordinator::new(
        store,
        Arc::new(gateway.clone()),
        Arc::new(SystemClock),
        options,
    );
    coordinator
        .load_parties()
        .await
        .map_err(|error| error.fault())?;
    // Where all belongs to one owner, a credential says that somebody may come in, and nothing about whom he stands for.
    let tells_apart = access.is_some() && !config.one_owner;
    for tenant in tenants(&coordinator, &config, tells_apart) {
        coordinator
            .experiments()
            .default_of(&tenant)
            .await
            .map_err(|error| error.fault())?;
    }
    // Parties' users carry their party; whoever else comes in is the operator once the REST endpoint asks who it is.
    let principal = if tells_apart {
        Principal::operator()
    } else {
        Principal::anyone()
    };
    let api = ApiOptions {
        principal_at_endpoint: principal.clone(),
        folder: config.data.display().to_string(),
        board: config.board.clone(),
        address: (rest.ip().to_string(), rest.port()),
        access: access.clone(),
        disk: Some(daemon::Disk::below(&config.data)),
    };
    let rows: Arc<dyn Rows> = Arc::new(RowsOverGateway(gateway.clone()));
    let fate_flow_api = FateFlow::new(coordinator.clone(), rows.clone(), api);
    let fate_flow = api_fate::router(fate_flow_api.clone());
    let context = ApiContext {
        coordinator: coordinator.clone(),
        rows,
        authenticator: Authenticator::new(access.clone(), principal),
    };
    let kubeflow = KubeflowOptions {
        multi_user: config.kubeflow.multi_user,
    };
    let grpc = api_kubeflow::grpc(&context, kubeflow).await?;
    let linked = Apis {
        fate_flow: fate_flow.clone(),
        kubeflow: api_kubeflow::router(&context, kubeflow),
        grpc: api_kubeflow::grpc_elsewhere(),
        abeja: api_abeja::router(context.clone()),
        meteos: api_meteos::router(
            context,
            api_meteos::Options {
                identity: config.keystone,
            },
        ),
    };
    // The other APIs ask for credentials themselves, and refuse in their own forms.
    let fate_flow = access.as_ref().map_or_else(
        || fate_flow.clone(),
        |access| access.protect(fate_flow.clone()),
    );
    let router = api_kit::dispatch(Apis {
        fate_flow,
        grpc,
        ..linked.clone()
    });

    let drive = coordinator.clone();
    let stop_drive = stop.clone();
    // Links are authenticated by certificates; only the REST endpoint asks for credentials.
    let answers: Arc<dyn LocalApi> = Arc::new(LocalRouter {
        router: api_kit::dispatch(linked),
        fate_flow: fate_flow_api,
    });
    let links = (
        gateway.clone(),
        endpoint.clone(),
        coordinator.clone(),
        stop.clone(),
    );
    let mut parts = vec![
        tokio::spawn(async move { drive.run(stop_drive).await }),
        tokio::spawn(async move {
            let (gateway, endpoint, coordinator, stop) = links;
            gateway
                .serve(endpoint, incoming, coordinator, answers, stop)
                .await;
        }),
        tokio::spawn(server.run(router, stop.clone())),
        tokio::spawn(renew_identity(endpoint, stop.clone())),
    ];
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
