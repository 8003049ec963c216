//! `fedflow demo`: the first result, from nothing: a local federation, two organisations' tables, a joint training.

mod data;
mod pooled;
mod report;

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use vocabulary::{Clock, ErrorCode, Fault, SystemClock};

use crate::client::{Client, text};
use crate::job::{Watch, submit, watch, why};
use crate::{say, up};
use report::Result as DemoResult;

/// How to run the demonstration.
#[derive(Args, Clone)]
pub(crate) struct DemoArguments {
    /// Where the federation is kept; a temporary folder when it is not given.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Leave the federation running until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// End with one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

const GUEST: &str = "9999";
const HOST: &str = "10000";
const NAMESPACE: &str = "demo";

/// Runs it.
pub(crate) async fn run(arguments: &DemoArguments) -> Result<()> {
    let (dir, temporary) = match &arguments.dir {
        Some(dir) => (dir.clone(), false),
        None => (temporary()?, true),
    };
    let stop = daemon::shutdown::on_signal()?;
    let began = SystemClock.now();
    let progress = say::Progress::new(arguments.json);
    progress.say("starting a coordinator and two agents");
    let wanted = up::UpArguments {
        dir: dir.clone(),
        rest_port: 0,
        parties: vec![GUEST.to_owned(), HOST.to_owned()],
        serving: false,
        import_root: vec![],
        open: false,
    };
    let federation = tokio::select! {
        started = up::start(&wanted, &stop) => started?,
        () = stop.cancelled() => return interrupted(),
    };
    progress.end();
    if !arguments.json {
        say::line(
            "A bank (party 9999) has the labels and 10 features; a clinic (party 10000) has 20 features of the same people.",
        );
        say::line(
            "Neither shows the other a row. Three processes, mutually authenticated QUIC, encrypted training:",
        );
    }
    let client = federation.client();
    let done = tokio::select! {
        done = train(&client, &dir, arguments.json) => done,
        () = stop.cancelled() => interrupted(),
    };
    let seconds = SystemClock.now().millis_since(began) as f64 / 1000.0;
    let shown = done.map(|result| report::show(&result, seconds, arguments.json));
    if arguments.keep && shown.is_ok() {
        say::remark(format!("The federation stays up: {}", federation.as_json()));
        stop.cancelled().await;
    }
    federation.end().await;
    // After a failure the folder stays: the logs in it say why.
    if temporary && shown.is_ok() {
        // What cannot be removed is in the system's temporary folder anyway.
        let _ = std::fs::remove_dir_all(&dir);
    }
    shown
}

/// A folder of its own among the system's temporary ones: nobody made it before.
fn temporary() -> Result<PathBuf> {
    let dir = std::env::temp_dir().join(format!("fedflow-demo-{}", std::process::id()));
    std::fs::DirBuilder::new()
        // Not recursive, so that a folder which somebody else put there is an error; the keys in it
        // are for this user only.
        .mode(0o700)
        .create(&dir)
        .map_err(|error| {
            let text = format!("the folder {} cannot be made: {error}", dir.display());
            Fault::new(ErrorCode::StorageFull, text).next("name one with --dir")
        })?;
    Ok(dir)
}

fn interrupted<T>() -> Result<T> {
    Err(Fault::new(ErrorCode::Canceled, "interrupted").into())
}

async fn train(client: &Client, dir: &Path, quiet: bool) -> Result<DemoResult> {
    let data = data::tables()?;
    upload(client, dir, GUEST, "guest", &data.guest).await?;
    upload(client, dir, HOST, "host", &data.host).await?;
    let pooled = tokio::task::spawn_blocking(move || pooled::train(&data))
        .await
        .context("the pooled training panicked")??;
    let job = submit(client, &dsl(), &conf()).await?;
    let row = watch(
        client,
        &job,
        Watch {
            quiet,
            seconds: 600,
        },
    )
    .await?;
    if text(&row, "f_status") != "success" {
        return Err(why(client, &job, &row).await.into());
    }
    report::read(client, &job, pooled).await
}

async fn upload(client: &Client, dir: &Path, party: &str, name: &str, csv: &str) -> Result<()> {
    let file = dir.join(format!("{name}.csv"));
    tokio::fs::write(&file, csv)
        .await
        .with_context(|| format!("{} cannot be written", file.display()))?;
    let config = json!({
        "file": file, "table_name": name, "namespace": NAMESPACE, "head": 1, "partition": 4, "id_delimiter": ",",
        "drop": 1, "verbose": 0, "party_id": party,
    });
    let reply = client.upload(&file, &config).await?;
    let job = text(&reply, "jobId");
    let row = watch(
        client,
        &job,
        Watch {
            quiet: true,
            seconds: 120,
        },
    )
    .await?;
    if text(&row, "f_status") != "success" {
        return Err(why(client, &job, &row).await.into());
    }
    Ok(())
}

fn dsl() -> Value {
    let step = |module: &str, port: &str, from: &str, outputs: Value| {
        let input = json!({"data": {port: [from]}});
        json!({"module": module, "input": input, "output": outputs})
    };
    json!({"components": {
        "reader_0": {"module": "Reader", "output": {"data": ["data"]}},
        "data_transform_0": step("DataTransform", "data", "reader_0.data", json!({"data": ["data"], "model": ["model"]})),
        "intersection_0": step("Intersection", "data", "data_transform_0.data", json!({"data": ["data"]})),
        "hetero_lr_0": step("HeteroLR", "train_data", "intersection_0.data", json!({"data": ["data"], "model": ["model"]})),
        "evaluation_0": step("Evaluation", "data", "hetero_lr_0.data", json!({"data": ["data"]})),
    }})
}

fn conf() -> Value {
    let own = |name: &str, with_label: bool| {
        json!({"0": {
            "reader_0": {"table": {"name": name, "namespace": NAMESPACE}},
            "data_transform_0": {"with_label": with_label},
        }})
    };
    json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "component_parameters": {
            "common": {"data_transform_0": {"output_format": "dense"}, "hetero_lr_0": pooled::parameters()},
            "role": {"guest": own("guest", true), "host": own("host", false)},
        },
    })
}
