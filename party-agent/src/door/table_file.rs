//! `table/download`: a stored table as an archive.

use axum::body::Body;
use axum::extract::Request;
use doors::targz::pack;
use doors::{Answer, Failure, file_reply};
use vocabulary::Fault;

use super::output::{Wanted, Written, unwritable};
use super::{Desk, Read, blocking};

pub(super) async fn download(desk: Desk, request: Request) -> Answer {
    // Clients unpack whatever comes with HTTP 200, so that every failure has another status.
    let other_than_200 = |failure: Failure| {
        if failure.0.status == 200 {
            failure.with_status(404)
        } else {
            failure
        }
    };
    file(desk, request).await.map_err(other_than_200)
}

async fn file(desk: Desk, request: Request) -> Answer {
    let asked = match desk.read(request).await? {
        Read::Here(asked) => asked,
        Read::Answered(response) => return Ok(response),
    };
    let Some(table) = asked.table() else {
        return Err(Failure::arguments_missing(&["name", "namespace"]));
    };
    desk.permit_rows(format!("rows of table {table}"))
        .await
        .map_err(|failure| failure.with_status(403))?;
    let (shelf, folder, meant) = (
        desk.holdings.shelf.clone(),
        desk.holdings.export_root.clone(),
        table.clone(),
    );
    let wanted = Wanted {
        head: asked.flag("head").unwrap_or(true),
        limit: None,
    };
    let members = blocking(move || -> Result<Option<Vec<Written>>, Fault> {
        if !shelf.exists(&meant) {
            return Ok(None);
        }
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&error))?;
        wanted.members(&shelf, &meant, "table", &folder).map(Some)
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
        .map(Written::into_member);
    let name = format!("table_{}_{}.tar.gz", table.namespace, table.name);
    Ok(file_reply(
        &name,
        "application/gzip",
        Body::from_stream(pack(members)),
    ))
}
