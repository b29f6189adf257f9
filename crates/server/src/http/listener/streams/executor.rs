use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::error;

/// Runs the streams of one connection, and none of them longer than the connection.
#[derive(Clone, Debug)]
pub(super) struct Streams(pub(super) CancellationToken);

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let ended = self.0.clone();
        tokio::spawn(async move {
            // A panic ends its stream and nothing else, but never unseen.
            if let Some(Err(_)) = ended.run_until_cancelled(AssertUnwindSafe(stream).catch_unwind()).await {
                error!("a stream ended by a panic");
            }
        });
    }
}
