//! Work that keeps a processor busy runs on small pools, so that it never delays the verification of requests.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Undecided;

/// So much of one kind of work runs at once, and so much may wait.
#[derive(Debug)]
pub struct Pool {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Pool {
    /// A pool of this size. At least one runs at a time, or none ever would.
    pub fn new(running: usize, waiting: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(running.max(1))), waiting: Arc::new(Semaphore::new(waiting.max(1))) }
    }

    /// For the curve operations of enrolments: two run, 64 wait. At a tenth of a millisecond each the last of them waits
    /// for less than ten.
    pub fn of_handshakes() -> Self {
        Self::new(2, 64)
    }

    /// Runs `work`; when too much is waiting, the caller is refused at once. Work that was begun goes on to its end, and
    /// takes its place in the pool until then, even if nobody waits for it any more.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Undecided> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Undecided::Overloaded)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Undecided::Overloaded)?;
        drop(place);
        let done = tokio::task::spawn_blocking(move || {
            let _until_done = turn;
            work()
        });
        done.await.map_err(|_| Undecided::Overloaded)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// One runs and one waits: the third is told so, and has not been kept waiting to hear it.
    #[tokio::test]
    async fn what_may_not_even_wait_is_refused_at_once() {
        let pool = Arc::new(Pool::new(1, 1));
        let (go, until) = mpsc::channel::<()>();
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(move || (begun.send(()), until.recv()).1.is_ok()).await }
        });
        is_begun.await.unwrap();
        let second = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(|| 2).await }
        });
        while pool.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.run(|| 3).await, Err(Undecided::Overloaded)));
        go.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        assert_eq!(second.await.unwrap().unwrap(), 2);
        assert_eq!(pool.run(|| 4).await.unwrap(), 4);
    }
}
