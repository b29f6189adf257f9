//! An envelope as received, and whether it is from whom it says.

use super::action::{Action, is_plain};
use super::answer::{AnswerFields, write_answer};
use super::covered::{Asked, RequestFields, answer_before_packet, before_packet};
use super::json::{Value, members};
use super::{LONGEST_NAME, Unreadable, VERSION};
use crate::encoding::unb64u;
use crate::secret::MacKey;
use crate::signature::{Authentic, Authentication, Nonce, Signed};
use crate::time::{Freshness, Timestamp};

/// A request in an envelope, after the strict parse. Nothing of it is believed before
/// [`authenticate`](Self::authenticate).
#[derive(Clone, Debug)]
pub struct Envelope {
    aud: Box<str>,
    kid: Box<str>,
    nonce: Nonce,
    timestamp: Timestamp,
    action: Action,
    username: Box<str>,
    packet: Vec<u8>,
    mac: [u8; 32],
}

/// Whom an envelope must be for and from. The MAC alone does not say it: one key may be known to several servers, and
/// whoever holds a key writes what name they like.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// Our own authority, as `aud` must spell it; empty when it is none of ours, and no envelope is for that.
    pub audience: &'a str,
    /// The user whose key `kid` names; empty when nobody has it.
    pub username: &'a str,
}

impl Envelope {
    /// Reads one message, whole. How long it may be is for the caller to bound before.
    ///
    /// # Errors
    /// It is not exactly one JSON object with the nine members of protocol §8, each in its one spelling.
    pub fn read(message: &[u8]) -> Result<Self, Unreadable> {
        let names = ["v", "aud", "kid", "nonce", "timestamp", "action", "username", "packet", "mac"];
        let [v, aud, kid, nonce, timestamp, action, username, packet, mac] = members(message, names)?;
        version(&v)?;
        Ok(Self {
            aud: plain_name(&aud)?,
            kid: plain_name(&kid)?,
            nonce: read_nonce(&nonce)?,
            timestamp: Timestamp::from_millis(whole(&timestamp)?),
            action: text(&action)?.parse().map_err(|_| Unreadable("an action is a short plain word"))?,
            username: short(text(&username)?)?.into(),
            packet: octets(&packet)?,
            mac: read_mac(&mac)?,
        })
    }

    /// The name of the key that it says it was signed with.
    pub fn keyid(&self) -> &str {
        &self.kid
    }

    /// The authority that it says it is for.
    pub fn audience(&self) -> &str {
        &self.aud
    }

    /// What it asks for.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Who it says it is from.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// What it carries.
    pub fn packet(&self) -> &[u8] {
        &self.packet
    }

    /// Checks the MAC in constant time, then whom it is for and from, then the time; `c2s` is that of
    /// [`envelope_pair`](crate::secret::Root::envelope_pair).
    pub fn authenticate(
        &self,
        c2s: &MacKey,
        addressee: Addressee<'_>,
        freshness: Freshness,
        now: Timestamp,
    ) -> Authentication<'_> {
        let misaddressed = *self.aud != *addressee.audience || *self.username != *addressee.username;
        let before = before_packet(&self.fields());
        let signed = Signed {
            keyid: &self.kid,
            nonce: self.nonce.as_slice(),
            created: self.timestamp,
            expires: None,
            flawed: misaddressed,
            covered: &[&before, &self.packet],
            mac: &self.mac,
        };
        Authentic::judge(&signed, c2s, freshness, now)
    }

    /// Writes and signs the answer to this envelope, good or bad. The status is one of HTTP; the packet of a problem is
    /// its JSON.
    pub fn answer(&self, s2c: &MacKey, status: u16, packet: &[u8], now: Timestamp) -> String {
        let asked = Asked { nonce: self.nonce.as_slice(), mac: &self.mac };
        let mac = s2c.mac(&[&answer_before_packet(asked, now, status, packet), packet]);
        let nonce = self.nonce.as_slice();
        write_answer(&AnswerFields { kid: &self.kid, nonce, timestamp: now, status, packet, mac: &mac })
    }

    fn fields(&self) -> RequestFields<'_> {
        RequestFields {
            aud: &self.aud,
            nonce: self.nonce.as_slice(),
            timestamp: self.timestamp,
            action: self.action.as_str(),
            username: &self.username,
            packet: &self.packet,
        }
    }
}

pub(super) fn version(v: &Value<'_>) -> Result<(), Unreadable> {
    if whole(v)? == VERSION { Ok(()) } else { Err(Unreadable("an envelope is of version 1")) }
}

pub(super) fn whole(value: &Value<'_>) -> Result<u64, Unreadable> {
    match value {
        Value::Whole(number) => Ok(*number),
        Value::Text(_) => Err(Unreadable("a member that is a whole number is a string")),
    }
}

pub(super) fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, Unreadable> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Whole(_) => Err(Unreadable("a member that is a string is a number")),
    }
}

fn short(name: &str) -> Result<&str, Unreadable> {
    if (1..=LONGEST_NAME).contains(&name.len()) { Ok(name) } else { Err(Unreadable("a name has 1 to 256 octets")) }
}

/// A name that nobody has to escape. One that no key and no server of ours can have is simply unknown.
pub(super) fn plain_name(value: &Value<'_>) -> Result<Box<str>, Unreadable> {
    let name = short(text(value)?)?;
    if is_plain(name) { Ok(name.into()) } else { Err(Unreadable("kid and aud are visible ASCII")) }
}

pub(super) fn read_nonce(value: &Value<'_>) -> Result<Nonce, Unreadable> {
    Nonce::read(text(value)?.as_bytes()).map_err(|malformed| Unreadable(malformed.0))
}

pub(super) fn octets(value: &Value<'_>) -> Result<Vec<u8>, Unreadable> {
    unb64u(text(value)?).ok_or(Unreadable("octets are written in canonical base64url"))
}

pub(super) fn read_mac(value: &Value<'_>) -> Result<[u8; 32], Unreadable> {
    octets(value)?.try_into().map_err(|_| Unreadable("a MAC has 32 octets"))
}
