use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use countersign_core::stream::FrameSigner;
use http_body::{Body as HttpBody, Frame};
use tokio::time::Sleep;

use super::Ending;
use super::events::Events;
use crate::http::buffer::Hold;

/// After how much silence an empty frame is sent. Without it nobody could tell an API that has nothing to say from
/// somebody who holds back what it says.
const SILENCE: Duration = Duration::from_secs(15);

/// Why a streamed answer has no end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokenDownload {
    /// The API broke off.
    #[error("the API behind broke its answer off")]
    Api(#[source] axum::Error),
    /// The key that the answer is for was taken back, or the guard stops.
    #[error("the key of the stream was taken back, or the guard stops")]
    Ended,
}

/// A body whose data are signed frame by frame as they come. Where it breaks off the final frame is missing.
pub(super) struct Download {
    pub(super) body: Body,
    /// Of a stream of events, each of which is a frame.
    pub(super) events: Option<Events>,
    /// Until the final frame was made, or none will be.
    pub(super) signer: Option<FrameSigner>,
    pub(super) ending: Ending,
    pub(super) silence: Option<Pin<Box<Sleep>>>,
    pub(super) _hold: Hold,
}

impl Download {
    fn poll_frames(
        &mut self,
        signer: &mut FrameSigner,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, BrokenDownload>> {
        if self.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(BrokenDownload::Ended));
        }
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.silence = None;
                    // Trailers of the API are not passed on: nothing signs them.
                    let octets = frame.into_data().map(|data| self.signed(&data, signer)).unwrap_or_default();
                    if !octets.is_empty() {
                        return Poll::Ready(Ok(Some(octets.into())));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(BrokenDownload::Api(error))),
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => {
                    let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(SILENCE)));
                    ready!(silence.as_mut().poll(cx));
                    self.silence = None;
                    return Poll::Ready(Ok(Some(signer.sign(&[]).into())));
                }
            }
        }
    }

    fn signed(&mut self, data: &[u8], signer: &mut FrameSigner) -> Vec<u8> {
        match &mut self.events {
            _ if data.is_empty() => Vec::new(),
            None => signer.sign(data),
            Some(events) => events.take(data).iter().flat_map(|event| signer.sign(event)).collect(),
        }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = BrokenDownload;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenDownload>>> {
        let this = self.get_mut();
        let Some(mut signer) = this.signer.take() else { return Poll::Ready(None) };
        let octets = match this.poll_frames(&mut signer, cx) {
            Poll::Pending => {
                this.signer = Some(signer);
                return Poll::Pending;
            }
            Poll::Ready(Ok(Some(octets))) => {
                this.signer = Some(signer);
                octets
            }
            Poll::Ready(Ok(None)) => {
                let rest = this.events.take().map(Events::rest).unwrap_or_default();
                signer.finish(&rest).into()
            }
            Poll::Ready(Err(broken)) => {
                tracing::warn!(error = &broken as &dyn std::error::Error, "a streamed answer broke off");
                return Poll::Ready(Some(Err(broken)));
            }
        };
        Poll::Ready(Some(Ok(Frame::data(octets))))
    }

    fn is_end_stream(&self) -> bool {
        self.signer.is_none()
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::secret::{MacKey, Secret32};
    use countersign_core::stream::FrameReader;
    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::http::buffer::Budget;

    fn key() -> MacKey {
        MacKey::new(&Secret32::new([7; 32]))
    }

    fn of(body: Body) -> Download {
        Download {
            body,
            events: None,
            signer: Some(FrameSigner::new(key(), [1; 32])),
            ending: Box::pin(std::future::pending()),
            silence: None,
            _hold: Budget::new(0).hold(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_signed_so_that_nobody_can_hold_back_what_an_api_says_for_longer_unseen() {
        let pieces = [Some("one"), None, None].map(|piece| async move {
            match piece {
                Some(data) => Ok::<_, std::io::Error>(data),
                None => std::future::pending().await,
            }
        });
        let mut download = of(Body::from_stream(stream::FuturesOrdered::from_iter(pieces)));
        let mut frames = FrameReader::new(key(), [1; 32]);
        for expected in [b"one".as_slice(), b"", b""] {
            let octets = download.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(frames.next(&mut &octets[..]).unwrap().unwrap(), expected);
        }
        assert!(!frames.is_complete());
    }

    #[tokio::test]
    async fn an_answer_of_which_nothing_comes_has_a_final_frame_and_one_that_breaks_off_has_none() {
        let octets = of(Body::empty()).collect().await.unwrap().to_bytes();
        let mut frames = FrameReader::new(key(), [1; 32]);
        assert_eq!(frames.next(&mut &octets[..]).unwrap().unwrap(), b"");
        assert!(frames.is_complete());
        let broken = stream::iter([Ok("one"), Err(std::io::Error::other("cut"))]);
        let mut download = of(Body::from_stream(broken));
        assert!(download.frame().await.unwrap().is_ok());
        assert!(download.frame().await.unwrap().is_err());
        assert!(download.frame().await.is_none());
    }
}
