//! An entry as one line for a person.

use audit::{AttemptDetails, AuditEntry, Basis, Line, MessageEntry, ReportEntry, Rows};

/// The line: number, moment, kind, what.
pub(super) fn text(line: &Line<'_>) -> String {
    let at = chrono::DateTime::from_timestamp_micros(line.at.0);
    let at = at.map_or_else(
        || line.at.0.to_string(),
        |at| at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    );
    let said = match line.entry() {
        Ok(entry) => entry_text(&entry),
        // Written by another version: shown as it stands.
        Err(_) => line.text.to_owned(),
    };
    // What came from outside must not move the cursor.
    let said: String = said
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    format!("{}  {at}  {said}", line.number)
}

fn entry_text(entry: &AuditEntry) -> String {
    match entry {
        AuditEntry::Began {
            aside,
            entries,
            hash,
            why,
        } => {
            format!(
                "began     after {aside} was set aside ({why}); {entries} entries of it fit, up to {hash}"
            )
        }
        AuditEntry::Recovered { bytes, hash } => {
            format!("recovered {bytes} bytes of an unfinished write were taken away (hash {hash})")
        }
        AuditEntry::Offer {
            job,
            fingerprint,
            refused_by,
            basis,
        } => {
            format!(
                "offer     job {job}, offer {}{}{}",
                short(fingerprint),
                who(basis.as_ref()),
                no(refused_by.as_ref())
            )
        }
        AuditEntry::Ordered {
            task,
            attempt,
            fingerprint,
            refused_by,
            component,
            basis,
        } => {
            let component = component
                .as_ref()
                .map(|(name, version)| format!(", {name} {version}"))
                .unwrap_or_default();
            let (offer, who) = (short(fingerprint), who(basis.as_ref()));
            format!(
                "ordered   {task} attempt {attempt}{component}, offer {offer}{who}{}",
                no(refused_by.as_ref())
            )
        }
        AuditEntry::Left {
            task,
            attempt,
            message,
            to,
            messages,
            bytes,
        } => {
            format!(
                "left      {messages} of {message} to {to}, {bytes} bytes; {task} attempt {attempt}"
            )
        }
        AuditEntry::Message(message) => message_text(message),
        AuditEntry::Report(report) => report_text(report),
        AuditEntry::Told {
            what,
            to,
            refused_by,
            basis,
        } => {
            format!(
                "told      {what} to {to}{}{}",
                who(basis.as_ref()),
                no(refused_by.as_ref())
            )
        }
    }
}

fn message_text(entry: &MessageEntry) -> String {
    let MessageEntry {
        of,
        tag,
        disclosure,
        to,
        bytes,
        way,
        refused_by,
        ..
    } = entry;
    let gives = disclosure.map_or("undeclared", |disclosure| disclosure.word());
    let way = way.map_or("by an unknown way", |way| way.word());
    format!(
        "message   {tag} ({gives}) to {to}, {bytes} bytes, {way}; {}{}",
        attempt(of),
        no(refused_by.as_ref())
    )
}

fn report_text(entry: &ReportEntry) -> String {
    let ReportEntry {
        of,
        what,
        bytes,
        refused_by,
    } = entry;
    format!(
        "report    {what} to the coordinator, {bytes} bytes; {}{}",
        attempt(of),
        no(refused_by.as_ref())
    )
}

fn attempt(of: &AttemptDetails) -> String {
    let AttemptDetails {
        task,
        attempt,
        component,
        version,
        offer,
        rows,
        basis,
    } = of;
    let rows = match rows {
        None => String::new(),
        Some(Rows { fewest, most }) if fewest == most => format!(", {fewest} rows"),
        Some(Rows { fewest, most }) => format!(", {fewest} to {most} rows"),
    };
    let offer = short(offer);
    format!(
        "{task} attempt {attempt}, {component} {version}{rows}, offer {offer}{}",
        who(Some(basis))
    )
}

fn who(basis: Option<&Basis>) -> String {
    let Some(Basis {
        policy,
        initiator,
        asked_by,
        ticket,
    }) = basis
    else {
        return String::new();
    };
    let mut text = String::new();
    if let Some(initiator) = initiator {
        text += &format!(", started by {initiator}");
    }
    if let Some(name) = asked_by {
        text += &format!(", asked by {name}");
    }
    if let Some(ticket) = ticket {
        text += &format!(", ticket {ticket}");
    }
    text + &format!(", policy {}", short(policy))
}

fn no(refused_by: Option<&String>) -> String {
    refused_by
        .map(|rule| format!("; REFUSED by {rule}"))
        .unwrap_or_default()
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
