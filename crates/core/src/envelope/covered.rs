//! What the MACs of envelopes cover. Every field has its length before it, so no two can trade letters.

use crate::encoding::put_lp;
use crate::time::Timestamp;

/// What the MAC of a request covers, but for the octets of the packet, which follow.
pub(super) fn before_packet(fields: &RequestFields<'_>) -> Vec<u8> {
    let RequestFields { aud, nonce, timestamp, action, username, packet } = fields;
    let mut covered = Vec::with_capacity(256);
    covered.extend_from_slice(b"countersign/env-req/1\0");
    put_lp(&mut covered, aud.as_bytes());
    put_lp(&mut covered, nonce);
    covered.extend_from_slice(&timestamp.as_millis().to_be_bytes());
    put_lp(&mut covered, action.as_bytes());
    put_lp(&mut covered, username.as_bytes());
    put_length(&mut covered, packet);
    covered
}

/// The fields of a request as the MAC sees them: decoded.
pub(super) struct RequestFields<'a> {
    pub(super) aud: &'a str,
    pub(super) nonce: &'a [u8],
    pub(super) timestamp: Timestamp,
    pub(super) action: &'a str,
    pub(super) username: &'a str,
    pub(super) packet: &'a [u8],
}

/// The same of an answer. Nonce and MAC are those of the request: without the MAC somebody could spoil it on the way,
/// collect a genuine refusal of the spoilt copy, and deliver it for the original, which they let act.
pub(super) fn answer_before_packet(asked: Asked<'_>, timestamp: Timestamp, status: u16, packet: &[u8]) -> Vec<u8> {
    let mut covered = Vec::with_capacity(128);
    covered.extend_from_slice(b"countersign/env-res/1\0");
    put_lp(&mut covered, asked.nonce);
    put_lp(&mut covered, asked.mac);
    covered.extend_from_slice(&timestamp.as_millis().to_be_bytes());
    covered.extend_from_slice(&status.to_be_bytes());
    put_length(&mut covered, packet);
    covered
}

/// The request that an answer is to.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) nonce: &'a [u8],
    pub(super) mac: &'a [u8; 32],
}

/// The length before a packet that is not copied: `lp` of it, less the octets.
fn put_length(into: &mut Vec<u8>, packet: &[u8]) {
    let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    into.extend_from_slice(&length.to_be_bytes());
}
