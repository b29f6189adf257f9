//! Answers in envelopes.

use super::Unreadable;
use super::covered::{Asked, answer_before_packet};
use super::json::members;
use super::received::{octets, plain_name, read_mac, read_nonce, version, whole};
use crate::encoding::b64u;
use crate::secret::MacKey;
use crate::signature::{Interference, Nonce};
use crate::time::{Freshness, Timestamp};

/// What came back, before anything of it is believed.
#[derive(Clone, Debug)]
pub struct AnswerEnvelope {
    kid: Box<str>,
    nonce: Nonce,
    timestamp: Timestamp,
    status: u16,
    packet: Vec<u8>,
    mac: [u8; 32],
}

/// The server's own answer to one envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPacket {
    /// The status, one of HTTP.
    pub status: u16,
    /// What it carries.
    pub packet: Vec<u8>,
    /// The server's clock when it signed.
    pub server_time: Timestamp,
}

impl AnswerEnvelope {
    /// Reads one message, whole.
    ///
    /// # Errors
    /// It is not exactly one JSON object with the seven members of protocol §8, each in its one spelling.
    pub fn read(message: &[u8]) -> Result<Self, Unreadable> {
        let names = ["v", "kid", "nonce", "timestamp", "status", "packet", "mac"];
        let [v, kid, nonce, timestamp, status, packet, mac] = members(message, names)?;
        version(&v)?;
        let status = u16::try_from(whole(&status)?).ok().filter(|status| (200..=599).contains(status));
        Ok(Self {
            kid: plain_name(&kid)?,
            nonce: read_nonce(&nonce)?,
            timestamp: Timestamp::from_millis(whole(&timestamp)?),
            status: status.ok_or(Unreadable("a status lies between 200 and 599"))?,
            packet: octets(&packet)?,
            mac: read_mac(&mac)?,
        })
    }

    /// The nonce of the envelope that it says it answers: by it the sender finds what it is waiting for.
    pub fn nonce(&self) -> &[u8] {
        self.nonce.as_slice()
    }

    /// The name of the key that it says it was signed for.
    pub fn keyid(&self) -> &str {
        &self.kid
    }

    pub(super) fn verified(self, s2c: &MacKey, asked: Asked<'_>) -> Result<VerifiedPacket, Interference> {
        let Self { timestamp, status, packet, mac, .. } = self;
        let before = answer_before_packet(asked, timestamp, status, &packet);
        if !s2c.verifies(&[&before, &packet], &mac) {
            return Err(Interference::BadMac);
        }
        Ok(VerifiedPacket { status, packet, server_time: timestamp })
    }
}

impl VerifiedPacket {
    /// Whether the server signed between our sending and receiving, with W on either side. Both times are by our clock as
    /// corrected for this server.
    pub fn is_timely(&self, sent: Timestamp, received: Timestamp, freshness: Freshness) -> bool {
        let earliest = sent.saturating_sub(freshness.window());
        let latest = received.saturating_add(freshness.window());
        (earliest..=latest).contains(&self.server_time)
    }
}

/// The members of an answer to be written.
pub(super) struct AnswerFields<'a> {
    pub(super) kid: &'a str,
    pub(super) nonce: &'a [u8],
    pub(super) timestamp: Timestamp,
    pub(super) status: u16,
    pub(super) packet: &'a [u8],
    pub(super) mac: &'a [u8; 32],
}

pub(super) fn write_answer(fields: &AnswerFields<'_>) -> String {
    let AnswerFields { kid, nonce, timestamp, status, packet, mac } = fields;
    let (nonce, millis, packet, mac) = (b64u(nonce), timestamp.as_millis(), b64u(packet), b64u(*mac));
    format!(
        r#"{{"v":1,"kid":"{kid}","nonce":"{nonce}","timestamp":{millis},"status":{status},"packet":"{packet}","mac":"{mac}"}}"#
    )
}
