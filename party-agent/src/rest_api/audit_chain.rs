//! The audit chain, for the party's own users: the newest entries, or all of them, line by line. Neither needs more memory than
//! what is shown at once.

use std::collections::VecDeque;
use std::path::Path;

use audit::{AuditError, AuditRecord, Raw, State, Walk};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures_util::stream;
use rest::{Answer, Failure, Reply};
use serde_json::json;
use tokio::sync::mpsc;
use vocabulary::{ErrorCode, Fault};

use super::{HandlerState, Side, blocking};

/// Entries that are shown unless `last` asks for more or fewer.
const LAST: usize = 1_000;
/// The most that are shown in one answer.
const MOST: usize = 10_000;
/// Bytes of lines that are sent at once, and how many such pieces may wait for a slow reader.
const PIECE: usize = 64 << 10;
const WAITING: usize = 4;

fn own_users_only(handler: &HandlerState) -> Result<(), Failure> {
    if handler.side == Side::Own {
        return Ok(());
    }
    let fault = Fault::new(
        ErrorCode::PermissionDenied,
        "the audit chain is for the party's own users",
    );
    Err(Failure::from(
        fault
            .at(&handler.agent_state.me)
            .next(format!("ask at {}", handler.rest)),
    ))
}

/// The newest entries, checked from the beginning of the chain.
pub(super) async fn newest(handler: HandlerState, request: Request) -> Answer {
    own_users_only(&handler)?;
    let last = rest::upload::read_query(request.uri().query().unwrap_or_default());
    let last = last
        .get("last")
        .and_then(|last| last.as_str()?.parse().ok())
        .unwrap_or(LAST)
        .min(MOST);
    let (folder, most) = (
        handler.agent_state.chain.folder().to_owned(),
        acknowledged(&handler),
    );
    let (shown, entries) = blocking(move || Ok(newest_of(&folder, most, last)?)).await?;
    Ok(Reply::data(json!(shown))
        .with_meta(json!({"entries": entries, "intact": true}))
        .into_response())
}

/// Entries that are known to be on the disk; of a chain that is not open, whatever is there.
fn acknowledged(handler: &HandlerState) -> u64 {
    let status = handler.agent_state.chain.status();
    match status.state {
        State::Sound => status.entries,
        State::Full if status.entries > 0 => status.entries,
        State::Checking | State::Full | State::Broken => u64::MAX,
    }
}

fn newest_of(folder: &Path, most: u64, last: usize) -> Result<(Vec<AuditRecord>, u64), AuditError> {
    let (mut walk, mut newest) = (Walk::open(folder)?, VecDeque::new());
    while walk.head().number < most
        && let Some(line) = walk.step()?
    {
        let mut kept = String::with_capacity(line.text.len() + 160);
        line.write(&mut kept);
        newest.push_back((line.number, kept));
        if newest.len() > last {
            newest.pop_front();
        }
    }
    let read = |(number, line): (u64, String)| {
        serde_json::from_str(&line).map_err(|error| AuditError::Broken {
            number,
            detail: error.to_string(),
        })
    };
    Ok((
        newest.into_iter().map(read).collect::<Result<_, _>>()?,
        walk.head().number,
    ))
}

/// Every entry as it stands in the chain's files, one a line; whoever reads checks.
pub(super) async fn whole(handler: HandlerState, _: Request) -> Answer {
    own_users_only(&handler)?;
    let lines = Raw::open(handler.agent_state.chain.folder(), acknowledged(&handler))
        .map_err(Fault::from)?;
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || send(lines, &sender));
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    });
    Ok((
        [(CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(pieces),
    )
        .into_response())
}

fn send(mut lines: Raw, to: &mpsc::Sender<Result<Bytes, AuditError>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE + (PIECE >> 2));
        let more = lines.fill(&mut piece, PIECE);
        let piece = match more {
            Ok(()) if piece.is_empty() => return,
            Ok(()) => Ok(Bytes::from(piece)),
            Err(error) => Err(error),
        };
        let failed = piece.is_err();
        // Nobody listens any more, or the answer breaks off.
        if to.blocking_send(piece).is_err() || failed {
            return;
        }
    }
}
