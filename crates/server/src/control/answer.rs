use std::error::Error;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;

use super::actor::Actor;
use super::{LONGEST_QUESTION, PATIENCE, ROUTE};

/// Why the server does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// A short name, for programs.
    pub code: String,
    /// A sentence, for people.
    pub message: String,
}

impl ControlError {
    /// An error of this name and sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// What is said to a question of this actor; `None` is a stranger.
pub(super) async fn answer<B, H, F>(
    actor: Option<Actor>,
    request: Request<B>,
    handler: &H,
) -> Result<Response<Full<Bytes>>, Response<Full<Bytes>>>
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
    H: Fn(Actor, Value) -> F,
    F: Future<Output = Result<Value, ControlError>>,
{
    let no = |status, code: &str, message: &str| refused(status, &ControlError::new(code, message));
    let stranger = "only the owner of the data directory and root may ask";
    let actor = actor.ok_or_else(|| no(StatusCode::FORBIDDEN, "forbidden", stranger))?;
    if request.uri().path() != ROUTE {
        return Err(no(StatusCode::NOT_FOUND, "not-found", "there is POST /control and nothing else"));
    }
    if request.method() != Method::POST {
        return Err(no(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "there is POST /control and nothing else",
        ));
    }
    let body = timeout(PATIENCE, Limited::new(request.into_body(), LONGEST_QUESTION).collect()).await;
    let body = body.map_err(|_| no(StatusCode::REQUEST_TIMEOUT, "timeout", "the question took too long"))?;
    let body = body.map_err(|_| no(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "a question has at most 64 KiB"))?;
    let question = serde_json::from_slice::<Value>(&body.to_bytes());
    let question = question.map_err(|_| no(StatusCode::BAD_REQUEST, "malformed-request", "the question is no JSON"))?;
    let operation = question.get("operation").and_then(Value::as_str).unwrap_or_default();
    tracing::info!(%actor, operation, "asked through the control socket");
    match handler(actor, question).await {
        Ok(value) => Ok(done(&value)),
        Err(error) => Err(refused(StatusCode::UNPROCESSABLE_ENTITY, &error)),
    }
}

/// What was asked, as JSON.
fn done(value: &Value) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, value.to_string())
}

/// No, and why not, as JSON.
fn refused(status: StatusCode, error: &ControlError) -> Response<Full<Bytes>> {
    let ControlError { code, message } = error;
    respond(status, serde_json::json!({ "code": code, "message": message }).to_string())
}

fn respond(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stranger_is_told_nothing_and_asks_nobody() {
        let handler = async |_: Actor, _: Value| panic!("a stranger was heard");
        let question = Request::post(ROUTE).body(Full::new(Bytes::from("{}"))).unwrap();
        let answer = answer(None, question, &handler).await.unwrap_err();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
}
