//! The one connection that writes, and the task that owns it.
//!
//! Changes queue up here and are committed in groups: one `BEGIN IMMEDIATE`, each change in a savepoint of its own, one
//! `COMMIT` and with it one fsync for all. Nobody is answered before that. Because the task owns the connection, a
//! caller that goes away in the middle leaves no half transaction behind: what has been queued is done all the same.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::chain::Chain;
use super::failure::{Failure, Gravity};
use super::sealings::Oldest;
use crate::port::StoreError;

/// How long a caller waits for its answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// How many changes share a commit at most; as many again may wait in the queue.
const GROUP: usize = 64;

/// What a piece of work is while it runs: a future that borrows the connection.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'c>>;

/// The queue to the task that writes.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Change>>,
    standing: watch::Receiver<Standing>,
    stop: Arc<Notify>,
    oldest: Oldest,
    chain: Chain,
}

/// Whether the writer still writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Writing,
    Halted,
}

impl Writer {
    /// Starts the task. It ends when it is told to, when the last `Writer` is gone, or when the disk fails.
    pub(super) fn start(connection: SqliteConnection, options: SqliteConnectOptions) -> Self {
        let (queue, changes) = mpsc::channel(GROUP);
        let (report, standing) = watch::channel(Standing::Writing);
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        let link = Link { options, oldest: Oldest::default(), chain: Chain::default() };
        let (oldest, chain) = (link.oldest.clone(), link.chain.clone());
        tokio::spawn(async move {
            if write_all(connection, &link, changes, &told).await == Standing::Halted {
                tracing::error!("the store has stopped after an error of the disk");
                report.send_replace(Standing::Halted);
            }
        });
        Self { queue, standing, stop, oldest, chain }
    }

    /// Does `work` in a transaction and answers when it is durable.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change = Box::new(Asked { work: Some(work), done: None, reply });
        let asked = async {
            self.queue.send(change).await.map_err(|_| self.refusal())?;
            answer.await.map_err(|_| StoreError::Halted)?
        };
        timeout(DEADLINE, asked).await.unwrap_or(Err(StoreError::TimedOut))
    }

    /// The oldest version of the key-encryption key under which anything is taken in.
    pub(super) fn oldest(&self) -> &Oldest {
        &self.oldest
    }

    /// The end of the event log.
    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Waits until the writer has stopped for good after an error of the disk.
    pub(super) async fn halted(&self) {
        let mut standing = self.standing.clone();
        let halted = standing.wait_for(|standing| *standing == Standing::Halted).await;
        if halted.is_err() {
            tracing::error!("the task that writes to the store has ended");
        }
    }

    /// Whether it has.
    pub(super) fn has_halted(&self) -> bool {
        *self.standing.borrow() == Standing::Halted
    }

    /// Commits what is queued, takes nothing more, and waits until the connection is closed.
    pub(super) async fn finish(&self) {
        self.stop.notify_one();
        let mut standing = self.standing.clone();
        while standing.changed().await.is_ok() {}
    }

    /// Why nothing can be queued any more.
    fn refusal(&self) -> StoreError {
        match *self.standing.borrow() {
            Standing::Writing => StoreError::failed(Closed),
            Standing::Halted => StoreError::Halted,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the store has been closed")]
struct Closed;

/// A change that waits for its commit, without the type of its answer.
#[async_trait::async_trait]
trait Change: Send + core::fmt::Debug {
    /// Does the work within the open transaction and holds the answer back.
    async fn make(&mut self, connection: &mut SqliteConnection) -> Result<(), Failure>;

    /// Keeps the reason why only this change was not made.
    fn fail(&mut self, failure: Failure);

    /// Gives the answer out, or `spoilt` in its place when the commit has failed.
    fn answer(self: Box<Self>, spoilt: Option<StoreError>);
}

struct Asked<T, F> {
    work: Option<F>,
    done: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> core::fmt::Debug for Asked<T, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Asked")
    }
}

#[async_trait::async_trait]
impl<T, F> Change for Asked<T, F>
where
    T: Send,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send,
{
    async fn make(&mut self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        if let Some(work) = self.work.take() {
            self.done = Some(Ok(work(connection).await?));
        }
        Ok(())
    }

    fn fail(&mut self, failure: Failure) {
        self.done = Some(Err(failure.into()));
    }

    fn answer(self: Box<Self>, spoilt: Option<StoreError>) {
        let answer = spoilt.map(Err).or(self.done).unwrap_or(Err(StoreError::Halted));
        // Nobody listens any more when the caller has given up; the change stands all the same.
        let _gone = self.reply.send(answer);
    }
}

/// How to get a connection that writes, when the one before has failed, and what outlives it.
struct Link {
    options: SqliteConnectOptions,
    oldest: Oldest,
    chain: Chain,
}

impl Link {
    async fn connect(&self) -> sqlx::Result<SqliteConnection> {
        let mut connection = self.options.connect().await?;
        self.oldest.install(&mut connection).await?;
        Ok(connection)
    }
}

async fn write_all(
    mut connection: SqliteConnection,
    link: &Link,
    mut changes: mpsc::Receiver<Box<dyn Change>>,
    stop: &Notify,
) -> Standing {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        let taken = tokio::select! {
            taken = changes.recv_many(&mut group, GROUP) => taken,
            () = stop.notified() => {
                changes.close();
                continue;
            }
        };
        if taken == 0 {
            break;
        }
        let chained = link.chain.known();
        let Err(failure) = commit(&mut connection, &mut group, &link.chain).await else {
            link.chain.publish();
            group.drain(..).for_each(|change| change.answer(None));
            continue;
        };
        tracing::error!(error = %failure, changes = group.len(), "a transaction of the store has failed");
        link.chain.rewind(chained);
        let reopened = match failure.gravity() {
            Gravity::Disk => None,
            Gravity::Statement | Gravity::Transaction => link.connect().await.ok(),
        };
        let spoilt = Arc::new(failure);
        for change in group.drain(..) {
            change.answer(Some(if reopened.is_some() { not_committed(&spoilt) } else { StoreError::Halted }));
        }
        match reopened {
            Some(fresh) => connection = fresh,
            None => return Standing::Halted,
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the store was not closed tidily; nothing that was answered is lost");
    }
    Standing::Writing
}

/// Makes all changes and commits them. A change that fails by itself is undone alone; an error means that none of the
/// group was made, or, if it is the disk's, that nobody knows.
async fn commit(
    connection: &mut SqliteConnection,
    group: &mut [Box<dyn Change>],
    chain: &Chain,
) -> Result<(), Failure> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for change in group {
        let chained = chain.known();
        let mut savepoint = transaction.begin().await?;
        match change.make(&mut savepoint).await {
            Ok(()) => savepoint.commit().await?,
            Err(failure) if failure.gravity() == Gravity::Statement => {
                change.fail(failure);
                savepoint.rollback().await?;
                chain.rewind(chained);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(transaction.commit().await?)
}

/// The transaction that this change shared was not committed.
#[derive(Debug, thiserror::Error)]
#[error("the transaction was not committed")]
struct NotCommitted(#[source] Arc<Failure>);

fn not_committed(failure: &Arc<Failure>) -> StoreError {
    StoreError::failed(NotCommitted(Arc::clone(failure)))
}
