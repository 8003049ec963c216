//! `fedflow table`: a party's tables, at the party's own REST endpoint.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};
use vocabulary::{ErrorCode, Fault};

use crate::client::{Client, text};
use crate::endpoint::EndpointArguments;
use crate::job::{Watch, watch};
use crate::say;

/// What to do with tables.
#[derive(Subcommand)]
pub(crate) enum TableCommand {
    /// Load a file into a table.
    Upload {
        /// The file: delimited text.
        file: PathBuf,
        /// The table's name.
        #[arg(long)]
        name: String,
        /// The group of tables it belongs to.
        #[arg(long)]
        namespace: String,
        /// The file has no header line.
        #[arg(long)]
        no_header: bool,
        /// The separator between columns.
        #[arg(long, default_value = ",")]
        delimiter: String,
        /// How many files the table is stored in.
        #[arg(long, default_value_t = 4)]
        partitions: u32,
        /// Replace a table of that name.
        #[arg(long)]
        replace: bool,
        /// The party, when the REST endpoint is the coordinator's.
        #[arg(long)]
        party: Option<String>,
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// List the tables that were uploaded.
    List {
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// Show what a table is: rows, columns, where it came from.
    Show {
        /// The table's name.
        name: String,
        /// Its group.
        #[arg(long)]
        namespace: String,
        /// The party, when the REST endpoint is the coordinator's.
        #[arg(long)]
        party: Option<String>,
        #[command(flatten)]
        rest: EndpointArguments,
    },
    /// Drop a table.
    Delete {
        /// The table's name.
        name: String,
        /// Its group.
        #[arg(long)]
        namespace: String,
        /// The party, when the REST endpoint is the coordinator's.
        #[arg(long)]
        party: Option<String>,
        #[command(flatten)]
        rest: EndpointArguments,
    },
}

impl TableCommand {
    fn rest(&self) -> &EndpointArguments {
        match self {
            Self::Upload { rest, .. }
            | Self::List { rest }
            | Self::Show { rest, .. }
            | Self::Delete { rest, .. } => rest,
        }
    }

    /// Whether the answer shall be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.rest().json
    }
}

/// Does it.
pub(crate) async fn run(command: &TableCommand) -> Result<()> {
    let client = command.rest().client()?;
    let json = command.is_json();
    match command {
        TableCommand::Upload {
            file,
            name,
            namespace,
            no_header,
            delimiter,
            partitions,
            replace,
            party,
            ..
        } => {
            let mut config = json!({
                "file": file, "table_name": name, "namespace": namespace, "head": i32::from(!no_header),
                "id_delimiter": delimiter, "partition": partitions, "drop": i32::from(*replace), "verbose": 1,
            });
            name_party(&mut config, party.as_deref());
            let reply = client.upload(file, &config).await?;
            let job = text(&reply, "jobId");
            let body = table_of(name, namespace, party.as_deref());
            finish_upload(&client, json, &job, &body, &format!("{namespace}.{name}")).await?;
        }
        TableCommand::List { .. } => list(&client, json).await?,
        TableCommand::Show {
            name,
            namespace,
            party,
            ..
        } => {
            let info = client
                .post(
                    "/v1/table/table_info",
                    &table_of(name, namespace, party.as_deref()),
                )
                .await?;
            if info.get("exist").and_then(Value::as_i64) != Some(1) {
                let fault = Fault::new(
                    ErrorCode::TableMissing,
                    format!("table {namespace}.{name} does not exist"),
                );
                return Err(fault.next("see `fedflow table list`").into());
            }
            show(json, &info);
        }
        TableCommand::Delete {
            name,
            namespace,
            party,
            ..
        } => {
            let gone = client
                .post(
                    "/v1/table/delete",
                    &table_of(name, namespace, party.as_deref()),
                )
                .await?;
            if json {
                say::value(&gone)
            } else {
                say::line(format!("dropped {namespace}.{name}"))
            }
        }
    }
    Ok(())
}

/// Waits for the job of an upload, and shows the table and what became of the rows.
async fn finish_upload(
    client: &Client,
    json: bool,
    job: &str,
    body: &Value,
    table: &str,
) -> Result<()> {
    let patience = Watch {
        quiet: json,
        seconds: 3600,
    };
    let row = watch(client, job, patience).await?;
    if text(&row, "f_status") != "success" {
        return Err(crate::job::why(client, job, &row).await.into());
    }
    let mut info = client.post("/v1/table/table_info", body).await?;
    let receipt = receipt_of(client, job).await?;
    if let Some(info) = info.as_object_mut() {
        info.insert("receipt".to_owned(), receipt.clone());
    }
    show(json, &info);
    tell_receipt(json, &receipt);
    complete(&receipt, table)
}

fn name_party(body: &mut Value, party: Option<&str>) {
    if let (Some(fields), Some(party)) = (body.as_object_mut(), party) {
        fields.insert("party_id".to_owned(), json!(party));
    }
}

fn table_of(name: &str, namespace: &str, party: Option<&str>) -> Value {
    let mut body = json!({"table_name": name, "namespace": namespace});
    name_party(&mut body, party);
    body
}

/// What became of the rows of an upload.
async fn receipt_of(client: &Client, job: &str) -> Result<Value> {
    let history = client
        .post("/v1/data/upload/history", &json!({"job_id": job}))
        .await?;
    let told = history.pointer(&format!("/0/{job}/upload_info")).cloned();
    told.with_context(|| format!("the REST endpoint tells nothing of the rows of upload {job}"))
}

/// The parties of an upload with what each told; one alone where it went to one.
fn each_party(receipt: &Value) -> Vec<(String, &Value)> {
    match receipt.get("parties").and_then(Value::as_object) {
        Some(parties) => parties
            .iter()
            .map(|(party, told)| (format!(" at party {party}"), told))
            .collect(),
        None => vec![(String::new(), receipt)],
    }
}

fn tell_receipt(json: bool, receipt: &Value) {
    for (place, told) in each_party(receipt).into_iter().filter(|_| !json) {
        let [rows, stored, replaced, rejected] =
            ["upload_count", "actual_count", "replaced", "rejected"].map(|field| text(told, field));
        say::line(format!(
            "  rows       {rows} read, {stored} stored, {replaced} replaced, {rejected} refused{place}"
        ));
        for note in told
            .get("notes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            say::line(format!("  note       {note}"));
        }
    }
}

/// Fails when a row of the file is not in the table: whoever reads the exit code alone must see it.
fn complete(receipt: &Value, table: &str) -> Result<()> {
    let refused = |(_, told): &(String, &Value)| {
        told.get("rejected")
            .and_then(Value::as_u64)
            .unwrap_or_default()
            > 0
    };
    let Some((place, told)) = each_party(receipt).into_iter().find(refused) else {
        return Ok(());
    };
    let reasons: Vec<String> = (told
        .get("reasons")
        .and_then(Value::as_array)
        .into_iter()
        .flatten())
    .map(|found| {
        format!(
            "line {}: {} ({} rows)",
            text(found, "first_line"),
            text(found, "reason"),
            text(found, "rows")
        )
    })
    .collect();
    let message = format!(
        "{} of {} rows are refused{place}, the others stand in {table}; {}",
        text(told, "rejected"),
        text(told, "upload_count"),
        reasons.join("; ")
    );
    let fault = Fault::new(ErrorCode::TableInvalid, message);
    Err(fault
        .next("correct these lines, and upload the file again with --replace")
        .into())
}

async fn list(client: &Client, json: bool) -> Result<()> {
    let data = client
        .post("/v1/data/upload/history", &json!({"limit": 0}))
        .await?;
    if json {
        say::value(&data);
        return Ok(());
    }
    let entries = data
        .as_array()
        .context("the REST endpoint's answer is not a list")?;
    let rows: Vec<Vec<String>> = entries
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|entry| entry.iter())
        .map(|(job, upload)| {
            let info = upload.get("upload_info").cloned().unwrap_or_default();
            let fields = ["namespace", "table_name", "actual_count", "rejected"];
            fields
                .map(|field| text(&info, field))
                .into_iter()
                .chain([job.clone()])
                .collect()
        })
        .collect();
    say::table(&["namespace", "name", "rows", "refused", "upload"], &rows);
    Ok(())
}

