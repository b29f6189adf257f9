//! Signing and verification under a program that already speaks `reqwest`.

use std::sync::Arc;

use bytes::Bytes;
use countersign_core::authority::Authority;
use http::Extensions;
use reqwest::{Request, Response, ResponseBuilderExt as _, Url};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::conversation::{Conversation, Outcome, Outgoing, Receipt};
use crate::persistence::{Attempted, Attempts, name, persist};
use crate::transport::{Arrived, Clock, random};
use crate::{Answer, CallError, SignedSession, Target};

/// Signs every request of a `reqwest_middleware` client and verifies every answer.
///
/// What the program sees is a [`Response`] with the covered headers and the body that was signed; the whole [`Verified`](crate::Verified)
/// is among its extensions. Everything else is an error that holds a [`CallError`].
///
/// As [`Client::call`](crate::Client::call) does, it gives requests that change something an `Idempotency-Key`, and sends
/// one whose answer got lost once more.
///
/// It has to be the last middleware, and the client under it plain: redirects off, no decompression, and no
/// `user_agent` or `default_headers`, which `reqwest` adds after signing (the server drops what the signature doesn't
/// cover). Bodies must be in memory, since their digest is signed.
///
/// ```
/// # use countersign_client::{Conversation, SignAndVerify};
/// # fn program(conversation: Conversation) -> Result<reqwest_middleware::ClientWithMiddleware, reqwest::Error> {
/// let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// Ok(reqwest_middleware::ClientBuilder::new(plain).with(SignAndVerify::new(conversation)).build())
/// # }
/// ```
#[derive(Debug)]
pub struct SignAndVerify {
    voice: Voice,
    clock: Clock,
    fresh_keys: bool,
}

/// In whose name requests are signed.
#[derive(Debug)]
enum Voice {
    Conversation(Arc<Conversation>),
    Session(SignedSession),
}

/// Why the middleware could not take a request, or an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotForUs {
    /// The body is a stream, whose digest isn't known before it is sent.
    #[error("a streaming body cannot be signed; read it into memory first")]
    StreamingBody,
    /// The request is for a server that this key is not for.
    #[error("this key is for {ours}, and the request is for {named}; give each server a client of its own")]
    OtherServer {
        /// The authority in the URL.
        named: Authority,
        /// The authority that the key is for.
        ours: Authority,
    },
    /// The client below followed a redirect with a request that was signed for another address.
    #[error("a redirect was followed to where the request was not signed for; build the client with Policy::none()")]
    Redirected,
}

impl SignAndVerify {
    /// Signs as this conversation says. The conversation's server is the only one that requests may go to.
    pub fn new(conversation: Conversation) -> Self {
        Self::speaking_as(Voice::Conversation(Arc::new(conversation)))
    }

    /// Signs in this session, and in the one that takes its place when it has expired and its key is at hand.
    pub fn in_session(session: SignedSession) -> Self {
        Self::speaking_as(Voice::Session(session))
    }

    fn speaking_as(voice: Voice) -> Self {
        Self { voice, clock: Clock::start(), fresh_keys: true }
    }

    /// The same without idempotency keys of its own: for a program that repeats requests itself, above this middleware,
    /// and has to give all attempts the same key.
    #[must_use]
    pub fn without_idempotency_keys(self) -> Self {
        Self { fresh_keys: false, ..self }
    }

    /// The conversation behind this middleware, as it is now.
    pub fn conversation(&self) -> Arc<Conversation> {
        match &self.voice {
            Voice::Conversation(conversation) => Arc::clone(conversation),
            Voice::Session(session) => session.client().conversation,
        }
    }

