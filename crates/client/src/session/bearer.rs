use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign_core::problem::Problem;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Version};
use zeroize::Zeroizing;

use super::login::{headers, unproven};
use super::{Asking, Keep, Refusal, Said, Session, SessionApi, SessionError, api};
use crate::conversation::{lock, problem_in};
use crate::transport::Arrived;
use crate::unsigned::Unsigned;
use crate::{CallError, Server};

/// A token with no more than this left is replaced before it is used: it could expire on the way.
const NEARLY: Duration = Duration::from_secs(30);

/// How long is waited when another holder of the session has refreshed it at the same moment.
const PAUSE: Duration = Duration::from_secs(1);

/// A session without a key: whoever sees its token can use it, and **nothing that it is answered is proven**.
///
/// So there is no way from what it gets to a [`Verified`](crate::Verified). Use a [`SignedSession`](super::SignedSession) where
/// you can. The tokens are replaced by themselves.
pub struct BearerSession {
    way: Unsigned,
    current: Mutex<Session>,
    refreshing: tokio::sync::Mutex<()>,
    keep: Option<Keep>,
    user_agent: Option<HeaderValue>,
}

/// What somebody has answered. Nobody signed it: only TLS, where there is any, says that it is the server's.
#[derive(Clone, Debug)]
pub struct UnprovenAnswer {
    /// The status.
    pub status: StatusCode,
    /// Every field.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The version of HTTP in which it came.
    pub version: Version,
}

impl UnprovenAnswer {
    /// The problem that it claims to be. Its texts are ours, but that it is the case is not proven.
    pub fn claimed_problem(&self) -> Option<&'static Problem> {
        problem_in(self.status, &self.body)
    }
}

impl BearerSession {
    /// The session at `server`. A server to which secrets would go in plain text over a network gets none, unless `danger_plain_text`
    /// says so.
    pub fn new(server: &Server, session: Session, danger_plain_text: bool) -> Result<Self, SessionError> {
        if !server.keeps_secrets() && !danger_plain_text {
            return Err(SessionError::PlainText);
        }
        let way = Unsigned::new(server, &session.authority)?;
        let (current, refreshing) = (Mutex::new(session), tokio::sync::Mutex::default());
        Ok(Self { way, current, refreshing, keep: None, user_agent: None })
    }

    /// The same, telling of each change of the session before it is used: the place to keep it.
    #[must_use]
    pub fn kept_by(self, keep: impl Fn(&Session) + Send + Sync + 'static) -> Self {
        Self { keep: Some(Arc::new(keep)), ..self }
    }

    /// The same under this `User-Agent` where it asks the guard itself.
    #[must_use]
    pub fn calling_itself(self, user_agent: HeaderValue) -> Self {
        Self { user_agent: Some(user_agent), ..self }
    }

    /// The session as it is now.
    pub fn session(&self) -> Session {
        lock(&self.current).clone()
    }

