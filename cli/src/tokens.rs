//! `fedflow tokens`: bearer tokens for people and programs at a REST endpoint.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;
use vocabulary::{Clock, ErrorCode, Fault, PartyId, SystemClock, Timestamp};

use crate::say;

/// What to do with tokens.
#[derive(Subcommand)]
pub(crate) enum TokensCommand {
    /// Make a token: it is shown once; the settings of the REST endpoint hold its hash only.
    New {
        /// The party whose user will hold it.
        #[arg(long, required_unless_present = "operator")]
        party: Option<String>,
        /// The coordinator's operator will hold it: it may do everything there.
        #[arg(long, conflicts_with = "party")]
        operator: bool,
        /// What it is for.
        #[arg(long)]
        name: Option<String>,
        /// Days until it ends.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3660))]
        days: u32,
        /// The file that the REST endpoint's setting `access.file` names: the entry is added to it. Otherwise it is shown, for the settings.
        #[arg(long)]
        into: Option<PathBuf>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

impl TokensCommand {
    /// Whether the answer shall be JSON.
    pub(crate) fn is_json(&self) -> bool {
        let Self::New { json, .. } = self;
        *json
    }
}

/// Does it.
pub(crate) fn run(command: &TokensCommand) -> Result<()> {
    let TokensCommand::New {
        party,
        operator,
        name,
        days,
        into,
        json,
    } = command;
    let token = rest::access::token::fresh()?;
    let sha256 = rest::access::token::sha256(&token);
    let expires = day_in(*days)?;
    let holder = match party {
        Some(party) => format!("party = \"{}\"", PartyId::new(party.as_str())?),
        None => format!("operator = {operator}"),
    };
    let section = if into.is_some() {
        "[[tokens]]"
    } else {
        "[[access.tokens]]"
    };
    let mut lines = vec![section.to_owned()];
    lines.extend(
        name.as_ref()
            .map(|name| format!("name = {}", toml::Value::from(name.as_str()))),
    );
    lines.extend([
        format!("sha256 = \"{sha256}\""),
        holder,
        format!("expires = \"{expires}\"\n"),
    ]);
    let entry = lines.join("\n");
    if let Some(file) = into {
        add(file, &entry)?;
    }
    if *json {
        say::value(
            &json!({"token": token.expose(), "sha256": sha256, "expires": expires, "entry": entry}),
        );
        return Ok(());
    }
    say::line(format!(
        "the token, shown this once:\n\n{}\n",
        token.expose()
    ));
    match into {
        Some(file) => say::line(format!(
            "its entry is in {}; the REST endpoint reads it within seconds",
            file.display()
        )),
        None => say::line(format!("for the settings of the REST endpoint:\n\n{entry}")),
    }
    Ok(())
}

/// Adds an entry to a file that its owner alone can read, with one write.
fn add(file: &Path, entry: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        Fault::new(
            ErrorCode::FileUnreadable,
            format!("{} cannot be written: {error}", file.display()),
        )
    };
    let mut open = std::fs::OpenOptions::new();
    let mut open = open
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)
        .map_err(failed)?;
    open.write_all(format!("\n{entry}").as_bytes())
        .map_err(failed)?;
    Ok(())
}

/// The date in so many days, UTC.
fn day_in(days: u32) -> Result<String> {
    let then = SystemClock
        .now()
        .plus_millis(i64::from(days) * Timestamp::DAY_MILLIS);
    let day =
        time::OffsetDateTime::from_unix_timestamp(then.millis() / 1_000).map_err(|error| {
            Fault::new(
                ErrorCode::Internal,
                format!("no date in {days} days: {error}"),
            )
        })?;
    Ok(day.date().to_string())
}
