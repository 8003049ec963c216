//! `fedflow certs`: the federation's root, its parties' certificates, and what is wrong with them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use pki::{Authority, Existing, IssueOptions, Kind, Profile, RevocationReason, Target, Validity};
use serde_json::{Value, json};
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

/// What was done, for a person and for a program.
type Outcome = (String, Value);

/// Does it.
pub(crate) fn run(command: &CertsCommand) -> Result<()> {
    let (text, value) = match command {
        CertsCommand::Init {
            dir, name, profile, ..
        } => init(dir, name, profile.as_deref())?,
        CertsCommand::Issue {
            dir,
            party,
            kind,
            out,
            days,
            ..
        } => issue(dir, party, *kind, out, *days)?,
        CertsCommand::Request {
            party, kind, out, ..
        } => request_identity(party, *kind, out)?,
        CertsCommand::Sign {
            dir,
            party,
            kind,
            request,
            out,
            days,
            ..
        } => sign(dir, party, *kind, &read(request)?, out, *days)?,
        CertsCommand::Renew { dir, identity, .. } => {
            Authority::open(dir)
                .and_then(|mut authority| authority.renew(identity, None))
                .map_err(Fault::from)?;
            (
                format!("renewed {}", identity.display()),
                json!({"identity": identity}),
            )
        }
        CertsCommand::Revoke {
            dir,
            party,
            serial,
            reason,
            ..
        } => revoke(dir, &target(party.as_deref(), serial.as_deref())?, *reason)?,
        CertsCommand::Refresh { dir, .. } => {
            Authority::open(dir)
                .and_then(|mut authority| authority.refresh_revocations())
                .map_err(Fault::from)?;
            (
                format!("signed {} anew", dir.join("revoked.crl").display()),
                json!({"dir": dir}),
            )
        }
        CertsCommand::InstallList { identity, list, .. } => {
            pki::install_revocations(identity, &read(list)?).map_err(Fault::from)?;
            (
                format!("the list is in {}", identity.display()),
                json!({"identity": identity}),
            )
        }
        CertsCommand::Inspect { path, .. } => return inspect(path, command.is_json()),
    };
    done(command.is_json(), &text, &value);
    Ok(())
}

fn init(dir: &Path, name: &str, profile: Option<&Path>) -> Result<Outcome> {
    let profile = profile
        .map_or_else(|| Ok(Profile::default()), Profile::load)
        .map_err(Fault::from)?;
    Authority::init(dir, name, &profile).map_err(Fault::from)?;
    Ok((
        format!("federation {name}: root and key in {}", dir.display()),
        json!({"federation": name, "dir": dir}),
    ))
}

fn issue(dir: &Path, party: &str, kind: Kind, out: &Path, days: Option<u32>) -> Result<Outcome> {
    let options = IssueOptions {
        validity: validity(days),
        existing: Existing::Refuse,
    };
    let mut authority = Authority::open(dir).map_err(Fault::from)?;
    authority
        .issue(&PartyId::new(party)?, kind, out, &options)
        .map_err(Fault::from)?;
    Ok((
        format!("{kind} {party}: identity in {}", out.display()),
        json!({"party": party, "out": out}),
    ))
}

fn request_identity(party: &str, kind: Kind, out: &Path) -> Result<Outcome> {
    pki::request(&PartyId::new(party)?, kind, out, Existing::Refuse).map_err(Fault::from)?;
    let request = out.join("request.csr");
    let text = format!(
        "send {} to the authority; the key stays in {}",
        request.display(),
        out.display()
    );
    Ok((text, json!({"party": party, "request": request})))
}

fn sign(
    dir: &Path,
    party: &str,
    kind: Kind,
    request: &str,
    out: &Path,
    days: Option<u32>,
) -> Result<Outcome> {
    let mut authority = Authority::open(dir).map_err(Fault::from)?;
    let issued = authority
        .sign_request(request, &PartyId::new(party)?, kind, validity(days))
        .map_err(Fault::from)?;
    issued.write_to(out).map_err(Fault::from)?;
    Ok((
        format!("{kind} {party}: certificate in {}", out.display()),
        json!({"party": party, "out": out}),
    ))
}

fn target(party: Option<&str>, serial: Option<&str>) -> Result<Target> {
    match (party, serial) {
        (Some(party), _) => Ok(Target::Party(PartyId::new(party)?)),
        (None, Some(serial)) => Ok(Target::Serial(serial.to_owned())),
        (None, None) => {
            Err(Fault::new(ErrorCode::RequestInvalid, "say which: --party or --serial").into())
        }
    }
}

fn revoke(dir: &Path, target: &Target, reason: RevocationReason) -> Result<Outcome> {
    let mut authority = Authority::open(dir).map_err(Fault::from)?;
    let serials = authority.revoke(target, reason).map_err(Fault::from)?;
    let text = format!(
        "revoked {}; bring {} to every party",
        serials.join(", "),
        dir.join("revoked.crl").display()
    );
    Ok((text, json!({"revoked": serials})))
}

fn validity(days: Option<u32>) -> Option<Validity> {
    days.map(|days| Validity::days_from(SystemClock.now(), days))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Fault::new(
            ErrorCode::FileUnreadable,
            format!("{} cannot be read: {error}", path.display()),
        )
        .into()
    })
}

fn done(json: bool, text: &str, value: &Value) {
    if json {
        say::value(value)
    } else {
        say::line(text)
    }
}

fn inspect(path: &Path, json: bool) -> Result<()> {
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
