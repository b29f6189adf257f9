//! Curve operations of enrolments run on a small pool, so that they never delay the verification of requests.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Undecided;
use crate::app::App;

/// How many handshakes run at once, and how many may wait.
#[derive(Debug)]
pub struct Handshakes {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Handshakes {
    /// Two run, 64 wait: at a tenth of a millisecond each the last of them waits for less than ten.
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(2)), waiting: Arc::new(Semaphore::new(64)) }
    }
}

/// Runs `work` on the pool; when too much is waiting, the caller is refused at once.
pub(super) async fn run<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Undecided> {
    let Handshakes { running, waiting } = &app.handshakes;
    let place = Arc::clone(waiting).try_acquire_owned().map_err(|_| Undecided::Overloaded)?;
    let turn = Arc::clone(running).acquire_owned().await.map_err(|_| Undecided::Overloaded)?;
    drop(place);
    let done = tokio::task::spawn_blocking(move || {
        let _until_done = turn;
        work()
    });
    done.await.map_err(|_| Undecided::Overloaded)
}
