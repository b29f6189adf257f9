//! Signed streams (protocol §9.2): bodies that are passed on frame by frame, as they are verified or signed.
//!
//! Nothing of a stream is held back until its end, so nothing of it can be taken back either: whoever reads one is told by
//! an error that the end is missing. A stream ends within a moment of its key being taken back.

mod download;
mod events;
mod upload;
mod watch;

use std::pin::Pin;

use axum::body::Body;
use axum::extract::Request;
use countersign_core::problem::Problem;
use countersign_core::secret::KeyPair;
use countersign_core::signature::Received;
use countersign_core::stream::{FrameReader, FrameSigner, MOST_DATA, OVERHEAD};
use countersign_core::verdict::Principal;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body::Body as _;

use self::download::Download;
use self::events::Events;
use self::upload::Upload;
pub(super) use self::watch::Watch;
use super::buffer::Hold;
use super::problem::Refused;
use super::verify::undecided;
use crate::app::SharedApp;
use crate::config::Route;
use crate::service::stream_keys::stream_keys;

/// What one stream takes of the memory for bodies and answers: a frame that comes in or goes out, and the octets that it is
/// made of.
const ROOM: usize = 2 * (MOST_DATA + OVERHEAD);

/// Among the extensions of a request whose answer may be a stream: whoever fetches it need not hold it back.
#[derive(Clone, Copy, Debug)]
pub(super) struct MayStream;

/// Completes when a stream has to end.
type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What an admitted request says of streams, and the keys that they need.
pub(super) struct Streams {
    app: SharedApp,
    principal: Principal,
    keys: KeyPair,
    answer: bool,
}

impl Streams {
    /// Nothing where neither the body nor the answer may be a stream.
    ///
    /// # Errors
    /// The body is a stream, and the route takes none; or the keys cannot be had.
    pub(super) fn of(
        app: &SharedApp,
        route: &Route,
        received: &Received,
        principal: &Principal,
    ) -> Result<Option<Self>, Refused> {
        let answer = route.max_stream.is_some() && received.accepts_stream();
        if received.is_stream() && route.max_stream.is_none() {
            return Err(Problem::UNSUPPORTED_TYPE.into());
        }
        if !received.is_stream() && !answer {
            return Ok(None);
        }
        let keys = stream_keys(app, principal).map_err(|error| undecided(&error))?.ok_or(Problem::UNAUTHORIZED)?;
        Ok(Some(Self { app: app.clone(), principal: principal.clone(), keys, answer }))
    }

    /// A body that gives out data as their frames are verified, and how it can be watched.
    pub(super) fn take_in(&self, route: &Route, received: &Received, body: Body) -> Result<(Body, Watch), Refused> {
        let watch = Watch::default();
        let upload = Upload {
            body,
            arrived: bytes::Bytes::new(),
            frames: FrameReader::new(self.keys.c2s.clone(), received.mac()),
            left: route.max_stream.unwrap_or_default(),
            ending: Some(self.ending()),
            watch: watch.clone(),
            _hold: self.hold()?,
        };
        Ok((Body::new(upload), watch))
    }

    /// Tells whoever fetches the answer that it may go on for as long as it likes.
    pub(super) fn announce(&self, request: &mut Request) {
        if self.answer {
            request.extensions_mut().insert(MayStream);
        }
    }

    /// Whether an answer with this status to a request of this kind goes out as a stream.
    pub(super) fn streams_answer(&self, to_head: bool, status: StatusCode) -> bool {
        let has_body =
            !status.is_informational() && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        self.answer && !to_head && has_body
    }

    /// The frames of an answer whose head has this MAC.
    pub(super) fn frames(&self, body: Body, headers: &HeaderMap, message: [u8; 32]) -> Result<Body, Problem> {
        let of_events = headers.get(CONTENT_TYPE).is_some_and(|value| events::is_media_type(value.as_bytes()));
        let is_endless = body.size_hint().exact().is_none();
        Ok(Body::new(Download {
            body,
            events: of_events.then(Events::default),
            signer: Some(FrameSigner::new(self.keys.s2c.clone(), message)),
            ending: if is_endless { self.ending_or_stop() } else { self.ending() },
            silence: None,
            _hold: self.hold()?,
        }))
    }

    fn hold(&self) -> Result<Hold, Problem> {
        let mut hold = self.app.budget.hold();
        if hold.grow(ROOM) { Ok(hold) } else { Err(Problem::UNAVAILABLE) }
    }

    /// Completes when the key is taken back, or the session.
    fn ending(&self) -> Ending {
        let (app, prover) = (self.app.clone(), self.principal.prover.clone());
        Box::pin(async move { app.accounts.ended(&prover).await })
    }

    /// The same; and when the guard stops, since nobody knows when this answer would end.
    fn ending_or_stop(&self) -> Ending {
        let (app, prover) = (self.app.clone(), self.principal.prover.clone());
        Box::pin(async move { app.ends(&prover).await })
    }
}
