use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign_core::id::SessionRef;
use countersign_core::problem::Problem;
use http::header::HeaderValue;
use http::{HeaderMap, Method};

use super::login::{accepted, headers};
use super::{Asking, Keep, LoginKey, Said, Session, SessionApi, SessionError, api};
use crate::conversation::lock;
use crate::transport::Client;
use crate::{Answer, CallError, Reply, Server};

/// A session whose requests are signed by its own key, and whose answers are verified. Clones share it.
///
/// When the server says that it has expired and the key that opened it is [at hand](SignedSessionBuilder::reopened_by),
/// another is opened in its place, and the request is made in that. It is asked even when the session is over by its own time:
/// a session that somebody has ended stays ended, however long ago that was. Then the answer is a verified 401,
/// `token-revoked`, and its holder should be told.
#[derive(Clone)]
pub struct SignedSession(Arc<Shared>);

struct Shared {
    server: Server,
    current: Mutex<Current>,
    renewing: tokio::sync::Mutex<()>,
    key: Option<LoginKey>,
    keep: Option<Keep>,
    user_agent: Option<HeaderValue>,
    without_idempotency_keys: bool,
}

#[derive(Clone)]
struct Current {
    client: Client,
    session: Session,
}

/// How a signed session is put together.
#[derive(Default)]
pub struct SignedSessionBuilder {
    key: Option<LoginKey>,
    keep: Option<Keep>,
    user_agent: Option<HeaderValue>,
    without_idempotency_keys: bool,
}

impl SignedSession {
    /// What else it shall have.
    pub fn builder() -> SignedSessionBuilder {
        SignedSessionBuilder::default()
    }

    /// A client that signs with the session as it is now. It does not notice when another takes its place.
    pub fn client(&self) -> Client {
        lock(&self.0.current).client.clone()
    }

    /// The session as it is now.
    pub fn session(&self) -> Session {
        lock(&self.0.current).session.clone()
    }

