//! Every route of FATE-Flow 1.11 that a client calls, and how far it is served here. The one list; router, tests, the coverage
//! page and the OpenAPI document are made from it.

mod jobs;
mod models;
mod own;
mod system;
mod tables;
mod tracking;

use api_kit::{Handler, Method, count, joined};

use super::FateFlow;
use super::mark::{Kind, Mark, Status, unsupported};

/// One row.
pub type Route = api_kit::Route<FateFlow>;

const POST: &[Method] = &[Method::Post];
const GET: &[Method] = &[Method::Get];
const BOTH: &[Method] = &[Method::Get, Method::Post];
const OF_TASK: &[&str] = &["job_id", "component_name", "role", "party_id"];
const TABLE: &[&str] = &["name", "namespace"];
const BOUND: &[&str] = &["engine", "address", "namespace", "name"];
const SOURCE: &[&str] = &["src_party_id", "src_role"];
const OF_STATES: &[&str] = &[
    "role",
    "party_id",
    "model_id",
    "model_version",
    "component_name",
];

/// A handler of requests as they come, with who sent them.
macro_rules! raw {
    ($($handler:tt)+) => {
        api_kit::Handler::Request(|api, _, request| {
            let caller = $crate::caller::caller_of(request.extensions());
            Box::pin($($handler)+(api, request, caller))
        })
    };
}
use raw;

const fn route(
    path: &'static str,
    summary: &'static str,
    status: Status,
    handler: Handler<FateFlow>,
) -> Route {
    let mark = Mark {
        status,
        kind: Kind::Json,
    };
    Route::new(POST, path, summary, mark, handler)
}

const fn served(path: &'static str, summary: &'static str, handler: Handler<FateFlow>) -> Route {
    route(path, summary, Status::Served, handler)
}

const fn at_agent(path: &'static str, summary: &'static str, handler: Handler<FateFlow>) -> Route {
    route(path, summary, Status::AtAgent, handler)
}

const fn not_yet(path: &'static str, summary: &'static str) -> Route {
    let handler = Handler::Request(|_, route, request| Box::pin(unsupported(route, request)));
    route(path, summary, Status::Unsupported, handler)
}

const fn file(route: Route, methods: &'static [Method]) -> Route {
    let mark = Mark {
        kind: Kind::File,
        ..route.mark
    };
    Route {
        methods,
        mark,
        ..route
    }
}

const GROUPS: &[&[Route]] = &[
    jobs::ROUTES,
    tracking::ROUTES,
    models::ROUTES,
    tables::ROUTES,
    system::ROUTES,
    own::ROUTES,
];

/// The table, by group.
pub static ROUTES: &[Route] = &joined::<FateFlow, { count(GROUPS) }>(GROUPS);
