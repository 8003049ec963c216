//! `fedflow model`: a party's models as archives, at the party's own REST endpoint.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use archives::{Archive, Subject};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vocabulary::{ErrorCode, Fault, PartyId, Role};

use crate::client::{Client, text};
use crate::endpoint::EndpointArguments;
use crate::say;

/// Which part of which model.
#[derive(Args, Clone)]
pub(crate) struct PartArguments {
    /// The model, such as `arbiter-10000#guest-9999#host-10000#model`.
    #[arg(long)]
    model_id: String,
    /// Its version: the id of the job that made it, or that of the deployment.
    #[arg(long)]
    model_version: String,
    /// The role in which the party has its part.
    #[arg(long)]
    role: Role,
    /// The party.
    #[arg(long)]
    party: PartyId,
}

/// What to do with models.
#[derive(Subcommand)]
pub(crate) enum ModelCommand {
    /// Write a party's part of a model as an archive.
    Export {
        #[command(flatten)]
        part: PartArguments,
        /// The file, or the folder for it.
        #[arg(long, default_value = ".")]
        out: PathBuf,
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// Take an archive in, for the party it was written for.
    Import {
        /// The archive.
        file: PathBuf,
        /// Replace a model that is there.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// List the models that a REST endpoint knows.
    List {
        /// Only this version.
        #[arg(long)]
        model_version: Option<String>,
        #[command(flatten)]
        rest: EndpointArguments,
    },
}

impl ModelCommand {
    fn rest(&self) -> &EndpointArguments {
        match self {
            Self::Export { rest, .. } | Self::Import { rest, .. } | Self::List { rest, .. } => rest,
        }
    }

    /// Whether the answer shall be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.rest().json
    }
}

/// Does it.
pub(crate) async fn run(command: &ModelCommand) -> Result<()> {
    let client = command.rest().client()?;
    let json = command.is_json();
    match command {
        ModelCommand::Export { part, out, .. } => export(&client, part, out, json).await,
        ModelCommand::Import { file, force, .. } => import(&client, file, *force, json).await,
        ModelCommand::List { model_version, .. } => {
            list(&client, model_version.as_deref(), json).await
        }
    }
}

async fn export(client: &Client, part: &PartArguments, out: &Path, json: bool) -> Result<()> {
    let subject = Subject {
        role: part.role,
        party_id: part.party.clone(),
        model_id: part.model_id.clone(),
        model_version: part.model_version.clone(),
    };
    let bytes = client.file("/v1/model/export", &json!(subject)).await?;
    let path = if out.is_dir() {
        out.join(subject.file_name())
    } else {
        out.to_owned()
    };
    tokio::fs::write(&path, &bytes).await.map_err(|error| {
        Fault::new(
            ErrorCode::StorageFull,
            format!("{} cannot be written: {error}", path.display()),
        )
    })?;
    let sha256 = archives::sha256_of(bytes.as_ref())?;
    if json {
        say::value(&json!({"file": path, "bytes": bytes.len(), "sha256": sha256}));
    } else {
        say::line(format!(
            "{} ({} bytes, SHA-256 {sha256})",
            path.display(),
            bytes.len()
        ));
    }
    Ok(())
}

async fn import(client: &Client, file: &Path, force: bool, json: bool) -> Result<()> {
    let content = tokio::fs::read(file).await.map_err(|error| {
        Fault::new(
            ErrorCode::FileUnreadable,
            format!("{} cannot be read: {error}", file.display()),
        )
    })?;
    // Read here, too: the archive says whose it is, and what is torn need not travel.
    let Subject {
        role,
        party_id,
        model_id,
        model_version,
    } = Archive::read(Cursor::new(&content))
        .map_err(Fault::from)?
        .subject;
    let hash = archives::sha256_of(content.as_slice())?;
    let fields = [
        ("model_id", model_id.as_str()),
        ("model_version", model_version.as_str()),
        ("role", role.word()),
        ("party_id", party_id.as_str()),
        ("force_update", if force { "1" } else { "0" }),
        ("hash", hash.as_str()),
    ];
    let data = client
        .send_form("/v1/model/import", &fields, &content)
        .await?;
    if json {
        say::value(&data)
    } else {
        say::line(format!(
            "imported {role} {party_id} of {model_id} {model_version}"
        ))
    }
    Ok(())
}

async fn list(client: &Client, version: Option<&str>, json: bool) -> Result<()> {
    let data = client
        .post("/v1/model/query", &json!({"model_version": version}))
        .await?;
    if json {
        say::value(&data);
        return Ok(());
    }
    let models = data
        .as_array()
        .context("the REST endpoint's answer is not a list")?;
    let cells = |model: &Value| {
        [
            "f_model_version",
            "f_role",
            "f_party_id",
            "f_model_id",
            "f_parent",
            "f_imported",
        ]
        .map(|field| text(model, field))
        .to_vec()
    };
    let rows: Vec<Vec<String>> = models.iter().map(cells).collect();
    say::table(
        &["version", "role", "party", "model", "trained", "imported"],
        &rows,
    );
    Ok(())
}
