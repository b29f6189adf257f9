//! Problems as HTTP answers (RFC 9457).

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use countersign_core::problem::Problem;
use countersign_core::verdict::Refusal;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};

/// What a client can sign for; sent with the 401 of an unsigned request (RFC 9421 §5.1).
const ACCEPT_SIGNATURE: (HeaderName, HeaderValue) = (
    HeaderName::from_static("accept-signature"),
    HeaderValue::from_static(
        r#"cs=("@method" "@authority" "@path" "@query" "content-digest");created;nonce;keyid;alg="hmac-sha256";tag="countersign-req-1""#,
    ),
);

/// Seconds until it is worth asking whether a user's outcomes take less room: the oldest are forgotten after a day.
const ROOM_AGAIN: u64 = 60;

/// A problem on its way out, with what goes beside it.
#[derive(Debug)]
pub struct Refused {
    problem: Problem,
    retry_after: Option<u64>,
    allow: Option<HeaderValue>,
    accept_signature: bool,
    bearer: bool,
    not_carried_out: bool,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let retry_after = matches!(problem.status, 429 | 503).then_some(1);
        Self { problem, retry_after, allow: None, accept_signature: false, bearer: false, not_carried_out: false }
    }
}

impl Refused {
    /// What the caller is told of a refusal. `warm` is how long it takes until everything that may have been accepted
    /// before a crash has left the window.
    pub fn of(refusal: Refusal, warm: Duration) -> Self {
        let refused = Self::from(refusal.problem());
        match refusal {
            Refusal::WarmingUp => refused.retry_after(warm.as_secs()),
            Refusal::InFlight => refused.retry_after(1),
            Refusal::TokenAlone => Self { accept_signature: true, ..refused },
            Refusal::TooMuchKept => refused.retry_after(ROOM_AGAIN),
            Refusal::BadSignature
            | Refusal::UnknownKey
            | Refusal::RevokedKey
            | Refusal::Stale
            | Refusal::FutureDated
            | Refusal::Replayed
            | Refusal::Throttled
            | Refusal::NameTaken
            | Refusal::TicketSpent
            | Refusal::NotTheSuccessor
            | Refusal::KeyOfAnother
            | Refusal::OutcomeUnknown
            | Refusal::TokenInvalid
            | Refusal::TokenRevoked
            | Refusal::SessionRequired
            | Refusal::Unavailable => refused,
        }
    }

    /// A request came unsigned where a signature is due.
    pub fn unsigned() -> Self {
        Self { accept_signature: true, ..Self::from(Problem::UNAUTHORIZED) }
    }

    /// A request came without either, where a signature is due or an access token.
    pub fn neither() -> Self {
        Self { bearer: true, ..Self::unsigned() }
    }

    /// Says that the request has certainly not reached the API.
    pub fn not_carried_out(self) -> Self {
        Self { not_carried_out: true, ..self }
    }

    /// Says when to come back, in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Says more exactly what happened and what to do next, in words that JSON need not escape.
    pub fn saying(self, detail: &'static str) -> Self {
        Self { problem: Problem { detail, ..self.problem }, ..self }
    }

    /// Says which methods an address takes.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(HeaderValue::from_static(allow)), ..Self::from(Problem::METHOD_NOT_ALLOWED) }
    }
}

/// Marks an answer that the guard itself has made: what an API may not say is not taken out of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unfiltered;

/// Marks an answer to a request that has certainly not reached the API, so that it may be sent again under its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotCarriedOut;

/// Marks an answer with tokens in it: given again, they might bring a session back that was ended since, and kept, they
/// would lie in the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct BringsTokens;

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.problem.json()));
        response.extensions_mut().insert(Unfiltered);
        if self.not_carried_out {
            response.extensions_mut().insert(NotCarriedOut);
        }
        *response.status_mut() = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // RFC 6750 §3.1: no error code for whoever brought nothing. One line, since proxies lose a second one.
        let bearer = self.bearer.then(|| r#"Bearer realm="countersign""#.to_owned());
        let challenges: Vec<_> = self.problem.www_authenticate().into_iter().chain(bearer).collect();
        if let Some(value) = HeaderValue::try_from(challenges.join(", ")).ok().filter(|value| !value.is_empty()) {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, allow);
        }
        if self.accept_signature {
            let (name, value) = ACCEPT_SIGNATURE;
            headers.insert(name, value);
        }
        response
    }
}
