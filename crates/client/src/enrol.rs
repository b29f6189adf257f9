//! Getting a key: one exchange with the server of a card (protocol §3).
//!
//! The key that comes out is pending for 60 s: keep it somewhere safe, then confirm it by [`Client::whoami`].

use bytes::Bytes;
use countersign_core::authority::{Authority, BadAuthority};
use countersign_core::enrolment::seed_mode::SeedRegistration;
use countersign_core::enrolment::{BadIntroduction, Card, ClientHandshake, EnrolError, EnrolRefusal, Introduction};
use countersign_core::id::KeyId;
use countersign_core::secret::{Root, Secret32};
use countersign_core::signature::{Field, Interference, ReceivedAnswer, verify_registration_answer};
use countersign_core::time::{Freshness, Timestamp};
use countersign_core::username::{BadUsername, Username};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

use crate::conversation::{Conversation, Reading, ServerClock};
use crate::transport::{Arrived, Client, Clock, Network, random};
use crate::unsigned::Unsigned;
use crate::{BadUrl, Credentials, Server, Target, Unverified};

const PATH: &str = "/api/auth/enrol";

/// Who enrols, on what.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The name that they wish for; empty with a card that recovers somebody.
    pub username: &'a str,
    /// What they call this device; may be empty.
    pub device: &'a str,
}

/// A new key. It is pending until it is confirmed.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// What requests are signed with.
    pub credentials: Credentials,
    /// The secret that all keys are derived from. Keep it before the key is confirmed: it cannot be had again.
    pub root: Root,
    /// The server's static key, when a card named it.
    pub server_key: Option<[u8; 32]>,
    /// The server's clock when it gave the key.
    pub created: Timestamp,
    /// How far the server's clock is ahead of ours, in milliseconds.
    pub offset_ms: i64,
}

