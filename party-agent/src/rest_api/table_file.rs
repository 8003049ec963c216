//! `table/download`: a stored table as an archive.

use axum::body::Body;
use axum::extract::Request;
use rest::targz::pack;
use rest::{Answer, Failure, file_reply};
use vocabulary::Fault;

use super::output::{OutputFile, RowSelection, unwritable};
use super::{HandlerState, Incoming, blocking};

pub(super) async fn download(handler: HandlerState, request: Request) -> Answer {
    // Clients unpack whatever comes with HTTP 200, so that every failure has another status.
    let other_than_200 = |failure: Failure| {
        if failure.0.status == 200 {
            failure.with_status(404)
        } else {
            failure
        }
    };
    file(handler, request).await.map_err(other_than_200)
}

async fn file(handler: HandlerState, request: Request) -> Answer {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(response),
    };
    let Some(table) = asked.table() else {
        return Err(Failure::arguments_missing(&["name", "namespace"]));
    };
    handler
        .permit_rows(format!("rows of table {table}"))
        .await
        .map_err(|failure| failure.with_status(403))?;
    let (table_store, folder, meant) = (
        handler.agent_state.table_store.clone(),
        handler.agent_state.export_root.clone(),
        table.clone(),
    );
    let wanted = RowSelection {
        head: asked.flag("head").unwrap_or(true),
        limit: None,
    };
    let members = blocking(move || -> Result<Option<Vec<OutputFile>>, Fault> {
        if !table_store.exists(&meant) {
            return Ok(None);
        }
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&error))?;
        wanted
            .members(&table_store, &meant, "table", &folder)
            .map(Some)
    })
    .await?;
    let missing = || {
        Failure::nothing(&format!(
            "no found table:{}, {}",
            table.namespace, table.name
        ))
    };
    let members = members
        .ok_or_else(missing)?
        .into_iter()
        .map(OutputFile::into_member);
    let name = format!("table_{}_{}.tar.gz", table.namespace, table.name);
    Ok(file_reply(
        &name,
        "application/gzip",
        Body::from_stream(pack(members)),
    ))
}
