//! Meteos' API: templates, experiments, datasets, models, learnings, evaluations. What it shows stands in the one store of
//! all APIs; the work behind it is done by small jobs.

mod body;
mod call;
mod collection;
mod columns;
mod coverage;
mod create;
mod fault;
mod identity;
mod listing;
mod model_action;
mod openapi;
mod remove;
mod routes;
mod routing;
mod version;
mod views;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use vocabulary::Fault;

use api_kit::ApiContext;

pub use collection::Action;
pub use coverage::coverage;
pub use openapi::openapi;
pub use routes::{ROUTES, Route};
pub use routing::router;

/// What can be chosen about this API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether `/identity/v3` gives out tokens for user names and passwords, as Keystone does.
    pub identity: bool,
}

/// The API. A cheap handle.
#[derive(Clone)]
pub struct Meteos(Arc<Inner>);

struct Inner {
    context: ApiContext,
    options: Options,
}

impl Meteos {
    /// The API with its context.
    pub fn new(context: ApiContext, options: Options) -> Self {
        Self(Arc::new(Inner { context, options }))
    }

    fn coordinator(&self) -> &service::Coordinator {
        &self.0.context.coordinator
    }

    fn context(&self) -> &ApiContext {
        &self.0.context
    }

    fn options(&self) -> Options {
        self.0.options
    }
}

/// A defect inside, as a refusal.
fn internal(fault: Fault) -> fault::Refused {
    service::ServiceError::Internal(fault).into()
}
