//! The routes of the agent's REST endpoint, by what they are about. What has no route here is not this party's.

use std::future::Future;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use rest::{Answer, Failure, tolerate_slash};

use super::request_fields::asked_by;
use super::{
    HandlerState, audit_chain, bind, checkpoint, clean, connector, elsewhere, enabling, files,
    inference, info, key, lineage, logs, model, output, permission, schema, serving, table,
    table_file, upload,
};

/// The methods of endpoints that FATE's clients ask with either.
const POST_OR_GET: MethodFilter = MethodFilter::POST.or(MethodFilter::GET);

/// The REST endpoint.
pub(crate) fn router(handler: HandlerState) -> Router {
    let rest = handler.clone();
    let groups: [fn(Routes) -> Routes; 9] = [
        uploads,
        own_files,
        tables,
        table_origins,
        permissions_and_keys,
        jobs,
        models,
        online_serving,
        agent_itself,
    ];
    let none = Routes {
        handler,
        router: Router::new(),
    };
    let routes = groups.into_iter().fold(none, |routes, add| add(routes));
    let router = routes
        .router
        .method_not_allowed_fallback(|| async { Failure::wrong_method() })
        .fallback(move |request: Request| elsewhere(rest.clone(), request));
    tolerate_slash(router)
}

fn uploads(routes: Routes) -> Routes {
    routes
        .post("/v1/data/upload", upload::upload)
        .post("/v1/data/download", upload::download)
        .post("/v1/data/writer", upload::writer)
        .put("/v1/fedflow/staging/{name}", upload::stage)
}

fn own_files(routes: Routes) -> Routes {
    routes
        .put("/v1/fedflow/files/{folder}/{name}", files::put)
        .get("/v1/fedflow/files/{folder}/{name}", files::get)
        .delete("/v1/fedflow/files/{folder}/{name}", files::delete)
        .get("/v1/fedflow/files/{folder}", files::list)
}

fn tables(routes: Routes) -> Routes {
    routes
        .post("/v1/table/table_info", table::info)
        .post("/v1/table/delete", table::delete)
        .post("/v1/table/list", table::list)
        .post("/v1/table/preview", table::preview)
        .post_or_get("/v1/table/download", table_file::download)
        .post("/v1/table/enable", enabling::enable)
        .post("/v1/table/disable", enabling::disable)
        .post("/v1/table/disable/delete", enabling::delete_disabled)
        .post("/v1/table/schema/update", schema::update)
        .post(
            "/v1/table/schema/anonymous/migrate",
            schema::migrate_anonymous,
        )
}

/// Where tables come from, and what came of them.
fn table_origins(routes: Routes) -> Routes {
    routes
        .post("/v1/table/bind", bind::bind)
        .post("/v1/table/add", bind::bind)
        .post("/v1/table/connector/create", connector::create)
        .post("/v1/table/connector/query", connector::query)
        .post("/v1/table/tracking/source", lineage::source)
        .post("/v1/table/tracking/job", lineage::jobs)
}

fn permissions_and_keys(routes: Routes) -> Routes {
    routes
        .post("/v1/permission/grant", permission::grant)
        .post("/v1/permission/delete", permission::withdraw)
        .post("/v1/permission/query", permission::query)
        .post(
            "/v1/permission/grant/privilege",
            permission::grant_privilege,
        )
        .post(
            "/v1/permission/delete/privilege",
            permission::withdraw_privilege,
        )
        .post(
            "/v1/permission/query/privilege",
            permission::query_privilege,
        )
        .post("/v1/key/public/save", key::save)
        .post("/v1/key/query", key::query)
        .post("/v1/key/public/delete", key::delete)
}

