//! What a person (or a program, with `--json`) gets to see.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use vocabulary::Fault;

/// The exit status of a program that a closed pipe ended, as shells show it: 128 and SIGPIPE.
const READER_GONE: i32 = 141;

/// Prints a line of the answer. A reader that has seen enough (`| head -1`) ends the program, quietly.
pub(crate) fn line(text: impl AsRef<str>) {
    if let Err(error) = try_line(text) {
        if error.kind() != ErrorKind::BrokenPipe {
            remark(format!("error: the answer cannot be written: {error}"));
            std::process::exit(1);
        }
        std::process::exit(READER_GONE);
    }
}

/// Prints a line for whoever may be reading: a daemon works on when nobody does.
pub(crate) fn try_line(text: impl AsRef<str>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.as_ref())?;
    out.flush()
}

/// Prints one JSON value on one line.
pub(crate) fn value(value: &Value) {
    line(value.to_string());
}

/// Prints a remark that is not part of the answer; nothing hangs on whether somebody reads it.
pub(crate) fn remark(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
}

/// Says what went wrong, the same way everywhere: code, place, message, party, next step.
pub(crate) fn failed(error: &anyhow::Error, json: bool) -> ExitCode {
    let fault = error.downcast_ref::<Fault>();
    if json {
        let shown = match fault {
            Some(fault) => json!({"error": fault}),
            None => json!({"error": {"message": format!("{error:#}")}}),
        };
        value(&shown);
    } else if let Some(fault) = fault {
        remark(format!("error {}: {}", fault.code, fault.message));
        for (label, text) in [
            ("where", fault.path.clone()),
            ("party", fault.party.as_ref().map(ToString::to_string)),
            ("next ", fault.next.clone()),
        ] {
            if let Some(text) = text {
                remark(format!("  {label}  {text}"));
            }
        }
    } else {
        remark(format!("error: {error:#}"));
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
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells
            .chain(header.get(column).map(|cell| cell.len()))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let show = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line(padded.join("  ").trim_end());
    };
    show(
        &header
            .iter()
            .map(|&cell| cell.to_owned())
            .collect::<Vec<_>>(),
    );
    rows.iter().for_each(|row| show(row));
}