    /// Sends a request with the token, after a refresh where one is due. When the answer says that the token is not good, once
    /// more with another.
    pub async fn call(
        &self,
        method: &Method,
        target: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<UnprovenAnswer, SessionError> {
        let access = self.timely_token().await?;
        let answer = self.send(&access, method, target, (headers.clone(), body.clone())).await?;
        if answer.claimed_problem() != Some(&Problem::TOKEN_INVALID) {
            return Ok(answer);
        }
        match self.refreshed_since(&access).await {
            Ok(()) => self.send(&self.session().tokens.access, method, target, (headers, body)).await,
            Err(SessionError::Refused(_)) => Ok(answer),
            Err(error) => Err(error),
        }
    }

    /// Gets the next tokens.
    pub async fn refresh(&self) -> Result<(), SessionError> {
        let access = self.session().tokens.access;
        self.refreshed_since(&access).await
    }

    /// Changes the password. All sessions of the user end, and this goes on as another. False: it has ended, too, and its
    /// user has to log in.
    pub async fn change_password(&self, current: Option<&str>, new: &str) -> Result<bool, SessionError> {
        let said = self.ask(api::password(current, new)).await?;
        if said.body.is_empty() {
            return Ok(false);
        }
        let next = self.session().succeeded(&said.body, self.way.clock.read().wall);
        self.keep(next.ok_or(SessionError::NotUnderstood)?);
        Ok(true)
    }

    async fn timely_token(&self) -> Result<Zeroizing<String>, SessionError> {
        let tokens = self.session().tokens;
        if self.way.clock.read().wall.saturating_add(NEARLY) < tokens.good_until {
            return Ok(tokens.access);
        }
        match self.refreshed_since(&tokens.access).await {
            // Its clock or ours may be wrong: the server says so itself, in the answer to the request.
            Err(SessionError::Refused(refusal)) if !refusal.is_revoked() => Ok(tokens.access),
            refreshed => refreshed.map(|()| self.session().tokens.access),
        }
    }

    /// Sees to it that the tokens are later ones than those of `access`. On a conflict somebody was quicker whose answer we do
    /// not have; after a moment the same token leads to the same successor, or to the truth.
    async fn refreshed_since(&self, access: &str) -> Result<(), SessionError> {
        let _alone = self.refreshing.lock().await;
        if self.session().tokens.access.as_str() != access {
            return Ok(());
        }
        match self.exchange().await {
            Err(SessionError::Refused(Refusal { problem: Some(&Problem::CONFLICT), .. })) => {
                tokio::time::sleep(PAUSE).await;
                self.exchange().await
            }
            exchanged => exchanged,
        }
    }

    async fn exchange(&self) -> Result<(), SessionError> {
        let session = self.session();
        let asking = api::refresh(&session.tokens.refresh);
        let body = match self.post_without_token(&asking).await {
            // The same token leads to the same successor, so a lost answer can be asked for again.
            Err(SessionError::Call(error)) if error.lost_the_answer() => self.post_without_token(&asking).await?,
            answered => answered?,
        };
        let next = session.refreshed(&body, self.way.clock.read().wall);
        self.keep(next.ok_or(SessionError::NotUnderstood)?);
        Ok(())
    }

    async fn post_without_token(&self, asking: &Asking<'_>) -> Result<Bytes, SessionError> {
        let fields = headers(self.user_agent.as_ref(), true);
        let body = Bytes::copy_from_slice(asking.body.as_bytes());
        let target = self.way.target(asking.target)?;
        unproven(self.way.send(&asking.method, &target, fields, body).await?.0)
    }

    async fn send(
        &self,
        access: &str,
        method: &Method,
        target: &str,
        (mut headers, body): (HeaderMap, Bytes),
    ) -> Result<UnprovenAnswer, SessionError> {
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {access}")).map_err(|_| SessionError::NotUnderstood)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        let (arrived, version) = self.way.send(method, &self.way.target(target)?, headers, body).await?;
        let Arrived { status, headers, body } = arrived;
        let body = body.ok_or(CallError::Interference(crate::Interference::Truncated))?;
        Ok(UnprovenAnswer { status, headers, body, version })
    }

    /// Tells of the session and goes on with it, in this order.
    fn keep(&self, session: Session) {
        if let Some(keep) = &self.keep {
            keep(&session);
        }
        *lock(&self.current) = session;
    }
}

impl SessionApi for BearerSession {
    async fn ask(&self, asking: Asking<'_>) -> Result<Said, SessionError> {
        let Asking { method, target, body } = asking;
        let fields = headers(self.user_agent.as_ref(), !body.is_empty());
        let answer = self.call(&method, target, fields, Bytes::copy_from_slice(body.as_bytes())).await?;
        let UnprovenAnswer { status, headers, body, .. } = answer;
        let body = unproven(Arrived { status, headers, body: Some(body) })?;
        Ok(Said { status, body })
    }
}

impl fmt::Debug for BearerSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BearerSession({})", self.session().reference)
    }
}
