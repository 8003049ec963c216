//! The gRPC side: the same operations, health and reflection, as a router for the REST endpoint's own server.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response as HttpResponse};
use rest::lenient::whole_body;
use tonic::{Request as Call, Response, Status};
use vocabulary::{ErrorCode, Fault};

use super::operations::Experiments;
use super::proto::experiment_service_server::{ExperimentService, ExperimentServiceServer};
use super::proto::{
    ArchiveExperimentRequest, CreateExperimentRequest, DESCRIPTORS, DeleteExperimentRequest,
    Experiment, GetExperimentRequest, ListExperimentsRequest, ListExperimentsResponse,
    UnarchiveExperimentRequest,
};
use super::refusal::Refusal;
use api_kit::{AuthenticatedCaller, Authenticator};

/// The service.
#[derive(Clone)]
pub(super) struct Grpc {
    pub(super) experiments: Experiments,
    pub(super) authenticator: Authenticator,
}

/// Experiments, health and reflection in both its versions.
pub(super) async fn router(grpc: Grpc) -> Result<Router, Fault> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_serving::<ExperimentServiceServer<Grpc>>()
        .await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let wrong =
        |error: tonic_reflection::server::Error| Fault::new(ErrorCode::Internal, error.to_string());
    let routes = tonic::service::Routes::new(ExperimentServiceServer::new(grpc))
        .add_service(health)
        .add_service(reflection().build_v1().map_err(wrong)?)
        .add_service(reflection().build_v1alpha().map_err(wrong)?);
    Ok(routes.into_axum_router().layer(from_fn(whole_frames)))
}

/// Answers every call that it is not served here: what comes over a party's link, which carries no trailers.
pub(super) fn elsewhere() -> Router {
    let refused = || async {
        let status = Status::unimplemented(
            "gRPC is served at the coordinator's own REST endpoint; here the same is served as REST",
        );
        status.into_http::<Body>().into_response()
    };
    Router::new().fallback(refused)
}

/// Lets requests of the service pass whose body is one whole frame: all its calls have exactly one message. A body that is
/// none is the client's mistake.
async fn whole_frames(request: Request, next: Next) -> HttpResponse {
    if !request.uri().path().starts_with("/api.ExperimentService/") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let refused = |text: &str| {
        Status::invalid_argument(text)
            .into_http::<Body>()
            .into_response()
    };
    let bytes = match whole_body(body).await {
        Ok(bytes) => bytes,
        Err(failure) => return refused(&failure.0.retmsg),
    };
    // What is packed in a way that is not known here, the service refuses itself, and tells which ways are.
    let encoding = parts.headers.get("grpc-encoding");
    let is_packed = encoding.is_some_and(|encoding| encoding != "identity");
    if !is_one_frame(&bytes, is_packed) {
        return refused("the request holds no whole message");
    }
    next.run(Request::from_parts(parts, Body::from(bytes)))
        .await
}

/// One byte that tells whether the message is packed, four of length, and as much as they say.
fn is_one_frame(bytes: &[u8], may_be_packed: bool) -> bool {
    match bytes {
        [1, ..] if !may_be_packed => false,
        [0 | 1, a, b, c, d, rest @ ..] => {
            usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])) == Ok(rest.len())
        }
        _ => false,
    }
}

impl Grpc {
    fn caller<T>(&self, call: &Call<T>) -> Result<AuthenticatedCaller, Status> {
        let headers = call.metadata().clone().into_headers();
        self.authenticator
            .caller(call.extensions(), &headers)
            .map_err(|fault| Refusal::stranger(&fault).status())
    }
}

fn answered<T>(answer: Result<T, Refusal>) -> Result<Response<T>, Status> {
    answer
        .map(Response::new)
        .map_err(|refusal| refusal.status())
}

#[tonic::async_trait]
impl ExperimentService for Grpc {
    async fn create_experiment(
        &self,
        call: Call<CreateExperimentRequest>,
    ) -> Result<Response<Experiment>, Status> {
        let caller = self.caller(&call)?;
        let wanted = call.into_inner().experiment.unwrap_or_default();
        answered(self.experiments.create(&caller, wanted).await)
    }

    async fn get_experiment(
        &self,
        call: Call<GetExperimentRequest>,
    ) -> Result<Response<Experiment>, Status> {
        answered(
            self.experiments
                .get(&self.caller(&call)?, &call.get_ref().id)
                .await,
        )
    }

    async fn list_experiment(
        &self,
        call: Call<ListExperimentsRequest>,
    ) -> Result<Response<ListExperimentsResponse>, Status> {
        answered(
            self.experiments
                .list(&self.caller(&call)?, call.get_ref())
                .await,
        )
    }

    async fn delete_experiment(
        &self,
        call: Call<DeleteExperimentRequest>,
    ) -> Result<Response<()>, Status> {
        answered(
            self.experiments
                .delete(&self.caller(&call)?, &call.get_ref().id)
                .await,
        )
    }

    async fn archive_experiment(
        &self,
        call: Call<ArchiveExperimentRequest>,
    ) -> Result<Response<()>, Status> {
        answered(
            self.experiments
                .archive(&self.caller(&call)?, &call.get_ref().id, true)
                .await,
        )
    }

    async fn unarchive_experiment(
        &self,
        call: Call<UnarchiveExperimentRequest>,
    ) -> Result<Response<()>, Status> {
        answered(
            self.experiments
                .archive(&self.caller(&call)?, &call.get_ref().id, false)
                .await,
        )
    }
}