/// What jobs left here: outputs and logs.
fn jobs(routes: Routes) -> Routes {
    routes
        .post("/v1/tracking/component/output/data", output::preview)
        .post_or_get(
            "/v1/tracking/component/output/data/download",
            output::download,
        )
        .post("/v1/job/clean", clean::clean)
        .post("/v1/job/log/download", logs::download)
        .post_or_get("/v1/job/log", logs::download)
        .post("/v1/log/size", logs::size)
        .post("/v1/log/cat", logs::cat)
}

fn models(routes: Routes) -> Routes {
    routes
        .post("/v1/checkpoint/list", checkpoint::list)
        .post("/v1/checkpoint/get", checkpoint::get)
        .post_or_get("/v1/model/export", model::export)
        .post("/v1/model/import", model::import)
        .put("/v1/fedflow/model/import", model::import_sent)
        .post("/v1/fedflow/model/migrate", model::migrate)
        .post("/v1/fedflow/model/permitted", model::permitted)
        .post("/v1/model/transfer", model::transfer)
        .post("/v1/model/transfer/{model}/{version}", model::transfer)
}

fn online_serving(routes: Routes) -> Routes {
    routes
        .post("/v1/model/bind", serving::bind)
        .post("/v1/fedflow/serving/load", serving::load)
        .post("/v1/fedflow/serving/bind", serving::bind_from_outside)
        .get("/v1/fedflow/inference", inference::list)
        .post("/v1/fedflow/inference/{service_id}", inference::ask)
        .get("/v1/fedflow/inference/{service_id}", inference::figures)
}

/// How the agent is, and what its audit chain says.
fn agent_itself(routes: Routes) -> Routes {
    routes
        .get("/v1/fedflow/health", info::health)
        .get("/livez", info::is_alive)
        .get("/readyz", info::is_ready)
        .get("/healthz", info::is_ready)
        .get("/v1/fedflow/audit", audit_chain::newest)
        .get("/v1/fedflow/audit/chain", audit_chain::whole)
}

/// A function that answers requests with what the endpoint works on.
trait Handler<F>: Fn(HandlerState, Request) -> F + Clone + Send + Sync + 'static {}

impl<F, H: Fn(HandlerState, Request) -> F + Clone + Send + Sync + 'static> Handler<F> for H {}

/// The answer of a handler, to come.
trait Answering: Future<Output = Answer> + Send + 'static {}

impl<F: Future<Output = Answer> + Send + 'static> Answering for F {}

/// Routes put together, and what their handlers work on.
struct Routes {
    handler: HandlerState,
    router: Router,
}

impl Routes {
    fn on<F: Answering>(self, methods: MethodFilter, path: &str, answer: impl Handler<F>) -> Self {
        let route = route(&self.handler, methods, answer);
        Self {
            router: self.router.route(path, route),
            ..self
        }
    }

    fn get<F: Answering>(self, path: &str, answer: impl Handler<F>) -> Self {
        self.on(MethodFilter::GET, path, answer)
    }

    fn post<F: Answering>(self, path: &str, answer: impl Handler<F>) -> Self {
        self.on(MethodFilter::POST, path, answer)
    }

    fn put<F: Answering>(self, path: &str, answer: impl Handler<F>) -> Self {
        self.on(MethodFilter::PUT, path, answer)
    }

    fn delete<F: Answering>(self, path: &str, answer: impl Handler<F>) -> Self {
        self.on(MethodFilter::DELETE, path, answer)
    }

    fn post_or_get<F: Answering>(self, path: &str, answer: impl Handler<F>) -> Self {
        self.on(POST_OR_GET, path, answer)
    }
}

/// A route whose handler takes the handler state and the request.
fn route<F: Answering>(
    state: &HandlerState,
    methods: MethodFilter,
    handler: impl Handler<F>,
) -> MethodRouter {
    let state = state.clone();
    on(methods, move |request: Request| {
        let asked_by = asked_by(&request);
        let answer = handler(
            HandlerState {
                asked_by,
                ..state.clone()
            },
            request,
        );
        async move { answer.await.unwrap_or_else(IntoResponse::into_response) }
    })
}
