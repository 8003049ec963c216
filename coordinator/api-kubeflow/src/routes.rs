//! The one list of what is served: routing, coverage page, OpenAPI document and generated tests are made from it.

use api_kit::{Handler, Method, call, request};

use super::openapi;
use super::rest::{self, Rest};

/// One row.
pub type Route = api_kit::Route<Rest>;

/// What only this API says of its routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The gRPC method of the same operation; `None` where there is none.
    pub rpc: Option<&'static str>,
    /// Media type of a success.
    pub kind: &'static str,
    /// The message that the body holds; empty where there is none.
    pub message: &'static str,
}

const GET: &[Method] = &[Method::Get];
const POST: &[Method] = &[Method::Post];
const DELETE: &[Method] = &[Method::Delete];
const JSON: &str = "application/json";

/// A route of the service, which REST and gRPC serve.
const fn service(
    methods: &'static [Method],
    path: &'static str,
    rpc: &'static str,
    summary: &'static str,
    handler: Handler<Rest>,
) -> Route {
    let mark = Mark {
        rpc: Some(rpc),
        kind: JSON,
        message: "",
    };
    Route::new(methods, path, summary, mark, handler)
}

/// A route that everybody may ask, over REST only.
const fn about(
    path: &'static str,
    kind: &'static str,
    summary: &'static str,
    handler: Handler<Rest>,
) -> Route {
    let mark = Mark {
        rpc: None,
        kind,
        message: "",
    };
    Route::new(GET, path, summary, mark, handler).open()
}

/// The same route, with an experiment in its body.
const fn of_experiment(route: Route) -> Route {
    let mark = Mark {
        message: "Experiment",
        ..route.mark
    };
    Route { mark, ..route }
}

/// Everything that is served.
pub static ROUTES: &[Route] = &[
    of_experiment(service(
        POST,
        "/apis/v1beta1/experiments",
        "CreateExperiment",
        "Makes an experiment; its name must be free",
        call!(rest::create),
    ))
    .gives("Experiment"),
    service(
        GET,
        "/apis/v1beta1/experiments",
        "ListExperiment",
        "Experiments, filtered, sorted and paged",
        call!(rest::list),
    )
    .query(&[
        "page_token",
        "page_size",
        "sort_by",
        "filter",
        "resource_reference_key.type",
        "resource_reference_key.id",
    ])
    .gives("ListExperimentsResponse"),
    service(
        GET,
        "/apis/v1beta1/experiments/{id}",
        "GetExperiment",
        "One experiment",
        call!(rest::get),
    )
    .gives("Experiment"),
    service(
        DELETE,
        "/apis/v1beta1/experiments/{id}",
        "DeleteExperiment",
        "Deletes an experiment; its jobs stay",
        call!(rest::delete),
    ),
    service(
        POST,
        "/apis/v1beta1/experiments/{id}:archive",
        "ArchiveExperiment",
        "Archives an experiment and its jobs, disables its schedules, and stops nothing",
        call!(rest::archive),
    ),
    service(
        POST,
        "/apis/v1beta1/experiments/{id}:unarchive",
        "UnarchiveExperiment",
        "Takes an experiment out again; its jobs stay archived and its schedules disabled",
        call!(rest::unarchive),
    ),
    about(
        "/apis/v1beta1/healthz",
        "text/plain",
        "Whether it is there, and in which mode",
        request!(rest::health),
    ),
    about(
        "/apis/docs/openapi.json",
        JSON,
        "This API as an OpenAPI document",
        request!(openapi::document),
    ),
    about(
        "/apis/docs",
        "text/html",
        "The same as a page",
        request!(openapi::document_page),
    ),
];