impl Enrolment {
    /// A client that uses the new key, to confirm it with.
    pub fn client(&self, server: Server) -> Result<Client, Network> {
        Client::new(server, Conversation::new(self.credentials.clone(), self.offset_ms))
    }
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolmentError {
    /// Nothing was sent: the name cannot be had.
    #[error(transparent)]
    Username(#[from] BadUsername),
    /// Nothing was sent: the introduction cannot be made.
    #[error(transparent)]
    Introduction(#[from] BadIntroduction),
    /// Nothing was sent: the card, or the URL, names no server.
    #[error(transparent)]
    Authority(#[from] BadAuthority),
    /// Nothing was sent: the server's address cannot be called.
    #[error(transparent)]
    BadUrl(#[from] BadUrl),
    /// The server of the card said no, provably.
    #[error("the server refused: {}", remedy(*.0))]
    Refused(EnrolRefusal),
    /// The server of the card said something that this version does not know.
    #[error("{}", EnrolError::NotUnderstood)]
    NotUnderstood,
    /// What answered is not the server of the card.
    #[error("{}", EnrolError::NotOurServer)]
    NotOurServer,
    /// An error that nobody signed.
    #[error("{0}")]
    Unverified(Unverified),
    /// In seed mode: what answered does not hold the shared key.
    #[error("interference ({}): {}", .0.as_str(), crate::explain(*.0))]
    Interference(Interference),
    /// There was no answer.
    #[error(transparent)]
    Network(#[from] Network),
}

const fn remedy(refusal: EnrolRefusal) -> &'static str {
    match refusal {
        EnrolRefusal::Conflict => "the name is taken; choose another",
        EnrolRefusal::TicketUsed => "the ticket was used or taken back, or is past its end; ask for a new one",
        EnrolRefusal::Unprocessable => "the name, the device label or this machine's clock is not acceptable",
    }
}

/// Enrols with a card; with one that recovers a user, gets that user a new key in the place of all others, and then the
/// person has no name to wish for. `server` is where to connect; who answers there is proven by the card.
pub async fn enrol(server: &Server, card: &Card, person: &Person<'_>) -> Result<Enrolment, EnrolmentError> {
    let Person { username, device } = *person;
    if !card.kind().recovers() {
        let _: Username = username.parse()?;
    }
    let authority: Authority = card.authority().parse()?;
    let post = Post::new(server, &authority)?;
    let sent = post.clock.read();
    let introduction = Introduction { username, device, c_rand: Secret32::new(random()?), now: sent.wall };
    let (handshake, body) = ClientHandshake::start(card, &introduction, &Secret32::new(random()?))?;
    let body = Bytes::from(body);
    let (arrived, received) = match post.send("application/octet-stream", body.clone()).await {
        // The same message is given the same answer, so a lost one can be asked for again.
        Err(EnrolmentError::Network(Network::NoAnswer(_))) => post.send("application/octet-stream", body).await?,
        answer => answer?,
    };
    let response = arrived.body.ok_or(EnrolmentError::NotOurServer)?;
    let enrolled = handshake.finish(&response).map_err(|error| match error {
        EnrolError::Refused(refusal) => EnrolmentError::Refused(refusal),
        EnrolError::NotUnderstood => EnrolmentError::NotUnderstood,
        EnrolError::NotOurServer => EnrolmentError::NotOurServer,
    })?;
    let mut credentials = Credentials::new(authority, enrolled.keyid.into(), &enrolled.root);
    credentials.answers = enrolled.answers;
    let created = enrolled.server_time;
    let offset_ms = offset(sent, received, created);
    Ok(Enrolment { credentials, root: enrolled.root, server_key: Some(*card.server_key()), created, offset_ms })
}

/// Enrols by the seed's own registration. Everybody who holds `shared` and records it can compute the key; a card is
/// better in every way, and nothing falls back to this.
pub async fn enrol_in_seed_mode(
    server: &Server,
    shared: &Secret32,
    person: &Person<'_>,
) -> Result<Enrolment, EnrolmentError> {
    let _: Username = person.username.parse()?;
    let authority = server.authority().clone();
    let post = Post::new(server, &authority)?;
    let (registration, root) = SeedRegistration::new(shared, person.username, random()?);
    let body = serde_json::json!({
        "username": registration.username(),
        "nonce": registration.nonce_hex(),
        "mac": registration.mac_hex(),
    });
    let sent = post.clock.read();
    let (arrived, received) = post.send("application/json", body.to_string().into()).await?;
    let (keyid, created) = registered(&arrived, &root, registration.nonce()).map_err(EnrolmentError::Interference)?;
    let credentials = Credentials::new(authority, keyid.into(), &root);
    Ok(Enrolment { credentials, root, server_key: None, created, offset_ms: offset(sent, received, created) })
}

/// The key id that a registration was given, and when, if whoever gave it holds the key.
fn registered(arrived: &Arrived, root: &Root, nonce: &[u8; 32]) -> Result<(KeyId, Timestamp), Interference> {
    let body = arrived.body.as_ref().ok_or(Interference::Truncated)?;
    let fields: Vec<_> =
        arrived.headers.iter().map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes() }).collect();
    let answer = ReceivedAnswer { status: arrived.status.as_u16(), fields: &fields, body, bodyless: false };
    verify_registration_answer(root, nonce, &answer)
}

fn offset(sent: Reading, received: Reading, server_time: Timestamp) -> i64 {
    let mut clock = ServerClock::new(Freshness::DEFAULT, 0);
    clock.measure(sent, received, server_time);
    clock.offset_ms()
}

/// One unsigned POST to the door of enrolment.
struct Post {
    way: Unsigned,
    target: Target,
    clock: Clock,
}

impl Post {
    fn new(server: &Server, authority: &Authority) -> Result<Self, EnrolmentError> {
        let way = Unsigned::new(server, authority)?;
        let (target, clock) = (way.target(PATH)?, way.clock);
        Ok(Self { way, target, clock })
    }

    /// The answer, if it is one that the protocol gives with status 200, and when it came.
    async fn send(&self, media_type: &'static str, body: Bytes) -> Result<(Arrived, Reading), EnrolmentError> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        let (arrived, _) = self.way.send(&Method::POST, &self.target, headers, body).await?;
        let received = self.clock.read();
        if arrived.status == StatusCode::OK {
            Ok((arrived, received))
        } else {
            let body = arrived.body.unwrap_or_default();
            Err(EnrolmentError::Unverified(Unverified { status: arrived.status, body }))
        }
    }
}
