//! FATE-Flow's REST API, version 1, as the coordinator serves it.
//!
//! `routes` is the table of what is served; each other file answers one group of its rows. Requests that touch rows are
//! handed to the agent of the party that owns them (`rows`).

mod archive;
mod caller;
mod checkpoint;
mod component;
mod coverage;
mod dag;
mod data;
mod docs_page;
mod failure;
mod fields;
mod info;
mod job;
mod job_list;
mod job_query;
mod job_row;
mod job_view;
mod log;
mod mark;
mod metric;
mod migrate;
mod model_deploy;
mod model_exchange;
mod model_foreign;
mod model_query;
mod model_tag;
mod openapi;
mod output;
mod pages;
mod permission;
mod reply;
mod report;
mod request;
mod resource;
mod routes;
mod routing;
mod rows;
mod schedule;
mod server;
mod serving;
mod status;
mod submit;
mod table;
mod table_more;
mod task;
mod task_row;
mod template;
mod tracking;
mod upload;
mod upload_history;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use api_kit::Rows;
use rest::Access;
use service::{Coordinator, Principal};

pub use api_kit::Method;
pub use coverage::coverage;
pub use mark::{Kind, Mark, Status};
pub use openapi::openapi;
pub use routes::{ROUTES, Route};
pub use routing::router;

/// What the API says of where it runs.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// Who stands at the coordinator's own REST endpoint. Callers that come through a party's REST endpoint are that party's users.
    pub principal_at_endpoint: Principal,
    /// Where a FATE-Board is, as `http://host:port`; shown in replies, never called.
    pub board: Option<String>,
    /// The folder under which replies say that documents and logs of jobs are.
    pub folder: String,
    /// The REST endpoint's own host and port, for `info/common`.
    pub address: (String, u16),
    /// The check at the REST endpoint, of which health tells what is wrong with its entries.
    pub access: Option<Access>,
    /// The disk on which the daemon must be able to write, of which health tells, too.
    pub disk: Option<daemon::Disk>,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            principal_at_endpoint: Principal::anyone(),
            board: None,
            folder: "fedflow".to_owned(),
            address: ("127.0.0.1".to_owned(), 9380),
            access: None,
            disk: None,
        }
    }
}

/// The API: the coordinator seen through FATE-Flow's eyes. A cheap handle.
#[derive(Clone)]
pub struct FateFlow {
    inner: Arc<Inner>,
}

struct Inner {
    coordinator: Coordinator,
    rows: Arc<dyn Rows>,
    options: ApiOptions,
}

impl FateFlow {
    /// An API of this coordinator; requests for rows go through `rows`.
    pub fn new(coordinator: Coordinator, rows: Arc<dyn Rows>, options: ApiOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                coordinator,
                rows,
                options,
            }),
        }
    }

    fn coordinator(&self) -> &Coordinator {
        &self.inner.coordinator
    }

    fn rows(&self) -> &dyn Rows {
        self.inner.rows.as_ref()
    }

    fn options(&self) -> &ApiOptions {
        &self.inner.options
    }
}
