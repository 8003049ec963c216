//! One port for all APIs: each request goes to the API whose path it has, and gRPC by its content type.

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use rest::Dialect;
use tower::ServiceExt;

/// The APIs, each as a router of its own, which answers what it does not know in its own form.
#[derive(Clone)]
pub struct Apis {
    /// FATE-Flow, and fedflow's own routes.
    pub fate_flow: Router,
    /// Kubeflow Pipelines over REST.
    pub kubeflow: Router,
    /// All that speaks gRPC.
    pub grpc: Router,
    /// ABEJA.
    pub abeja: Router,
    /// Meteos.
    pub meteos: Router,
}

impl Apis {
    fn of(&self, request: &Request) -> &Router {
        // First, for gRPC's paths (`/api.Service/Call`) belong to no API by their beginning.
        if is_grpc(request.headers()) {
            return &self.grpc;
        }
        match Dialect::of(request.uri().path()) {
            Dialect::FateFlow => &self.fate_flow,
            Dialect::Kubeflow => &self.kubeflow,
            Dialect::Abeja => &self.abeja,
            Dialect::Meteos => &self.meteos,
        }
    }
}

/// All APIs behind one REST endpoint.
pub fn dispatch(apis: Apis) -> Router {
    Router::new().fallback(move |request: Request| {
        let router = apis.of(&request).clone();
        async move { router.oneshot(request).await.into_response() }
    })
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    // The beginning only: `application/grpc+proto` and parameters behind it are gRPC, too.
    kind.get(..16)
        .is_some_and(|start| start.eq_ignore_ascii_case("application/grpc"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use rest::lenient::whole_body;

    use super::*;

    fn named(name: &'static str) -> Router {
        Router::new().fallback(move || async move { name })
    }

    #[tokio::test]
    async fn each_api_gets_its_own() {
        let [fate_flow, kubeflow, grpc, abeja, meteos] =
            ["fate", "kube", "grpc", "abeja", "meteos"].map(named);
        let server = dispatch(Apis {
            fate_flow,
            kubeflow,
            grpc,
            abeja,
            meteos,
        });
        for (path, kind, api) in [
            ("/v1/job/query", "application/json", "fate"),
            (
                "/apis/v1beta1/experiments?filter=/v1/p/models",
                "application/json",
                "kube",
            ),
            ("/organizations/1/deployments", "", "abeja"),
            ("/channels/1/upload", "image/png", "abeja"),
            ("/", "", "meteos"),
            ("/v1/p/model_evaluations/m", "", "meteos"),
            (
                "/api.ExperimentService/GetExperiment",
                "application/grpc",
                "grpc",
            ),
            ("/v1/job/query", "application/grpc+proto", "grpc"),
        ] {
            let request = Request::builder()
                .uri(path)
                .header("content-type", kind)
                .body(Body::empty());
            let response = server
                .clone()
                .oneshot(request.expect("a request"))
                .await
                .expect("infallible");
            assert_eq!(
                whole_body(response.into_body()).await.expect("a body"),
                api,
                "{path} {kind}"
            );
        }
    }
}
