//! `fedflow policy`: what is wrong with a policy file, what it allows in words, and what it says of a job. Nothing is asked
//! and nothing runs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use policy::Policy;
use serde_json::{Value, json};
use vocabulary::{Clock, PartyId, SystemClock};

use crate::say;

/// What to do with a policy file.
#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Find everything that is wrong with a policy file, with line, path and the nearest name.
    Check {
        /// The policy (TOML).
        file: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what the policy of a party would make of a job: allowed, refused, disclosed, line by line.
    Test {
        /// The policy (TOML).
        file: PathBuf,
        /// The job's runtime conf (JSON).
        #[arg(long, value_name = "CONF")]
        job: PathBuf,
        /// The job's DSL (JSON).
        #[arg(long)]
        dsl: Option<PathBuf>,
        /// Whose policy it is; without, it is judged as that of each party of the job but the initiator's.
        #[arg(long)]
        party: Vec<PartyId>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say in words what a policy allows to whom.
    Explain {
        /// The policy (TOML).
        file: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

impl PolicyCommand {
    /// Whether the answer shall be JSON.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Check { json, .. } | Self::Test { json, .. } | Self::Explain { json, .. } => {
                *json
            }
        }
    }
}

/// Does it. What is wrong, and a job that is refused, end the program with status 1.
pub(crate) fn run(command: &PolicyCommand) -> Result<()> {
    match command {
        PolicyCommand::Check { file, json } => check(file, *json),
        PolicyCommand::Test {
            file,
            job,
            dsl,
            party,
            json,
        } => {
            let read = |path: &PathBuf| -> Result<Value> {
                let text = text_of(path)?;
                serde_json::from_str(&text)
                    .with_context(|| format!("{} is not JSON", path.display()))
            };
            let (conf, dsl) = (
                read(job)?,
                dsl.as_ref()
                    .map(read)
                    .transpose()?
                    .unwrap_or_else(|| json!({})),
            );
            test(file, (&dsl, &conf), party, *json)
        }
        PolicyCommand::Explain { file, json } => explain(file, *json),
    }
}

fn text_of(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Everything that is wrong with the file, a line for each.
fn wrong_with(file: &Path) -> Result<Vec<policy::Problem>> {
    let components = party_agent::component_names();
    Ok(policy::check_text(&text_of(file)?, &components))
}

fn check(file: &Path, as_json: bool) -> Result<()> {
    let problems = wrong_with(file)?;
    if as_json {
        let shown: Vec<Value> = problems.iter().map(|problem| {
            json!({"line": problem.line, "path": problem.path, "message": problem.message, "next": problem.next})
        }).collect();
        say::value(&json!({"problems": shown}));
    } else {
        problems
            .iter()
            .for_each(|problem| say::line(line_of(file, problem)));
    }
    match problems.len() {
        0 if as_json => Ok(()),
        0 => {
            say::line(format!("{}: nothing is wrong", file.display()));
            Ok(())
        }
        count => Err(anyhow!(
            "{}: {count} {}",
            file.display(),
            if count == 1 { "error" } else { "errors" }
        )),
    }
}

fn line_of(file: &Path, problem: &policy::Problem) -> String {
    let policy::Problem {
        line,
        path,
        message,
        next,
    } = problem;
    let path = if path.is_empty() {
        String::new()
    } else {
        format!("{path}: ")
    };
    let next = next
        .as_ref()
        .map(|next| format!("; {next}"))
        .unwrap_or_default();
    format!(
        "{}:{line}: {path}{}{next}",
        file.display(),
        message.replace('\n', " ")
    )
}

fn load(file: &Path, me: PartyId) -> Result<Policy, vocabulary::Fault> {
    Policy::load(me, file).map_err(Into::into)
}

fn explain(file: &Path, as_json: bool) -> Result<()> {
    // Nothing of it is about the party itself.
    let chapters = load(file, PartyId::new("0")?)?.explain();
    if as_json {
        let shown: Vec<Value> = chapters
            .iter()
            .map(|chapter| json!({"about": chapter.heading, "sentences": chapter.sentences}))
            .collect();
        say::value(&Value::Array(shown));
        return Ok(());
    }
    for chapter in chapters {
        say::line(chapter.heading);
        chapter
            .sentences
            .iter()
            .for_each(|sentence| say::line(format!("  {sentence}")));
    }
    Ok(())
}

fn test(
    file: &Path,
    documents: (&Value, &Value),
    parties: &[PartyId],
    as_json: bool,
) -> Result<()> {
    let rehearsals =
        party_agent::rehearse(|me| load(file, me), documents, parties, SystemClock.now())?;
    let refused = rehearsals
        .iter()
        .filter(|one| one.refused.is_some())
        .count();
    if as_json {
        let remark =
            |of: &party_agent::Remark| json!({"what": of.what, "is": of.word, "why": of.why});
        let shown: Vec<Value> = rehearsals
            .iter()
            .map(|one| {
                let remarks: Vec<Value> = one.remarks.iter().map(remark).collect();
                json!({"party": one.party, "refused": one.refused, "lines": remarks})
            })
            .collect();
        say::value(&Value::Array(shown));
    } else {
        for one in &rehearsals {
            say::line(format!("as the policy of party {}:", one.party));
            for remark in &one.remarks {
                let why = remark
                    .why
                    .as_ref()
                    .map(|why| format!(": {why}"))
                    .unwrap_or_default();
                say::line(format!("  {:9} {}{why}", remark.word, remark.what));
            }
            match &one.refused {
                Some(why) => say::line(format!("  the job is refused: {why}")),
                None => say::line("  the job is allowed"),
            }
        }
    }
    match refused {
        0 => Ok(()),
        _ => Err(anyhow!("the job is refused")),
    }
}
