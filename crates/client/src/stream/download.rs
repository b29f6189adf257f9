use core::fmt;

use bytes::Bytes;
use countersign_core::signature::Interference;
use countersign_core::stream::FrameReader;
use countersign_core::time::Timestamp;
use futures_util::Stream;
use http::{HeaderMap, StatusCode, Version};
use tokio::time::timeout;

use super::class_of;
use crate::conversation::{ClockChange, PATIENCE, VerifiedStream};

/// A verified answer whose body comes frame by frame.
///
/// What it gives out is verified. That it is all is said by the end alone: by [`next`](Self::next) returning `None`.
pub struct Download {
    /// The status.
    pub status: StatusCode,
    /// The fields that the signature covers; all others were dropped.
    pub headers: HeaderMap,
    /// The version of HTTP in which it comes. Nobody signs that.
    pub version: Version,
    /// The server's clock when it began to answer.
    pub server_time: Timestamp,
    /// How our idea of the server's clock was corrected on the way, if it was.
    pub clock_change: Option<ClockChange>,
    /// Whether the first attempt was rejected for its time, so that this is the answer to the second.
    pub retried: bool,
    frames: FrameReader,
    answer: reqwest::Response,
    arrived: Bytes,
}

impl Download {
    pub(super) fn new(verified: VerifiedStream, answer: reqwest::Response) -> Self {
        let VerifiedStream { status, headers, server_time, clock_change, frames } = verified;
        let (version, retried, arrived) = (answer.version(), false, Bytes::new());
        Self { status, headers, version, server_time, clock_change, retried, frames, answer, arrived }
    }

    pub(super) fn after(self, clock_change: Option<ClockChange>) -> Self {
        Self { retried: true, clock_change: clock_change.or(self.clock_change), ..self }
    }

    /// The data of the next frame that has any; `None` at the end, when nothing is missing.
    ///
    /// # Errors
    /// Somebody stands between. What was given out before is the server's; the rest is withheld.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Interference> {
        loop {
            let mut input: &[u8] = &self.arrived;
            let read = self.frames.next(&mut input).map_err(class_of)?;
            self.arrived = self.arrived.slice(self.arrived.len() - input.len()..);
            match read {
                Some(data) if !data.is_empty() => return Ok(Some(data.into())),
                Some(_) => continue,
                None => {}
            }
            // A server that has nothing to say says so: silence is somebody else's.
            match timeout(PATIENCE, self.answer.chunk()).await {
                Ok(Ok(Some(octets))) => self.arrived = octets,
                Ok(Ok(None) | Err(_)) | Err(_) => return self.frames.end().map(|()| None).map_err(class_of),
            }
        }
    }

    /// The same as a stream. It ends after the first error; an end without one says that nothing is missing.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Interference>> {
        futures_util::stream::unfold(Some(self), |download| async {
            let mut download = download?;
            match download.next().await {
                Ok(data) => data.map(|data| (Ok(data), Some(download))),
                Err(class) => Some((Err(class), None)),
            }
        })
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({}, its body still to come)", self.status.as_u16())
    }
}
