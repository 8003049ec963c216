//! `fedflow audit`: what left a party, read from its agent or from the agent's folder, and checked on the way. Needs the memory
//! of one entry, however long the chain is.

mod show;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::Result;
use audit::{AuditError, Head, Line, Lines, Walk};
use clap::{Args, Subcommand};
use serde_json::json;
use vocabulary::{Clock, ErrorCode, Fault, JobId, SystemClock, Timestamp};

use crate::endpoint::EndpointArguments;
use crate::say;

/// The endpoint that gives the chain line by line.
const CHAIN: &str = "/v1/fedflow/audit/chain";

/// Where the chain is.
#[derive(Args, Clone)]
pub(crate) struct Source {
    /// Read the chain in an agent's data folder instead of asking the agent, whether or not it runs.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    rest: EndpointArguments,
}

/// What to do with an audit chain.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Show what left, what was refused, and who asked, oldest first; each entry is checked before it is shown.
    List {
        /// Of one job only.
        #[arg(long)]
        job: Option<JobId>,
        /// From this moment on: 2026-05-01, 2026-05-01T12:00:00Z, or 30m, 2h, 7d ago.
        #[arg(long, value_parser = moment)]
        since: Option<Timestamp>,
        /// Refusals only.
        #[arg(long)]
        refused: bool,
        /// The last so many of them only.
        #[arg(long, value_name = "COUNT")]
        last: Option<usize>,
        #[command(flatten)]
        source: Source,
    },
    /// Check the whole chain, and say how many entries it has and the last one's hash. Note both elsewhere.
    Verify {
        /// An entry and its hash as you noted them earlier: shows a chain that was cut or written anew since.
        #[arg(long = "hash", value_name = "NUMBER:HASH", value_parser = noted)]
        noted: Vec<NotedHash>,
        #[command(flatten)]
        source: Source,
    },
    /// Keep a broken chain beside, and begin a new one that names it. The agent must not run.
    SetAside {
        /// The agent's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

impl AuditCommand {
    /// Whether the answer shall be JSON.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::List { source, .. } | Self::Verify { source, .. } => source.rest.json,
            Self::SetAside { json, .. } => *json,
        }
    }
}

/// A hash that somebody noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotedHash {
    number: u64,
    hash: String,
}

fn noted(text: &str) -> Result<NotedHash, String> {
    let parts = text
        .split_once(':')
        .and_then(|(number, hash)| Some((number.parse().ok()?, hash)));
    let (number, hash) = parts.ok_or("it is NUMBER:HASH, as `fedflow audit verify` prints them")?;
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("the hash has 64 digits of 0 to 9 and a to f".to_owned());
    }
    Ok(NotedHash {
        number,
        hash: hash.to_ascii_lowercase(),
    })
}

fn moment(text: &str) -> Result<Timestamp, String> {
    moment_before(text, SystemClock.now())
        .ok_or_else(|| "it is a date, a moment (RFC 3339), or such as 2h".to_owned())
}

fn moment_before(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(moment) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(Timestamp(moment.timestamp_micros()));
    }
    if let Ok(day) = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(Timestamp(
            day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros(),
        ));
    }
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
    Some(now.plus_millis(-1_000 * seconds * i64::from(count)))
}

/// Does it.
pub(crate) async fn run(command: &AuditCommand) -> Result<()> {
    match command {
        AuditCommand::List {
            job,
            since,
            refused,
            last,
            source,
        } => {
            let wanted = EntryFilter {
                job: job.clone(),
                since: *since,
                refused: *refused,
            };
            list(&wanted, *last, source).await
        }
        AuditCommand::Verify { noted, source } => verify(noted, source).await,
        AuditCommand::SetAside { data, json } => set_aside(data, *json),
    }
}

