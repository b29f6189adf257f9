use core::convert::Infallible;
use core::time::Duration;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::fs::{AtFlags, Mode, chmodat, unlinkat};
use rustix::process::geteuid;
use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::PATIENCE;
use super::actor::Actor;
use super::address::{NAME, address};
use super::answer::{ControlError, answer};
use crate::data::{DataDir, Lock};

/// How long questions under way may take once the server stops.
const LAST_WORDS: Duration = Duration::from_secs(10);
const MOST_AT_ONCE: usize = 16;

/// The listening end. Its file is gone when this is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    directory: OwnedFd,
    /// Outlives the file: while it is held nobody else makes a socket that we could remove.
    lock: Lock,
}

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the control socket {}", path.display())]
pub struct BindError {
    path: PathBuf,
    source: io::Error,
}

impl ControlSocket {
    /// Listens in the data directory. What a server left behind that was killed is removed: the lock shows that it is
    /// dead.
    pub fn bind(directory: &DataDir, lock: &Lock) -> Result<Self, BindError> {
        let bind = || {
            let handle = directory.handle().try_clone_to_owned()?;
            match unlinkat(&handle, NAME, AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            let listener = UnixListener::bind(address(directory))?;
            chmodat(&handle, NAME, Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
            Ok(Self { listener, directory: handle, lock: lock.clone() })
        };
        bind().map_err(|source| BindError { path: directory.path().join(NAME), source })
    }

    /// Answers with `handler` until `stop`; what is under way then is finished.
    pub async fn serve<H, F>(self, stop: impl Future<Output = ()>, handler: H)
    where
        H: Fn(Actor, Value) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Value, ControlError>> + Send + 'static,
    {
        let seats = Arc::new(Semaphore::new(MOST_AT_ONCE));
        let mut conversations = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.accept(&seats) => accepted,
            };
            let Some((stream, seat)) = accepted else { continue };
            while conversations.try_join_next().is_some() {}
            let handler = handler.clone();
            conversations.spawn(async move {
                converse(stream, handler).await;
                drop(seat);
            });
        }
        // Nobody new; but the directory stays ours until the last question is answered.
        let lock = self.lock.clone();
        drop(self);
        let _ = timeout(LAST_WORDS, conversations.join_all()).await;
        drop(lock);
    }

    async fn accept(&self, seats: &Arc<Semaphore>) -> Option<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
        let seat = Arc::clone(seats).acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((stream, _)) => Some((stream, seat)),
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot accept");
                // As when there are no more file handles: it would fail again at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
                None
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = unlinkat(self.directory.as_fd(), NAME, AtFlags::empty());
    }
}

/// One question and its answer.
async fn converse<H, F>(stream: UnixStream, handler: H)
where
    H: Fn(Actor, Value) -> F,
    F: Future<Output = Result<Value, ControlError>>,
{
    let peer = stream.peer_cred().ok().map(|peer| peer.uid());
    let actor = peer.and_then(|peer| Actor::admit(peer, geteuid().as_raw()));
    if actor.is_none() {
        tracing::warn!(peer, "somebody else at the control socket");
    }
    let service = service_fn(|request| async {
        Ok::<_, Infallible>(answer(actor, request, &handler).await.unwrap_or_else(|refusal| refusal))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false).max_buf_size(16 << 10);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a conversation at the control socket broke off");
    }
}
