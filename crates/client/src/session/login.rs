//! Logins: by a key, and by a password.

use bytes::Bytes;
use countersign_core::authority::Authority;
use countersign_core::enrolment::Answers;
use countersign_core::secret::Root;
use countersign_core::time::Timestamp;
use http::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;
use zeroize::Zeroizing;

use super::error::retry_after;
use super::grant::Opening;
use super::{Refusal, Session, SessionError};
use crate::conversation::problem_in;
use crate::transport::{Arrived, Client};
use crate::unsigned::Unsigned;
use crate::{Answer, Credentials, Server};

const LOGIN: &str = "/api/auth/login";

/// A person's key, which opens sessions and signs nothing else.
#[derive(Clone, Debug)]
pub struct LoginKey {
    pub(super) client: Client,
    root: Root,
    device: String,
    user_agent: Option<HeaderValue>,
}

impl LoginKey {
    /// The key that `client` signs with, by its root; `device` is what its user calls the device, and may be empty.
    pub fn new(client: Client, root: Root, device: &str) -> Self {
        Self { client: client.without_idempotency_keys(), root, device: device.to_owned(), user_agent: None }
    }

    /// The same under this `User-Agent`, by which its user knows the program in a list of sessions.
    #[must_use]
    pub fn calling_itself(self, user_agent: HeaderValue) -> Self {
        Self { user_agent: Some(user_agent), ..self }
    }

    /// Opens a session. Nothing secret is sent, and the answer is verified.
    pub async fn login(&self) -> Result<Session, SessionError> {
        let body = if self.device.is_empty() { json!({}) } else { json!({ "device": self.device }) };
        let headers = headers(self.user_agent.as_ref(), true);
        let answer = self.client.call(&Method::POST, LOGIN, headers, body.to_string().into()).await?;
        let answer = accepted(answer)?.verified;
        self.granted(&answer.body, self.client.clock.read().wall).ok_or(SessionError::NotUnderstood)
    }

    /// The session of this key in a verified answer.
    pub(super) fn granted(&self, body: &[u8], now: Timestamp) -> Option<Session> {
        let Credentials { authority, keyid, answers, .. } = self.client.conversation().credentials();
        let opening = Opening { authority, answers: *answers, key: Some((keyid.key()?, &self.root)) };
        Session::granted(body, &opening, now)
    }
}

/// A login by password.
#[derive(Clone, Debug)]
pub struct PasswordLogin {
    /// As typed.
    pub username: String,
    /// As typed.
    pub password: Zeroizing<String>,
    /// What the user calls the device; may be empty.
    pub device: String,
    /// What the requests of the session shall prove themselves by.
    pub proof: WantedProof,
    /// The `User-Agent`, by which the user knows the program in a list of sessions.
    pub user_agent: Option<HeaderValue>,
    /// Send the password in plain text over a network, too. Everybody on the way can take it.
    pub danger_plain_text: bool,
}

/// What the requests of a session shall prove themselves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedProof {
    /// A signature: each answer can then be verified, and what is recorded is worth nothing.
    Key,
    /// A token, which whoever sees it can use.
    Bearer,
}

/// Opens a session by a password at `server`, which calls itself `authority`.
///
/// The answer is not signed: TLS alone says that it is the server's. From then on a session with a key is as good as one that
/// a key has opened.
pub async fn login_by_password(
    server: &Server,
    authority: &Authority,
    login: &PasswordLogin,
) -> Result<Session, SessionError> {
    if !server.keeps_secrets() && !login.danger_plain_text {
        return Err(SessionError::PlainText);
    }
    let way = Unsigned::new(server, authority)?;
    let arrived = post(&way, login).await?;
    let opening = Opening { authority, answers: Answers::AllSigned, key: None };
    let session = Session::granted(&unproven(arrived)?, &opening, way.clock.read().wall);
    let wanted = |session: &Session| session.root().is_some() == (login.proof == WantedProof::Key);
    session.filter(wanted).ok_or(SessionError::NotUnderstood)
}

async fn post(way: &Unsigned, login: &PasswordLogin) -> Result<Arrived, SessionError> {
    let PasswordLogin { username, password, device, proof, .. } = login;
    let proof = match proof {
        WantedProof::Key => "key",
        WantedProof::Bearer => "bearer",
    };
    let json = json!({ "username": username, "password": password.as_str(), "device": device, "proof": proof });
    let body = Bytes::from(json.to_string());
    let (arrived, _) =
        way.send(&Method::POST, &way.target(LOGIN)?, headers(login.user_agent.as_ref(), true), body).await?;
    Ok(arrived)
}

/// The fields of a request, with JSON in it or with nothing.
pub(super) fn headers(user_agent: Option<&HeaderValue>, has_body: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(name) = user_agent {
        headers.insert(USER_AGENT, name.clone());
    }
    headers
}

/// A verified answer, if it is a yes.
pub(super) fn accepted(answer: Answer) -> Result<Answer, SessionError> {
    if answer.verified.status.is_success() { Ok(answer) } else { Err(Refusal::of(&answer.verified).into()) }
}

/// The body of an answer that nobody signed, if it is a yes.
pub(super) fn unproven(arrived: Arrived) -> Result<Bytes, SessionError> {
    let body = arrived.body.unwrap_or_default();
    let status: StatusCode = arrived.status;
    if status.is_success() {
        return Ok(body);
    }
    let (problem, retry_after) = (problem_in(status, &body), retry_after(&arrived.headers));
    Err(SessionError::Refused(Refusal { status, problem, proven: false, retry_after }))
}