    fn sign(conversation: &Conversation, clock: Clock, request: &mut Request) -> core::result::Result<Receipt, Error> {
        let target = Target::of_url(request.url()).map_err(|bad| failed(bad.into()))?;
        let ours = &conversation.credentials().authority;
        if target.authority() != ours {
            let named = target.authority().clone();
            return Err(Error::middleware(NotForUs::OtherServer { named, ours: ours.clone() }));
        }
        let empty: &[u8] = &[];
        let body = match request.body() {
            None => empty,
            Some(body) => body.as_bytes().ok_or_else(|| Error::middleware(NotForUs::StreamingBody))?,
        };
        let (path, query) = (target.path(), target.query());
        let outgoing = Outgoing { method: request.method(), path, query, headers: request.headers(), body };
        let nonce = random().map_err(|none| failed(none.into()))?;
        let signed = conversation.sign(&outgoing, nonce, clock.read()).map_err(|no| failed(no.into()))?;
        request.headers_mut().extend(signed.headers);
        Ok(signed.receipt)
    }

    async fn attempt(&self, mut request: Request, ext: &mut Extensions, next: Next<'_>) -> Result<Attempted> {
        let conversation = self.conversation();
        let receipt = Self::sign(&conversation, self.clock, &mut request)?;
        let url = request.url().clone();
        let answer = next.run(request, ext).await?;
        if *answer.url() != url {
            return Err(Error::middleware(NotForUs::Redirected));
        }
        let version = answer.version();
        let arrived = Arrived::read(answer).await.map_err(|cut| failed(cut.into()))?;
        match conversation.receive(&receipt, &arrived.incoming(), self.clock.read()) {
            Outcome::Verified(verified) => Ok(Attempted { verified, version }),
            Outcome::Interference(class) => Err(failed(CallError::Interference(class))),
            Outcome::Unverified(answer) => Err(failed(CallError::Unverified(answer))),
        }
    }
}

#[async_trait::async_trait]
impl Middleware for SignAndVerify {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let url = request.url().clone();
        let method = request.method().clone();
        let acts_once = name(&method, request.headers_mut(), self.fresh_keys, &self.conversation())
            .map_err(|none| failed(none.into()))?;
        let Voice::Session(session) = &self.voice else {
            let call = Call { middleware: self, request, extensions, next };
            return response(persist(call, self.clock, acts_once).await?, url);
        };
        let before = session.client();
        let first = request.try_clone().ok_or_else(|| Error::middleware(NotForUs::StreamingBody))?;
        let call = Call { middleware: self, request: first, extensions, next: next.clone() };
        let mut answer = persist(call, self.clock, acts_once).await?;
        if session.reopened(&before, answer.verified.problem).await.map_err(failed)?.is_some() {
            let call = Call { middleware: self, request, extensions, next };
            answer = persist(call, self.clock, acts_once).await?;
        }
        response(answer, url)
    }
}

struct Call<'a> {
    middleware: &'a SignAndVerify,
    request: Request,
    extensions: &'a mut Extensions,
    next: Next<'a>,
}

impl Attempts for Call<'_> {
    type Error = Error;

    async fn attempt(&mut self) -> Result<Attempted> {
        let streaming = || Error::middleware(NotForUs::StreamingBody);
        let request = self.request.try_clone().ok_or_else(streaming)?;
        self.middleware.attempt(request, self.extensions, self.next.clone()).await
    }

    fn lost_the_answer(error: &Error) -> bool {
        match error {
            Error::Reqwest(error) => !error.is_connect() && !error.is_builder(),
            Error::Middleware(error) => error.downcast_ref().is_some_and(CallError::lost_the_answer),
        }
    }
}

fn failed(error: CallError) -> Error {
    Error::middleware(error)
}

fn response(Answer { verified, version, .. }: Answer, url: Url) -> Result<Response> {
    let mut response = http::Response::builder()
        .status(verified.status)
        .version(version)
        .url(url)
        .body(Bytes::clone(&verified.body))
        .map_err(Error::middleware)?;
    response.headers_mut().extend(verified.headers.clone());
    response.extensions_mut().insert(verified);
    Ok(response.into())
}
