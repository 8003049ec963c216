//! The present link to the coordinator, as the rest of the agent uses it: reports, and requests of the party's users.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use rest::{BodyStream, Forward};
use tokio::sync::watch;
use transport::{Body, CallOptions, Link, LinkError, Pieces};
use vocabulary::{ErrorCode, Fault, Report};
use wire::agent_link::{HttpHead, HttpReplyHead, Reply, ToCoordinator, UPLOADS, UploadCall};

use crate::link_status::StatusBoard;
use crate::report::Uplink;

/// How long the coordinator may take to write reports down.
const REPORT_PATIENCE: Duration = Duration::from_secs(30);
/// How long the coordinator may be silent in a request of a user.
const HTTP_PATIENCE: Duration = Duration::from_secs(120);

/// The way to the coordinator as it comes and goes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct CoordinatorLink {
    link: watch::Receiver<Option<Link>>,
    board: StatusBoard,
}

impl CoordinatorLink {
    pub(crate) fn new(link: watch::Receiver<Option<Link>>, board: StatusBoard) -> Self {
        Self { link, board }
    }

    fn present(&self) -> Option<Link> {
        self.link.borrow().clone()
    }
}

#[async_trait]
impl Uplink for CoordinatorLink {
    async fn connected(&self) {
        let mut link = self.link.clone();
        if link.wait_for(Option::is_some).await.is_err() {
            // The keeper of the link is gone: there will be none.
            std::future::pending::<()>().await;
        }
    }

    async fn tell(&self, reports: Vec<Report>) -> Result<Reply, LinkError> {
        let lost = || LinkError::Lost {
            peer: "the coordinator".to_owned(),
            detail: "not connected".to_owned(),
        };
        let link = self.present().ok_or_else(lost)?;
        let (reply, _) = link
            .call(
                &ToCoordinator::Reports(reports),
                Body::Empty,
                CallOptions::control(REPORT_PATIENCE),
            )
            .await?;
        Ok(reply)
    }
}

#[async_trait]
impl Forward for CoordinatorLink {
    async fn forward(
        &self,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        let link = self.present().ok_or_else(|| self.board.offline())?;
        let body = Body::Pieces(Box::new(StreamPieces(body)));
        let (reply, rest) = link
            .call(
                &ToCoordinator::Http(head),
                body,
                CallOptions::bulk(HTTP_PATIENCE),
            )
            .await?;
        match reply {
            Reply::Http(head) => Ok((head, stream_of(rest))),
            Reply::Failed(fault) => Err(fault),
            _ => Err(Fault::new(
                ErrorCode::ProtocolViolation,
                "the coordinator's reply to a request is none",
            )),
        }
    }
}

/// Starts of uploads as messages of the link.
#[async_trait]
pub(crate) trait Uploads: Send + Sync {
    /// Whether the coordinator at the other end knows such messages; earlier ones are asked over HTTP.
    fn are_known(&self) -> bool;

    /// Has the coordinator start the job of an upload; gives the envelope for the user.
    async fn start(&self, call: UploadCall) -> Result<String, Fault>;
}

#[async_trait]
impl Uploads for CoordinatorLink {
    fn are_known(&self) -> bool {
        self.present().is_some_and(|link| link.has(UPLOADS))
    }

    async fn start(&self, call: UploadCall) -> Result<String, Fault> {
        let link = self.present().ok_or_else(|| self.board.offline())?;
        let (reply, _) = link
            .call(
                &ToCoordinator::Upload(Box::new(call)),
                Body::Empty,
                CallOptions::control(HTTP_PATIENCE),
            )
            .await?;
        match reply {
            Reply::Document(text) => Ok(text),
            Reply::Failed(fault) => Err(fault),
            _ => Err(Fault::new(
                ErrorCode::ProtocolViolation,
                "the coordinator's reply to an upload is none",
            )),
        }
    }
}

/// A body of HTTP as a body of the link.
pub(crate) struct StreamPieces(pub(crate) BodyStream);

#[async_trait]
impl Pieces for StreamPieces {
    async fn next(&mut self) -> Result<Option<axum::body::Bytes>, Fault> {
        let torn = |error: std::io::Error| {
            Fault::new(
                ErrorCode::RequestInvalid,
                format!("the body ended early: {error}"),
            )
        };
        self.0.next().await.transpose().map_err(torn)
    }
}

/// A body of the link as a body of HTTP.
pub(crate) fn stream_of(pieces: impl Pieces + 'static) -> BodyStream {
    let step = |mut pieces: Box<dyn Pieces>| async move {
        match pieces.next().await {
            Ok(piece) => Ok(piece.map(|piece| (piece, pieces))),
            Err(fault) => Err(std::io::Error::other(fault.to_string())),
        }
    };
    futures_util::stream::try_unfold(Box::new(pieces) as Box<dyn Pieces>, step).boxed()
}
