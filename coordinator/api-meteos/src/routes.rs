//! What this API serves: the one list, from which the router, the documents and tests are made.

use api_kit::{Handler, Method, call, count, joined, request};

use super::collection::{Action, COLLECTIONS, Collection};
use super::{Meteos, create, identity, listing, model_action, openapi, remove, version, views};

/// One row.
pub type Route = api_kit::Route<Meteos>;

const GET: &[Method] = &[Method::Get];
const POST: &[Method] = &[Method::Post];
const DELETE: &[Method] = &[Method::Delete];

/// Words of a query of a list that are no columns.
pub(super) const LIST: &[&str] = &[
    "limit", "offset", "marker", "sort_key", "sort_dir", "sort_by",
];

/// A route that everybody may ask.
const fn about(
    path: &'static str,
    action: Action,
    summary: &'static str,
    handler: Handler<Meteos>,
) -> Route {
    Route::new(GET, path, summary, action, handler).open()
}

const fn of_collection(
    methods: &'static [Method],
    path: &'static str,
    action: Action,
    summary: &'static str,
    handler: Handler<Meteos>,
) -> Route {
    Route::new(methods, path, summary, action, handler)
}

/// The five routes of a collection, by its number, its name in paths, and its words for many and for one.
macro_rules! collection {
    ($number:literal, $path:literal, $many:literal, $one:literal) => {{
        const COLLECTION: &Collection = &COLLECTIONS[$number];
        const ROWS: &[Route] = &[
            of_collection(
                POST,
                concat!("/v1/{project}/", $path),
                Action::Create(COLLECTION),
                concat!("makes a ", $one),
                call!(create::create),
            ),
            of_collection(
                GET,
                concat!("/v1/{project}/", $path),
                Action::List(COLLECTION, false),
                concat!("lists ", $many),
                call!(listing::list),
            )
            .query(LIST),
            of_collection(
                GET,
                concat!("/v1/{project}/", $path, "/detail"),
                Action::List(COLLECTION, true),
                concat!("lists ", $many, " in detail"),
                call!(listing::list),
            )
            .query(LIST),
            of_collection(
                GET,
                concat!("/v1/{project}/", $path, "/{id}"),
                Action::Show(COLLECTION),
                concat!("shows a ", $one),
                call!(views::show),
            ),
            of_collection(
                DELETE,
                concat!("/v1/{project}/", $path, "/{id}"),
                Action::Delete(COLLECTION),
                concat!("deletes a ", $one),
                call!(remove::remove),
            )
            .success(202),
        ];
        ROWS
    }};
}

const VERSIONS: &[Route] = &[
    about(
        "/",
        Action::Versions,
        "the versions of the API",
        Handler::Request(|api, route, request| Box::pin(version::versions(api, route, request))),
    )
    .success(300),
    about(
        "/v1/",
        Action::Versions,
        "the versions of the API",
        Handler::Request(|api, route, request| Box::pin(version::versions(api, route, request))),
    ),
];

const REST: &[Route] = &[
    of_collection(
        POST,
        "/v1/{project}/models/{id}/action",
        Action::Act,
        "loads (os-load), unloads (os-unload) or learns a model anew (os-recreate)",
        call!(model_action::act),
    ),
    about(
        "/meteos/openapi.json",
        Action::Document,
        "this API as an OpenAPI document",
        request!(openapi::document),
    ),
    about(
        "/meteos/docs",
        Action::Page,
        "the same as a page for people",
        request!(openapi::page),
    ),
    about(
        "/identity/v3",
        Action::Identity,
        "the version of the identity service, where it is switched on",
        request!(identity::version),
    ),
    Route::new(
        POST,
        "/identity/v3/auth/tokens",
        "gives a token out",
        Action::Token,
        request!(identity::token),
    )
    .success(201)
    .open(),
];

const GROUPS: &[&[Route]] = &[
    VERSIONS,
    collection!(0, "templates", "templates", "template"),
    collection!(1, "experiments", "experiments", "experiment"),
    collection!(2, "datasets", "datasets", "dataset"),
    collection!(3, "models", "models", "model"),
    collection!(
        4,
        "model_evaluations",
        "model evaluations",
        "model evaluation"
    ),
    collection!(5, "learnings", "learnings", "learning"),
    collection!(6, "jobs", "jobs", "job"),
    REST,
];

/// Every route.
pub static ROUTES: &[Route] = &joined::<Meteos, { count(GROUPS) }>(GROUPS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_collection_has_the_routes_of_its_name() {
        for route in ROUTES {
            let collection = match route.mark {
                Action::Create(collection)
                | Action::List(collection, _)
                | Action::Show(collection)
                | Action::Delete(collection) => collection,
                _ => continue,
            };
            assert_eq!(
                route.path.split('/').nth(3),
                Some(collection.plural),
                "{}",
                route.path
            );
            let one = collection.singular.replace('_', " ");
            assert!(route.summary.contains(&one), "{}", route.summary);
        }
    }
}