/// Hands every line over that fits, from wherever; gives how far the chain goes.
async fn each(source: &Source, mut take: impl FnMut(&Line<'_>) -> Result<()>) -> Result<Head> {
    if let Some(data) = &source.data {
        let mut walk = Walk::open(&chain_in(data)?).map_err(Fault::from)?;
        while let Some(line) = walk.step().map_err(Fault::from)? {
            take(&line)?;
        }
        let (rest, _) = walk.finish().map_err(Fault::from)?;
        if rest > 0 {
            say::remark(format!(
                "{rest} bytes of a write that is under way, or did not end, follow the last entry"
            ));
        }
        return Ok(walk.head().clone());
    }
    let mut lines = Lines::default();
    let check = |line: &str| take(&lines.check(line).map_err(Fault::from)?);
    source.rest.client()?.lines(CHAIN, check).await?;
    Ok(lines.head().clone())
}

/// The chain's own folder: in a data folder, or that folder itself.
fn chain_in(data: &Path) -> Result<PathBuf> {
    let within = data.join("audit");
    let folder = if within.is_dir() {
        within
    } else {
        data.to_owned()
    };
    if audit::is_chain(&folder).map_err(Fault::from)? {
        return Ok(folder);
    }
    Err(Fault::from(AuditError::Missing(data.to_owned())).into())
}

/// Which entries are shown.
struct EntryFilter {
    job: Option<JobId>,
    since: Option<Timestamp>,
    refused: bool,
}

impl EntryFilter {
    fn has(&self, line: &Line<'_>) -> bool {
        if self.since.is_some_and(|since| line.at < since) {
            return false;
        }
        // Without a wish about its content an entry need not be read, and one of a newer version is
        // shown, too.
        if self.job.is_none() && !self.refused {
            return true;
        }
        let Ok(entry) = line.entry() else {
            return false;
        };
        self.job.as_ref().is_none_or(|job| entry.job() == Some(job))
            && (!self.refused || entry.refused_by().is_some())
    }
}

async fn list(wanted: &EntryFilter, last: Option<usize>, source: &Source) -> Result<()> {
    let json = source.rest.json;
    let mut kept = VecDeque::new();
    let shown = each(source, |line| {
        if !wanted.has(line) {
            return Ok(());
        }
        match last {
            None if json => say::line(as_json(line)),
            None => say::line(show::text(line)),
            // Texts are kept, not entries: lines borrow from a buffer that the next one overwrites.
            Some(last) => {
                kept.push_back(as_json(line));
                if kept.len() > last {
                    kept.pop_front();
                }
            }
        }
        Ok(())
    })
    .await;
    // Also when the chain breaks: what fitted up to there is still worth seeing.
    for text in &kept {
        match Line::parse(text) {
            Some(line) if !json => say::line(show::text(&line)),
            _ => say::line(text),
        }
    }
    shown.map(|_| ())
}

/// The entry as it stands in the chain.
fn as_json(line: &Line<'_>) -> String {
    let mut text = String::new();
    line.write(&mut text);
    text.truncate(text.trim_end().len());
    text
}

async fn verify(noted: &[NotedHash], source: &Source) -> Result<()> {
    let mut found: BTreeMap<u64, Option<String>> =
        noted.iter().map(|noted| (noted.number, None)).collect();
    let mut fits = Head::default();
    let checked = each(source, |line| {
        if let Some(found) = found.get_mut(&line.number) {
            *found = Some(line.hash.to_owned());
        }
        fits.number = line.number;
        line.hash.clone_into(&mut fits.hash);
        Ok(())
    })
    .await;
    // Said also when the chain breaks later: up to there it is the one that was noted, or not.
    let noted: Vec<String> = noted
        .iter()
        .filter_map(|noted| differs(noted, &found, checked.is_ok(), &fits))
        .collect();
    if let Err(error) = checked {
        say::remark(format!(
            "{} entries fit; the hash of the last one is {}",
            fits.number, fits.hash
        ));
        noted.iter().for_each(say::remark);
        return Err(error);
    }
    if !noted.is_empty() {
        let next = "trust what you noted: ask who could write the agent's folder, and look for a backup of it";
        return Err(Fault::new(ErrorCode::AuditBroken, noted.join("; "))
            .next(next)
            .into());
    }
    if source.rest.json {
        say::value(
            &json!({"entries": fits.number, "hash": fits.hash, "intact": true, "noted": found.len()}),
        );
    } else {
        say::line(format!("{} entries, each fits the one before", fits.number));
        found
            .keys()
            .for_each(|number| say::line(format!("entry {number} is the one that was noted")));
        say::line(format!("{}:{}", fits.number, fits.hash));
    }
    Ok(())
}

/// How the chain differs from what somebody noted, if it does.
fn differs(
    noted: &NotedHash,
    found: &BTreeMap<u64, Option<String>>,
    whole: bool,
    fits: &Head,
) -> Option<String> {
    let NotedHash { number, hash } = noted;
    match found.get(number).and_then(Option::as_ref) {
        Some(found) if found == hash => None,
        Some(found) => Some(format!(
            "entry {number} has the hash {found} and not the noted one: it was written anew"
        )),
        None if whole => Some(format!(
            "the chain ends with entry {}: the noted entry {number} is missing, with all since entry {}",
            fits.number,
            fits.number + 1
        )),
        None => Some(format!("the noted entry {number} stands behind the break")),
    }
}

fn set_aside(data: &Path, json: bool) -> Result<()> {
    let done = audit::set_aside(&chain_in(data)?, SystemClock.now()).map_err(Fault::from)?;
    if json {
        let kept = done.kept.display().to_string();
        say::value(
            &json!({"kept": kept, "entries": done.head.number, "hash": done.head.hash, "why": done.why}),
        );
        return Ok(());
    }
    say::line(format!("{}: kept in {}", done.why, done.kept.display()));
    say::line(format!(
        "{} entries of it fit; the hash of the last one is {}",
        done.head.number, done.head.hash
    ));
    say::line("a new chain begins, and names it; the agent can be started");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_moments() {
        let now = Timestamp(1_000_000_000_000_000);
        let of = |text: &str| moment_before(text, now).map(|moment| moment.0);
        assert_eq!(of("1970-01-02"), Some(86_400_000_000));
        assert_eq!(of("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(of("2h"), Some(now.0 - 7_200_000_000));
        assert_eq!(
            (of("soon"), of(""), of("é"), of("-2h")),
            (None, None, None, None)
        );
    }

    #[test]
    fn says_how_a_chain_differs_from_what_was_noted() {
        let hash = |digit: &str| digit.repeat(64);
        let first = noted(&format!("2:{}", hash("A"))).expect("a hash");
        assert!(
            noted("2").is_err()
                && noted("2:ab").is_err()
                && noted(&format!("x:{}", hash("a"))).is_err()
        );
        let fits = Head {
            number: 3,
            ..Head::default()
        };
        let with = |found: Option<String>| BTreeMap::from([(2, found)]);
        assert_eq!(differs(&first, &with(Some(hash("a"))), true, &fits), None);
        assert!(
            differs(&first, &with(Some(hash("b"))), true, &fits)
                .expect("another")
                .contains("written anew")
        );
        let missing = NotedHash {
            number: 5,
            hash: hash("a"),
        };
        let said = differs(&missing, &BTreeMap::from([(5, None)]), true, &fits).expect("missing");
        assert!(
            said.contains("ends with entry 3") && said.contains("since entry 4"),
            "{said}"
        );
    }
}
