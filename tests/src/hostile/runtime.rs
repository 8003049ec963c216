//! The threads on which hostile programs run, apart from those of the tests.

use std::future::Future;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    threads.expect("threads")
});

/// The runtime of hostile programs; it lives as long as the process of the test.
pub(super) fn runtime() -> &'static Runtime {
    &RUNTIME
}

/// Runs something on the threads of hostile programs: what it starts there goes on while the test blocks.
pub(super) async fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    RUNTIME
        .spawn(work)
        .await
        .expect("a hostile program does not panic")
}

/// The content of a lock, also after a panic elsewhere.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