    /// Does what [`Client::call`] does, in the session.
    pub async fn call(
        &self,
        method: &Method,
        target: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, CallError> {
        let client = self.client();
        let answer = client.call(method, target, headers.clone(), body.clone()).await?;
        match self.reopened(&client, answer.verified.problem).await? {
            Some(client) => client.call(method, target, headers, body).await,
            None => Ok(answer),
        }
    }

    /// Does what [`Client::download`] does, in the session.
    pub async fn download(
        &self,
        method: &Method,
        target: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, CallError> {
        let client = self.client();
        let reply = client.download(method, target, headers.clone(), body.clone()).await?;
        let Reply::Whole(answer) = &reply else { return Ok(reply) };
        match self.reopened(&client, answer.verified.problem).await? {
            Some(client) => client.download(method, target, headers, body).await,
            None => Ok(reply),
        }
    }

    /// Logs in anew with the key, and goes on in the new session; the one before is ended. For what wants a login of the last
    /// few minutes.
    pub async fn log_in_again(&self) -> Result<(), SessionError> {
        let _alone = self.0.renewing.lock().await;
        let before = self.client();
        self.open_another().await?;
        // It would go on for weeks, and nobody would use it. If this does not succeed, nothing else is lost.
        let _ = self.ask_by(&before, &api::plain(Method::POST, api::LOGOUT)).await;
        Ok(())
    }

    /// Gets new tokens for the session, for other programs that ask for them. Requests of this one need none.
    pub async fn refresh(&self) -> Result<(), SessionError> {
        let _alone = self.0.renewing.lock().await;
        let session = self.session();
        let said = self.ask_by(&self.client(), &api::refresh(&session.tokens.refresh)).await?;
        let now = self.client().clock.read().wall;
        self.keep(session.refreshed(&said.body, now).ok_or(SessionError::NotUnderstood)?)
    }

    /// Changes the password. All sessions of the user end, and this goes on as another. False: it has ended, too, and its
    /// user has to log in.
    pub async fn change_password(&self, current: Option<&str>, new: &str) -> Result<bool, SessionError> {
        if !self.0.server.keeps_secrets() {
            return Err(SessionError::PlainText);
        }
        let _alone = self.0.renewing.lock().await;
        let session = self.session();
        let key = self.0.key.as_ref().filter(|_| session.opened_by.is_some());
        if session.opened_by.is_some() && key.is_none() {
            return Err(SessionError::NoKey);
        }
        let said = self.ask_by(&self.client(), &api::password(current, new)).await?;
        if said.body.is_empty() {
            return Ok(false);
        }
        let now = self.client().clock.read().wall;
        let next = match key {
            Some(key) => key.granted(&said.body, now),
            None => session.succeeded(&said.body, now),
        };
        self.keep(next.ok_or(SessionError::NotUnderstood)?)?;
        Ok(true)
    }

    async fn ask_by(&self, client: &Client, asking: &Asking<'_>) -> Result<Said, SessionError> {
        let Asking { method, target, body } = asking;
        let fields = headers(self.0.user_agent.as_ref(), !body.is_empty());
        let body = Bytes::copy_from_slice(body.as_bytes());
        let client = client.clone().without_idempotency_keys();
        let verified = accepted(client.call(method, target, fields, body).await?)?.verified;
        Ok(Said { status: verified.status, body: verified.body })
    }

    /// A client of another session, when this is what a verified answer says of the one of `client`: that it has expired, and
    /// the request was not carried out. None where that is not so, or nothing can be done about it; then the answer stands.
    pub async fn reopened(
        &self,
        client: &Client,
        problem: Option<&'static Problem>,
    ) -> Result<Option<Client>, CallError> {
        if problem == Some(&Problem::TOKEN_INVALID) { self.another(client).await } else { Ok(None) }
    }

    async fn another(&self, before: &Client) -> Result<Option<Client>, CallError> {
        if self.0.key.is_none() {
            return Ok(None);
        }
        let _alone = self.0.renewing.lock().await;
        let is_new = |client: &Client| name(client) != name(before);
        if is_new(&self.client()) {
            return Ok(Some(self.client()));
        }
        match self.open_another().await {
            Ok(()) => Ok(Some(self.client())),
            Err(SessionError::Call(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    async fn open_another(&self) -> Result<(), SessionError> {
        let key = self.0.key.as_ref().ok_or(SessionError::NoKey)?;
        self.keep(key.login().await?)
    }

    /// Tells of the session and goes on in it, in this order.
    fn keep(&self, session: Session) -> Result<(), SessionError> {
        if let Some(keep) = &self.0.keep {
            keep(&session);
        }
        let offset_ms = self.client().conversation().offset_ms();
        let client = client_of(&self.0.server, &session, offset_ms)?;
        let client = if self.0.without_idempotency_keys { client.without_idempotency_keys() } else { client };
        *lock(&self.0.current) = Current { client, session };
        Ok(())
    }
}

impl SignedSessionBuilder {
    /// The key that opens another session when this one has expired.
    #[must_use]
    pub fn reopened_by(self, key: LoginKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Told of each session that takes the place of another, and of each change, before it is used: the place to keep it.
    #[must_use]
    pub fn kept_by(self, keep: impl Fn(&Session) + Send + Sync + 'static) -> Self {
        Self { keep: Some(Arc::new(keep)), ..self }
    }

    /// The `User-Agent` of what is asked of the guard itself.
    #[must_use]
    pub fn calling_itself(self, user_agent: HeaderValue) -> Self {
        Self { user_agent: Some(user_agent), ..self }
    }

    /// As [`Client::without_idempotency_keys`].
    #[must_use]
    pub fn without_idempotency_keys(self) -> Self {
        Self { without_idempotency_keys: true, ..self }
    }

    /// The session at `server`, whose clock is `offset_ms` ahead of ours as far as we know.
    pub fn build(self, server: Server, session: Session, offset_ms: i64) -> Result<SignedSession, SessionError> {
        let Self { key, keep, user_agent, without_idempotency_keys } = self;
        let client = client_of(&server, &session, offset_ms)?;
        let client = if without_idempotency_keys { client.without_idempotency_keys() } else { client };
        let (current, renewing) = (Mutex::new(Current { client, session }), tokio::sync::Mutex::default());
        Ok(SignedSession(Arc::new(Shared {
            server,
            current,
            renewing,
            key,
            keep,
            user_agent,
            without_idempotency_keys,
        })))
    }
}

fn client_of(server: &Server, session: &Session, offset_ms: i64) -> Result<Client, SessionError> {
    let conversation = session.conversation(offset_ms).ok_or(SessionError::NoKey)?;
    Ok(Client::new(server.clone(), conversation)?)
}

fn name(client: &Client) -> Option<SessionRef> {
    client.conversation().credentials().keyid.session()
}

impl SessionApi for SignedSession {
    async fn ask(&self, asking: Asking<'_>) -> Result<Said, SessionError> {
        let client = self.client();
        match self.ask_by(&client, &asking).await {
            Err(SessionError::Refused(refusal)) if refusal.is_invalid() => match self.another(&client).await? {
                Some(client) => self.ask_by(&client, &asking).await,
                None => Err(SessionError::Refused(refusal)),
            },
            said => said,
        }
    }

    /// One that has expired needs no other to be ended in its place.
    async fn logout(&self) -> Result<(), SessionError> {
        self.ask_by(&self.client(), &api::plain(Method::POST, api::LOGOUT)).await.map(drop)
    }
}

impl core::fmt::Debug for SignedSession {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SignedSession({})", self.session().reference)
    }
}
