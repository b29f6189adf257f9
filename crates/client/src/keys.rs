//! One's own keys: another in the place of one (protocol §10), and codes for the day on which all are lost.
//!
//! A new key is pending for 60 s, as after an enrolment: keep it beside the old one, then confirm it by
//! [`Client::whoami`]. Until that is done the old one is as good as ever, and both are for a while afterwards.

use bytes::Bytes;
use countersign_core::encoding::unb64u;
use countersign_core::enrolment::{
    AskForCodes, BadIntroduction, Card, ClientHandshake, EnrolError, EnrolRefusal, Enrolled, Introduction,
};
use countersign_core::id::KeyId;
use countersign_core::problem::Problem;
use countersign_core::secret::{Root, Secret32};
use countersign_core::username::Username;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};

use crate::transport::{Answer, CallError, Client, Network, random};
use crate::{Credentials, Download, Enrolment, Verified};

const KEYS: &str = "/api/auth/keys";
const CODES: &str = "/api/auth/recovery-codes";

/// Why there is no new key, or no code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no verified answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Nothing was sent: this machine has no randomness.
    #[error(transparent)]
    Network(#[from] Network),
    /// Nothing was sent: the introduction cannot be made.
    #[error(transparent)]
    Introduction(#[from] BadIntroduction),
    /// The server said no, provably.
    #[error("the guard refused ({}): {}", .0.status.as_u16(), .0.problem.map_or("it does not say why", |problem| problem.detail))]
    Refused(Box<Verified>),
    /// The server said no inside the handshake.
    #[error("the server refused: {}", remedy(*.0))]
    RefusedInside(EnrolRefusal),
    /// The answer is signed by the server, and is nothing that this version understands.
    #[error("the server answered in words that this version does not know: use a newer version")]
    NotUnderstood,
}

const fn remedy(refusal: EnrolRefusal) -> &'static str {
    match refusal {
        EnrolRefusal::Conflict => {
            "another key has the place of this one already. If that was not you, end that key with this one \
             (countersign key mine, countersign key end)"
        }
        EnrolRefusal::TicketUsed | EnrolRefusal::Unprocessable => {
            "the device label or this machine's clock is not acceptable"
        }
    }
}

impl Verified {
    /// The static key of the server that its client should know from now on, where the answer names one. It is covered by
    /// the signature, so nobody else can announce one.
    pub fn server_key(&self) -> Option<[u8; 32]> {
        server_key(&self.headers)
    }
}

impl Download {
    /// As [`Verified::server_key`].
    pub fn server_key(&self) -> Option<[u8; 32]> {
        server_key(&self.headers)
    }
}

fn server_key(verified: &HeaderMap) -> Option<[u8; 32]> {
    unb64u(verified.get("countersign-server-key")?.to_str().ok()?)?.try_into().ok()
}

/// One of one's own keys, as the server lists it.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct OwnKey {
    /// Its public name.
    pub keyid: String,
    /// What its holder calls the device.
    pub device: String,
    /// `group`, `ticket`, `seed-mode`, `rotation` or `recovery`.
    pub origin: String,
    /// `active`, `ending` or `revoked`.
    pub state: String,
    /// When it was confirmed, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// When it ends, or ended.
    pub ends_at_ms: Option<u64>,
    /// The key in whose place it stands.
    pub predecessor: Option<String>,
    /// Whether it is the one that asked.
    pub this: bool,
}

impl OwnKey {
    /// The keys in an answer to [`Client::own_keys`]; `None` when it is no list that this version understands.
    pub fn list(answer: &Verified) -> Option<Vec<Self>> {
        #[derive(serde::Deserialize)]
        struct Listed {
            keys: Vec<OwnKey>,
        }
        let listed: Option<Listed> = serde_json::from_slice(&answer.body).ok();
        listed.map(|listed| listed.keys).filter(|_| answer.status.is_success())
    }

    /// Whether it signs no more.
    pub fn is_revoked(&self) -> bool {
        self.state == "revoked"
    }
}

impl Client {
    /// Lists the keys of whoever calls, as JSON; the answer also names the server's static key.
    pub async fn own_keys(&self) -> Result<Answer, CallError> {
        self.call(&Method::GET, KEYS, HeaderMap::new(), Bytes::new()).await
    }

    /// Ends one of one's own keys, with all that came from it.
    pub async fn end_key(&self, keyid: &KeyId) -> Result<Answer, CallError> {
        self.call(&Method::DELETE, &format!("{KEYS}/{keyid}"), HeaderMap::new(), Bytes::new()).await
    }
}

