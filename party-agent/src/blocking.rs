//! Work on disks and long computations, off the threads that serve everybody.

use rest::Failure;
use vocabulary::{ErrorCode, Fault};

/// Does it on a thread of its own; a fault where that thread panicked.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let ended = |error: tokio::task::JoinError| {
        Fault::new(
            ErrorCode::Internal,
            format!("work off the serving threads ended badly: {error}"),
        )
    };
    tokio::task::spawn_blocking(work).await.map_err(ended)
}

/// The same, for those who answer requests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Failure> {
    Ok(off_thread(work).await??)
}
