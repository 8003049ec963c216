//! Who asks.

use axum::http::Extensions;
use service::Principal;
use wire::agent_link::Caller;

use super::FateFlow;

pub(super) fn caller_of(extensions: &Extensions) -> Caller {
    let caller = extensions.get::<Caller>();
    caller.cloned().unwrap_or(Caller::Outsider)
}

/// Who stands behind a caller, with the ticket that came with the request.
pub(super) fn principal_of(api: &FateFlow, caller: &Caller, extensions: &Extensions) -> Principal {
    api_kit::principal_of(caller, &api.options().principal_at_endpoint, extensions)
}