/// Asks for a key in the place of this one, given with its root. `client` signs with the key itself, or, for a person, in a
/// session that the key has opened. `server_key` is what is known of the server's static key, if anything is: the server names
/// it otherwise, in an answer that it has signed.
pub async fn rotate(
    client: &Client,
    key: (&KeyId, &Root),
    server_key: Option<[u8; 32]>,
    device: &str,
) -> Result<Enrolment, KeyError> {
    let known = known(client, server_key).await?;
    match ask_for_key(client, key, known, device).await? {
        Asked::Granted(enrolment) => Ok(*enrolment),
        Asked::OtherServerKey(newer) => match ask_for_key(client, key, newer, device).await? {
            Asked::Granted(enrolment) => Ok(*enrolment),
            Asked::OtherServerKey(_) => Err(KeyError::NotUnderstood),
        },
    }
}

/// Asks for `count` recovery codes, and gives them as cards for `holder`. Those that were made before are void. `client` signs
/// with this key, or in a session that it has opened.
pub async fn recovery_codes(
    client: &Client,
    key: (&KeyId, &Root),
    server_key: Option<[u8; 32]>,
    (holder, count): (&Username, u8),
) -> Result<Vec<Card>, KeyError> {
    let newest = known(client, None).await.or_else(|error| server_key.ok_or(error))?;
    let authority = &client.conversation().credentials().authority;
    let ephemeral = Secret32::new(random()?);
    let (ask, message) = AskForCodes::start(key, (&newest, authority.as_str()), count, &ephemeral)
        .map_err(|_| KeyError::Introduction(BadIntroduction::ServerKey))?;
    let answer = post(client, CODES, message.into()).await?;
    let codes = ask.finish(&answer.verified.body).map_err(|_| KeyError::NotUnderstood)?;
    let card = |(id, code)| Card::of_code(id, code, newest, authority.as_str(), holder);
    codes.into_iter().map(|code| card(code).map_err(|_| KeyError::NotUnderstood)).collect()
}

/// What a request for a key came to.
enum Asked {
    Granted(Box<Enrolment>),
    /// The server does not take handshakes with the key that we know, and names this one.
    OtherServerKey([u8; 32]),
}

async fn ask_for_key(
    client: &Client,
    key: (&KeyId, &Root),
    server_key: [u8; 32],
    device: &str,
) -> Result<Asked, KeyError> {
    let authority = &client.conversation().credentials().authority;
    let introduction =
        Introduction { username: "", device, c_rand: Secret32::new(random()?), now: client.server_time() };
    let server = (&server_key, authority.as_str());
    let (handshake, message) = ClientHandshake::rotate(key, server, &introduction, &Secret32::new(random()?))?;
    let message = Bytes::from(message);
    let answer = match post(client, KEYS, message.clone()).await {
        // The same message is given the same answer, so a lost one can be asked for again.
        Err(KeyError::Call(CallError::Network(Network::NoAnswer(_)))) => post(client, KEYS, message).await,
        answer => answer,
    };
    let answer = match answer {
        Err(KeyError::Refused(refused)) if refused.problem == Some(&Problem::UNPROCESSABLE) => {
            let newer = refused.server_key().filter(|newer| *newer != server_key);
            return newer.map(Asked::OtherServerKey).ok_or(KeyError::Refused(refused));
        }
        answer => answer?.verified,
    };
    let enrolled = handshake.finish(&answer.body).map_err(|error| match error {
        EnrolError::Refused(refusal) => KeyError::RefusedInside(refusal),
        EnrolError::NotOurServer | EnrolError::NotUnderstood => KeyError::NotUnderstood,
    })?;
    let newest = answer.server_key().unwrap_or(server_key);
    Ok(Asked::Granted(Box::new(granted(client, enrolled, newest))))
}

fn granted(client: &Client, enrolled: Enrolled, newest: [u8; 32]) -> Enrolment {
    let conversation = client.conversation();
    let mut credentials =
        Credentials::new(conversation.credentials().authority.clone(), enrolled.keyid.into(), &enrolled.root);
    credentials.answers = enrolled.answers;
    let (created, offset_ms) = (enrolled.server_time, conversation.offset_ms());
    Enrolment { credentials, root: enrolled.root, server_key: Some(newest), created, offset_ms }
}

/// The server's static key: the one that we know, or the one that it names.
async fn known(client: &Client, server_key: Option<[u8; 32]>) -> Result<[u8; 32], KeyError> {
    if let Some(known) = server_key {
        return Ok(known);
    }
    let verified = accepted(client.own_keys().await?)?.verified;
    verified.server_key().ok_or(KeyError::NotUnderstood)
}

async fn post(client: &Client, path: &str, message: Bytes) -> Result<Answer, KeyError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    accepted(client.call(&Method::POST, path, headers, message).await?)
}

fn accepted(answer: Answer) -> Result<Answer, KeyError> {
    if answer.verified.status.is_success() { Ok(answer) } else { Err(KeyError::Refused(Box::new(answer.verified))) }
}
