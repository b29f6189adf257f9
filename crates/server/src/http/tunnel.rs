//! A connection that was upgraded: octets are copied both ways as they are, for as long as the key may sign.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use countersign_core::verdict::Prover;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::app::SharedApp;

/// From the API's 101 to the moment in which both sides have it. A 101 that was not sent after all ends here.
const HANDOVER: Duration = Duration::from_secs(10);

/// The two connections of one WebSocket.
pub(super) struct Tunnel {
    /// To the client, once its 101 is out.
    pub(super) client: OnUpgrade,
    /// To the API.
    pub(super) api: OnUpgrade,
    /// Whose it is.
    pub(super) prover: Prover,
    /// How long nothing may be said on it, in either direction.
    pub(super) silence: Duration,
}

impl Tunnel {
    /// Carries octets until either side ends it, its key or session is taken back, the guard stops, or nothing is said any more.
    pub(super) fn open(self, app: &SharedApp) {
        let lasting = app.lasting.clone();
        let app = app.clone();
        lasting.spawn(async move {
            tokio::select! {
                () = app.ends(&self.prover) => {
                    tracing::debug!("a WebSocket was ended: its key or session was taken back, or the guard stops");
                },
                ended = carry(self.client, self.api, self.silence) => tracing::debug!(?ended, "a WebSocket has ended"),
            }
        });
    }
}

async fn carry(client: OnUpgrade, api: OnUpgrade, silence: Duration) -> Result<(), hyper::Error> {
    let Ok(both) = timeout(HANDOVER, async { tokio::try_join!(client, api) }).await else { return Ok(()) };
    let (client, api) = both?;
    let stirred = Arc::new(Notify::new());
    let mut client = Watched { io: TokioIo::new(client), stirred: Arc::clone(&stirred) };
    let mut api = TokioIo::new(api);
    tokio::select! {
        // How it ended is for the two ends to know.
        _ = copy_bidirectional(&mut client, &mut api) => {}
        () = silent(&stirred, silence) => {}
    }
    Ok(())
}

/// Completes when nothing has stirred for so long.
async fn silent(stirred: &Notify, silence: Duration) {
    while timeout(silence, stirred.notified()).await.is_ok() {}
}

/// A connection that tells when octets pass on it, in either direction.
struct Watched {
    io: TokioIo<Upgraded>,
    stirred: Arc<Notify>,
}

impl Watched {
    fn note(&self, passed: bool) {
        if passed {
            self.stirred.notify_one();
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.io).poll_read(cx, buf);
        self.note(buf.filled().len() > before);
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(cx, octets);
        self.note(matches!(outcome, Poll::Ready(Ok(1..))));
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
