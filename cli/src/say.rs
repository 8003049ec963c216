//! What a person (or a program, with `--json`) gets to see.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where the command line speaks")]

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use vocabulary::Fault;

/// Prints a line of the answer.
pub(crate) fn line(text: impl AsRef<str>) {
    println!("{}", text.as_ref());
}

/// Prints one JSON value on one line.
pub(crate) fn value(value: &Value) {
    println!("{value}");
}

/// Prints a remark that is not part of the answer.
pub(crate) fn remark(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// Says what went wrong, the same way everywhere: code, place, message, party, next step.
pub(crate) fn failed(error: &anyhow::Error, json: bool) -> ExitCode {
    let fault = error.downcast_ref::<Fault>();
    if json {
        let shown = match fault {
            Some(fault) => json!({"error": fault}),
            None => json!({"error": {"message": format!("{error:#}")}}),
        };
        println!("{shown}");
    } else if let Some(fault) = fault {
        eprintln!("error {}: {}", fault.code, fault.message);
        for (label, text) in [
            ("where", fault.path.clone()),
            ("party", fault.party.as_ref().map(ToString::to_string)),
            ("next ", fault.next.clone()),
        ] {
            if let Some(text) = text {
                eprintln!("  {label}  {text}");
            }
        }
    } else {
        eprintln!("error: {error:#}");
    }
    ExitCode::FAILURE
}

/// A progress line that is quiet when nobody looks.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Shows a spinner with a text, unless quiet is asked for or standard error is no terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    /// Changes the text.
    pub(crate) fn say(&self, text: impl Into<String>) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.into());
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Prints rows as aligned columns.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|cell| cell.len())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let show = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", padded.join("  ").trim_end());
    };
    show(&header.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
    rows.iter().for_each(|row| show(row));
}
