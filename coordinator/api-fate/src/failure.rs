//! Errors of the service in FATE's form.

use rest::Failure;
use service::ServiceError;

/// An error of the service as an envelope.
pub(super) fn fail(error: ServiceError) -> Failure {
    Failure::from(error.fault())
}
