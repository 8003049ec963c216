//! `fedflow certs`: the federation's root, its parties' certificates, and what is wrong with them.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use pki::{Authority, Existing, IssueOptions, Kind, Profile, RevocationReason, Target, Validity};
use serde_json::json;
use vocabulary::{Clock, ErrorCode, Fault, PartyId, SystemClock};

use crate::say;

/// What to do with certificates.
#[derive(Subcommand)]
pub(crate) enum CertsCommand {
    /// Make the root of a new federation.
    Init {
        /// Where the root, its key and its ledger are kept.
        #[arg(long)]
        dir: PathBuf,
        /// The federation's name.
        #[arg(long)]
        name: String,
        /// Lifetimes (TOML); see certs/profile.toml.
        #[arg(long)]
        profile: Option<PathBuf>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a key and a certificate for a party's daemon.
    Issue {
        /// The authority's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The party.
        #[arg(long)]
        party: String,
        /// agent, coordinator or user.
        #[arg(long)]
        kind: Kind,
        /// Where key and certificate go.
        #[arg(long)]
        out: PathBuf,
        /// Days until it expires; the profile's when it is not given.
        #[arg(long)]
        days: Option<u32>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// At a party: make a key that never leaves, and a request for a certificate.
    Request {
        /// The party.
        #[arg(long)]
        party: String,
        /// agent, coordinator or user.
        #[arg(long)]
        kind: Kind,
        /// Where key and request go.
        #[arg(long)]
        out: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// At the authority: sign a party's request.
    Sign {
        /// The authority's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The party.
        #[arg(long)]
        party: String,
        /// agent, coordinator or user.
        #[arg(long)]
        kind: Kind,
        /// The request.
        #[arg(long)]
        request: PathBuf,
        /// Where the certificate, the root and the revocation list go.
        #[arg(long)]
        out: PathBuf,
        /// Days until it expires; the profile's when it is not given.
        #[arg(long)]
        days: Option<u32>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Replace a certificate (and its key) before it expires.
    Renew {
        /// The authority's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The folder of the identity.
        #[arg(long)]
        identity: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a certificate back: it goes on the revocation list.
    Revoke {
        /// The authority's folder.
        #[arg(long)]
        dir: PathBuf,
        /// All certificates of this party.
        #[arg(long, conflicts_with = "serial", required_unless_present = "serial")]
        party: Option<String>,
        /// The certificate with this serial number.
        #[arg(long)]
        serial: Option<String>,
        /// Why: unspecified, key_compromise, affiliation_changed, superseded, cessation_of_operation.
        #[arg(long, default_value = "unspecified")]
        reason: RevocationReason,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Sign the revocation list anew, before it expires.
    Refresh {
        /// The authority's folder.
        #[arg(long)]
        dir: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// At a party: put a newer revocation list in place.
    InstallList {
        /// The folder of the identity.
        #[arg(long)]
        identity: PathBuf,
        /// The list (PEM).
        #[arg(long)]
        list: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what a certificate or an identity's folder holds, and what is wrong with it.
    Inspect {
        /// A certificate or a folder.
        path: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

impl CertsCommand {
    /// Whether the answer shall be JSON.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Init { json, .. }
            | Self::Issue { json, .. }
            | Self::Request { json, .. }
            | Self::Sign { json, .. }
            | Self::Renew { json, .. }
            | Self::Revoke { json, .. }
            | Self::Refresh { json, .. }
            | Self::InstallList { json, .. }
            | Self::Inspect { json, .. } => *json,
        }
    }
}

/// Does it.
pub(crate) fn run(command: &CertsCommand) -> Result<()> {
    let json = command.is_json();
    match command {
        CertsCommand::Init {
            dir, name, profile, ..
        } => {
            let profile = profile
                .as_deref()
                .map_or_else(|| Ok(Profile::default()), Profile::load)
                .map_err(Fault::from)?;
            Authority::init(dir, name, &profile).map_err(Fault::from)?;
            done(
                json,
                &format!("federation {name}: root and key in {}", dir.display()),
                json!({"federation": name, "dir": dir}),
            );
        }
        CertsCommand::Issue {
            dir,
            party,
            kind,
            out,
            days,
            ..
        } => {
            let options = IssueOptions {
                validity: validity(*days),
                existing: Existing::Refuse,
            };
            let mut authority = Authority::open(dir).map_err(Fault::from)?;
            authority
                .issue(&PartyId::new(party.as_str())?, *kind, out, &options)
                .map_err(Fault::from)?;
            done(
                json,
                &format!("{kind} {party}: identity in {}", out.display()),
                json!({"party": party, "out": out}),
            );
        }
        CertsCommand::Request {
            party, kind, out, ..
        } => {
            pki::request(&PartyId::new(party.as_str())?, *kind, out, Existing::Refuse)
                .map_err(Fault::from)?;
            let text = format!(
                "send {} to the authority; the key stays in {}",
                out.join("request.csr").display(),
                out.display()
            );
            done(
                json,
                &text,
                json!({"party": party, "request": out.join("request.csr")}),
            );
        }
        CertsCommand::Sign {
            dir,
            party,
            kind,
            request,
            out,
            days,
            ..
        } => {
            let request = read(request)?;
            let mut authority = Authority::open(dir).map_err(Fault::from)?;
            let party_id = PartyId::new(party.as_str())?;
            let issued = authority
                .sign_request(&request, &party_id, *kind, validity(*days))
                .map_err(Fault::from)?;
            issued.write_to(out).map_err(Fault::from)?;
            done(
                json,
                &format!("{kind} {party}: certificate in {}", out.display()),
                json!({"party": party, "out": out}),
            );
        }
        CertsCommand::Renew { dir, identity, .. } => {
            Authority::open(dir)
                .and_then(|mut authority| authority.renew(identity, None))
                .map_err(Fault::from)?;
            done(
                json,
                &format!("renewed {}", identity.display()),
                json!({"identity": identity}),
            );
        }
        CertsCommand::Revoke {
            dir,
            party,
            serial,
            reason,
            ..
        } => {
            let target = match (party, serial) {
                (Some(party), _) => Target::Party(PartyId::new(party.as_str())?),
                (None, Some(serial)) => Target::Serial(serial.clone()),
                (None, None) => {
                    return Err(Fault::new(
                        ErrorCode::RequestInvalid,
                        "say which: --party or --serial",
                    )
                    .into());
                }
            };
            let mut authority = Authority::open(dir).map_err(Fault::from)?;
            let serials = authority.revoke(&target, *reason).map_err(Fault::from)?;
            let text = format!(
                "revoked {}; bring {} to every party",
                serials.join(", "),
                dir.join("revoked.crl").display()
            );
            done(json, &text, json!({"revoked": serials}));
        }
        CertsCommand::Refresh { dir, .. } => {
            Authority::open(dir)
                .and_then(|mut authority| authority.refresh_revocations())
                .map_err(Fault::from)?;
            done(
                json,
                &format!("signed {} anew", dir.join("revoked.crl").display()),
                json!({"dir": dir}),
            );
        }
        CertsCommand::InstallList { identity, list, .. } => {
            pki::install_revocations(identity, &read(list)?).map_err(Fault::from)?;
            done(
                json,
                &format!("the list is in {}", identity.display()),
                json!({"identity": identity}),
            );
        }
        CertsCommand::Inspect { path, .. } => inspect(path, json)?,
    }
    Ok(())
}

fn validity(days: Option<u32>) -> Option<Validity> {
    days.map(|days| Validity::days_from(SystemClock.now(), days))
}

fn read(path: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Fault::new(
            ErrorCode::FileUnreadable,
            format!("{} cannot be read: {error}", path.display()),
        )
        .into()
    })
}

fn done(json: bool, text: &str, value: serde_json::Value) {
    if json {
        say::value(&value)
    } else {
        say::line(text)
    }
}

fn inspect(path: &std::path::Path, json: bool) -> Result<()> {
    let facts = pki::inspect(path).map_err(Fault::from)?;
    if json {
        say::value(&serde_json::to_value(&facts)?);
        return Ok(());
    }
    for one in &facts {
        say::line(serde_json::to_string_pretty(one)?);
    }
    Ok(())
}
