use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use countersign_core::problem::Problem;
use countersign_core::stream::{BrokenStream, FrameReader};
use http_body::{Body as HttpBody, Frame};

use super::{Ending, Watch};
use crate::http::buffer::Hold;

/// Why a streamed body breaks off.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokenUpload {
    /// A frame does not hold, or the end is missing.
    #[error(transparent)]
    Frames(#[from] BrokenStream),
    /// It has more data than the route takes.
    #[error("the stream is longer than the route takes")]
    TooLong,
    /// The key that signed it was taken back.
    #[error("the key of the stream was taken back")]
    KeyEnded,
    /// It has trailer fields.
    #[error("the stream has trailer fields")]
    Trailers,
    /// What carries it broke off or breaks a rule.
    #[error("the body that carries the stream broke off")]
    Carrier(#[source] axum::Error),
}

impl BrokenUpload {
    /// What the client is told: the API may have used what came before.
    fn problem(&self) -> Problem {
        match self {
            Self::TooLong => Problem::TOO_LARGE,
            Self::KeyEnded => Problem::UNAUTHORIZED,
            // Not those of a body that was cut short or came too slowly: they say that nothing was done.
            Self::Frames(_) | Self::Trailers | Self::Carrier(_) => Problem::STREAM_BROKEN,
        }
    }
}

/// A body that gives out the data of frames, each as soon as it is verified. Only its end without an error says that
/// nothing is missing.
pub(super) struct Upload {
    pub(super) body: Body,
    /// Octets of the carrier that were not read as frames yet.
    pub(super) arrived: Bytes,
    pub(super) frames: FrameReader,
    /// How many octets of data may still come.
    pub(super) left: u64,
    /// Until the body has ended one way or the other.
    pub(super) ending: Option<Ending>,
    pub(super) watch: Watch,
    pub(super) _hold: Hold,
}

impl Upload {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BrokenUpload>> {
        loop {
            let mut input: &[u8] = &self.arrived;
            let read = self.frames.next(&mut input)?;
            self.arrived = self.arrived.slice(self.arrived.len() - input.len()..);
            match read {
                Some(data) if data.is_empty() => continue,
                Some(data) => return Poll::Ready(self.within(data.into()).map(Some)),
                None => {}
            }
            let polled = Pin::new(&mut self.body).poll_frame(cx);
            self.watch.wait_for_client(polled.is_pending());
            match std::task::ready!(polled) {
                Some(Ok(frame)) => self.arrived = frame.into_data().map_err(|_| BrokenUpload::Trailers)?,
                Some(Err(error)) => return Poll::Ready(Err(BrokenUpload::Carrier(error))),
                None => return Poll::Ready(self.frames.end().map(|()| None).map_err(Into::into)),
            }
        }
    }

    fn within(&mut self, data: Bytes) -> Result<Bytes, BrokenUpload> {
        self.left = self.left.checked_sub(data.len() as u64).ok_or(BrokenUpload::TooLong)?;
        Ok(data)
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BrokenUpload;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        let this = self.get_mut();
        this.watch.moved();
        let Some(ending) = &mut this.ending else { return Poll::Ready(None) };
        // Before every release: whoever has stolen a key begins a few uploads in advance.
        let data = match ending.as_mut().poll(cx) {
            Poll::Ready(()) => Err(BrokenUpload::KeyEnded),
            Poll::Pending => std::task::ready!(this.poll_data(cx)),
        };
        match data {
            Ok(Some(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Ok(None) => {
                this.ending = None;
                Poll::Ready(None)
            }
            Err(broken) => {
                tracing::warn!(error = &broken as &dyn std::error::Error, "a streamed body broke off");
                this.ending = None;
                this.watch.fail(broken.problem());
                Poll::Ready(Some(Err(broken)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ending.is_none()
    }
}
