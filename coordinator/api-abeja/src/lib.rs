//! ABEJA's API over the coordinator: runs of deployments, training models, and the files of channels. A run is a predict job,
//! a training model a version of a model, a channel's file a file at the tenant's home party.
//!
//! `routes.rs` is the list of what is served; the router, the coverage page, the OpenAPI document and the tests are made from it.

mod again;
mod agents;
mod channel;
mod coverage;
mod definition;
mod deployment;
mod fields;
mod file;
mod lines;
mod model;
mod once;
mod openapi;
mod party_lines;
mod place;
mod reply;
mod request;
mod routes;
mod routing;
mod run;
mod times;
mod training_job;
mod version;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use service::Coordinator;

use api_kit::{ApiContext, Authenticator, Rows};
pub use coverage::coverage;
pub use openapi::openapi;
pub use routes::{ROUTES, Route};

use once::Once;

/// The API: the coordinator seen through ABEJA's eyes. A cheap handle.
#[derive(Clone)]
pub struct Abeja {
    inner: Arc<Inner>,
}

struct Inner {
    context: ApiContext,
    once: Once,
}

impl Abeja {
    fn coordinator(&self) -> &Coordinator {
        &self.inner.context.coordinator
    }

    fn rows(&self) -> &dyn Rows {
        self.inner.context.rows.as_ref()
    }

    fn authenticator(&self) -> &Authenticator {
        &self.inner.context.authenticator
    }

    fn once(&self) -> &Once {
        &self.inner.once
    }
}

/// The API as a router: every path below `/organizations/` and `/channels/`.
pub fn router(context: ApiContext) -> axum::Router {
    routing::router(&Abeja {
        inner: Arc::new(Inner {
            context,
            once: Once::default(),
        }),
    })
}
