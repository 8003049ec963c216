//! Where a command asks, and as whom.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::access::{Credential, CredentialOptions};
use crate::client::Client;

/// Where to ask.
#[derive(Args, Clone)]
pub(crate) struct EndpointArguments {
    /// The REST endpoint: a party's own, or the coordinator's.
    #[arg(long, default_value = "http://127.0.0.1:9380", env = "FEDFLOW_REST")]
    pub(crate) rest: String,
    /// The file with the credentials of a local federation: the `access` of `fedflow up`'s ready line, DIR/access.json. Or the
    /// variable FEDFLOW_ACCESS.
    #[arg(long, value_name = "FILE")]
    access: Option<PathBuf>,
    /// The bearer token, where the REST endpoint asks who comes. Other users of this machine see arguments: the variable FEDFLOW_TOKEN is
    /// hidden from them. Arguments count before variables, and a token before a file.
    #[arg(long)]
    token: Option<String>,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl EndpointArguments {
    /// A client of that REST endpoint.
    pub(crate) fn client(&self) -> Result<Client> {
        let told = CredentialOptions {
            token: self.token.clone(),
            access: self.access.clone(),
            token_variable: std::env::var_os("FEDFLOW_TOKEN"),
            access_variable: std::env::var_os("FEDFLOW_ACCESS"),
        };
        Ok(Client::new(&self.rest, Credential::chosen(told)?))
    }
}
