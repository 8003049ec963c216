//! What the REST endpoints of both daemons share: serving, who may come in, proxying, FATE's envelope, archives, and the upload request.
//!
//! A REST endpoint is a router, this crate is its frame. Of jobs it knows the requests for those of one step (`local_jobs`), because both
//! daemons must read them alike.
#![deny(missing_docs)]

pub mod access;
pub mod dialect;
pub mod fate_reply;
pub mod fields;
pub mod form;
pub mod lenient;
pub mod local_jobs;
pub mod proxy;
pub mod serve;
pub mod table_reply;
pub mod targz;
pub mod tee;
pub mod upload;

pub use access::{Access, AccessSettings, CredentialName, Holder};
pub use dialect::Dialect;
pub use fate_reply::{Answer, Failure, Reply, file_reply};
pub use form::SentForm;
pub use lenient::{Lenient, tolerate_slash};
pub use local_jobs::LocalJob;
pub use proxy::{BodyStream, Forward};
pub use serve::{PAGE_POLICY, ReachedAt, RestServer, ServeError, ServeOptions};
pub use tee::tee;
pub use upload::{Existing, SentFile, UploadConfig, UploadRequest};