fn show(json: bool, info: &Value) {
    if json {
        say::value(info);
        return;
    }
    say::line(format!(
        "{}.{}",
        text(info, "namespace"),
        text(info, "table_name")
    ));
    for field in ["count", "partition", "schema", "enable", "origin"] {
        say::line(format!("  {field:<10} {}", text(info, field)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_that_lost_a_row_fails_with_the_line() {
        let whole = json!({"upload_count": 3, "actual_count": 2, "replaced": 1, "rejected": 0, "reasons": []});
        assert!(
            complete(&whole, "n.t").is_ok(),
            "a replaced row is in the table"
        );
        let reasons = json!([{"reason": "the id is empty", "rows": 2, "first_line": 7}]);
        let torn = json!({"upload_count": 3, "actual_count": 1, "rejected": 2, "reasons": reasons});
        let text = complete(&torn, "n.t").expect_err("refused").to_string();
        assert!(
            text.contains("2 of 3 rows") && text.contains("line 7: the id is empty"),
            "{text}"
        );
        let both = json!({"rejected": 0, "parties": {"1": whole, "2": torn}});
        assert!(
            complete(&both, "n.t")
                .expect_err("at one")
                .to_string()
                .contains("at party 2")
        );
        assert!(
            complete(&json!({"upload_count": 3}), "n.t").is_ok(),
            "of an earlier release"
        );
    }
}
