use core::fmt;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll, ready};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use countersign_core::stream::{FrameSigner, MOST_DATA};
use futures_util::Stream;
use http_body::{Body, Frame};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

type Data = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Data of any length that is to be sent. It is read as it is sent, a frame at a time.
pub struct Upload(Data);

impl Upload {
    /// What this reader reads, to its end.
    pub fn of_reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::of_stream(ReaderStream::with_capacity(reader, MOST_DATA))
    }

    /// These pieces, one after the other. Each is sent as soon as it is there. An error breaks the upload off, so that the
    /// server knows that its end is missing.
    pub fn of_stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self(Box::pin(pieces))
    }

    /// The body on the wire, and how it can be watched from outside.
    pub(super) fn into_body(self, signer: FrameSigner) -> (Frames, Arc<Watch>) {
        let watch = Arc::new(Watch::default());
        let frames =
            Frames { data: Mutex::new(self.0), piece: Bytes::new(), signer: Some(signer), watch: Arc::clone(&watch) };
        (frames, watch)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload")
    }
}

/// What is known of an upload under way.
#[derive(Debug, Default)]
pub(super) struct Watch {
    moved: AtomicU64,
    waits_for_data: AtomicBool,
    failure: Mutex<Option<io::Error>>,
}

impl Watch {
    /// How often something was taken over by the connection.
    pub(super) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Whether the connection would take more, and there is none.
    pub(super) fn waits_for_data(&self) -> bool {
        self.waits_for_data.load(Ordering::Relaxed)
    }

    /// Why the data could not be read to its end, if so.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn fail(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        kind.into()
    }
}

/// A body that becomes frames while it is sent.
pub(super) struct Frames {
    /// Behind a lock that nobody waits for: a body has to be shareable, and data need not be.
    data: Mutex<Data>,
    piece: Bytes,
    /// Until the final frame.
    signer: Option<FrameSigner>,
    watch: Arc<Watch>,
}

impl Frames {
    /// The next piece with something in it, of a length that fits into a frame; `None` at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        while self.piece.is_empty() {
            let data = self.data.get_mut().unwrap_or_else(PoisonError::into_inner);
            let polled = data.as_mut().poll_next(cx);
            self.watch.waits_for_data.store(polled.is_pending(), Ordering::Relaxed);
            match ready!(polled) {
                Some(piece) => self.piece = piece?,
                None => return Poll::Ready(Ok(None)),
            }
        }
        let length = self.piece.len().min(MOST_DATA);
        Poll::Ready(Ok(Some(self.piece.split_to(length))))
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let Some(mut signer) = this.signer.take() else { return Poll::Ready(None) };
        let octets = match this.poll_piece(cx) {
            Poll::Pending => {
                this.signer = Some(signer);
                return Poll::Pending;
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(this.watch.fail(error)))),
            Poll::Ready(Ok(Some(piece))) => {
                let octets = signer.sign(&piece);
                this.signer = Some(signer);
                octets
            }
            Poll::Ready(Ok(None)) => signer.finish(&[]),
        };
        this.watch.moved.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(octets.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.signer.is_none()
    }
}
