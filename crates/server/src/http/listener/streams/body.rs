use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::super::drive::now;
use super::super::framing::BodyViolation;
use super::super::limits::Pace;
use super::super::patience::{Moving, Paced};

/// How quickly a body on a stream comes while it is waited for.
#[derive(Debug)]
pub(in crate::http::listener) struct Pacing {
    pace: Pace,
    paced: Paced,
    octets: u64,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Pacing {
    pub(in crate::http::listener) fn new(pace: Pace) -> Self {
        Self { pace, paced: Paced::default(), octets: 0, alarm: None }
    }

    /// The next piece, unless it takes too long to come. Trailer fields are refused, as in HTTP/1.1: no signature covers
    /// them.
    pub(in crate::http::listener) fn poll_frame(
        &mut self,
        body: Pin<&mut Incoming>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyViolation>>> {
        let Poll::Ready(frame) = body.poll_frame(cx) else { return self.poll_end(cx).map(|late| Some(Err(late))) };
        self.paced.observe(None, &self.pace, now());
        Poll::Ready(frame.map(|frame| match frame.map_err(|_| BodyViolation::CutShort)?.into_data() {
            Ok(data) => {
                self.octets += data.len() as u64;
                Ok(Frame::data(data))
            }
            Err(_) => Err(BodyViolation::Malformed("no trailer fields")),
        }))
    }

    /// Waits until it has waited too long.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<BodyViolation> {
        let waited_for = Moving { message: 0, octets: self.octets };
        let now = now();
        let Some(end) = self.paced.observe(Some(waited_for), &self.pace, now) else { return Poll::Pending };
        if end <= now {
            return Poll::Ready(BodyViolation::TooSlow);
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        if alarm.deadline() != end {
            alarm.as_mut().reset(end);
        }
        alarm.as_mut().poll(cx).map(|()| BodyViolation::TooSlow)
    }
}
