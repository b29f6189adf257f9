//! A request under an idempotency key: handed on at most once, and answered as the first was (protocol §7).

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::BytesMut;
use countersign_core::idempotency::{Finality, KeptAnswer, MAX_KEPT};
use countersign_core::problem::Problem;
use futures_util::stream::{self, StreamExt as _};
use http::header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;

use super::{Api, run, undecided};
use crate::app::{App, SharedApp};
use crate::edge;
use crate::http::buffer::{Budget, Buffered};
use crate::http::problem::{BringsTokens, NotCarriedOut, Refused};
use crate::http::routes::keys::SERVER_KEY;
use crate::service::idempotency::{Beginning, Ending, Keyed, begin};

/// Says that an answer was given before, to the first request under the key. Stripe's API has made the name known.
const REPLAYED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));

/// Has a request served under its key. It is carried out to its end, whatever becomes of whoever waits for the answer:
/// otherwise a line that is cut would take the outcome with it.
pub(super) async fn once(app: &SharedApp, keyed: Keyed, request: Request, api: impl Api + 'static) -> Response {
    let (answer, answered) = oneshot::channel();
    if !app.idempotency.carry_out(carry_out(app.clone(), keyed, request, api, answer)) {
        tracing::warn!("more requests are under way than may be; refused");
        return Refused::from(Problem::UNAVAILABLE).into_response();
    }
    answered.await.unwrap_or_else(|_| Refused::from(Problem::BAD_GATEWAY).into_response())
}

async fn carry_out(app: SharedApp, keyed: Keyed, request: Request, api: impl Api, answer: oneshot::Sender<Response>) {
    let under_way = match begin(&app, &keyed, edge::now()).await {
        Ok(Beginning::First(under_way)) => under_way,
        Ok(Beginning::Answered(kept)) => return tell(answer, again(kept)),
        Ok(Beginning::Refused(refusal)) => {
            let warm = app.replay.retry_after(edge::now().wall);
            return tell(answer, Refused::of(refusal, warm).into_response());
        }
        Err(error) => return tell(answer, undecided(&error).into_response()),
    };
    let (response, ending) = end(&app, run(api, request).await).await;
    let settled = under_way.settle(&ending).await;
    // Whoever waits is told what happened, even if the store could not be.
    tell(answer, response);
    if let Err(error) = settled {
        tracing::error!(error = &error as &dyn std::error::Error, "an outcome was not kept; trying again");
        under_way.settle_in_the_end(ending).await;
    }
}

/// Whoever asked may have gone.
fn tell(answer: oneshot::Sender<Response>, response: Response) {
    drop(answer.send(response));
}

/// What became of a request, by its answer; and the answer, to be given.
async fn end(app: &App, response: Response) -> (Response, Ending) {
    if response.extensions().get::<NotCarriedOut>().is_some() {
        return (response, Ending::NotCarriedOut);
    }
    match Finality::of(response.status().as_u16()) {
        Finality::Refused => (response, Ending::NotCarriedOut),
        Finality::Failed => (response, Ending::Unknown),
        // Given again, a cookie might bring a session back that was ended since.
        Finality::Final if response.headers().contains_key(SET_COOKIE) => (response, Ending::Unknown),
        Finality::Final if response.extensions().get::<BringsTokens>().is_some() => (response, Ending::Unknown),
        Finality::Final => keep(&app.budget, response).await,
    }
}

async fn keep(memory: &Budget, response: Response) -> (Response, Ending) {
    let (parts, body) = response.into_parts();
    match take_in(memory, body).await {
        Ok(whole) => {
            let (status, fields) = (parts.status.as_u16(), fields(&parts.headers));
            let kept = KeptAnswer { status, fields, body: whole.octets().to_vec() };
            (Response::from_parts(parts, whole.into_body()), Ending::Answered(kept))
        }
        Err(body) => (Response::from_parts(parts, body), Ending::Unknown),
    }
}

/// Takes a body in that is short enough to be kept. The error is the body as it came, for one that is not, or breaks off.
async fn take_in(memory: &Budget, mut body: Body) -> Result<Buffered, Body> {
    if body.size_hint().lower() > MAX_KEPT as u64 {
        return Err(body);
    }
    let (mut hold, mut taken) = (memory.hold(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let data = match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => data,
            Ok(Err(_trailers)) => continue,
            Err(error) => return Err(Body::from_stream(stream::iter([Ok(taken.freeze()), Err(error)]))),
        };
        let fits = taken.len() + data.len() <= MAX_KEPT && hold.grow(data.len());
        taken.extend_from_slice(&data);
        if !fits {
            let begun = stream::iter([Ok(taken.freeze())]);
            return Err(Body::from_stream(begun.chain(body.into_data_stream())));
        }
    }
    Ok(Buffered::new(taken.freeze(), hold))
}

/// What is kept of the fields: not those of the moment. A static key that was announced may be retired when the answer is
/// given again.
fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let kept = headers.iter().filter(|(name, _)| ![DATE, CONTENT_LENGTH, SERVER_KEY].contains(name));
    kept.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

/// The answer that was kept, marked as such.
fn again(kept: KeptAnswer) -> Response {
    let KeptAnswer { status, fields, body } = kept;
    let mut response = Response::new(Body::from(body));
    let (Ok(status), Some(headers)) = (StatusCode::from_u16(status), headers(fields)) else {
        return Refused::from(Problem::UNAVAILABLE).into_response();
    };
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    let (name, value) = REPLAYED;
    response.headers_mut().insert(name, value);
    response
}

fn headers(fields: Vec<(String, Vec<u8>)>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(&value).ok()?);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_true_of_a_moment_only_is_not_given_again() {
        let mut said = HeaderMap::new();
        for name in ["date", "content-length", "countersign-server-key", "etag"] {
            said.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        assert_eq!(fields(&said), [("etag".to_owned(), b"x".to_vec())]);
    }
}
