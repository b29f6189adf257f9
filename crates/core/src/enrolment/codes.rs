//! Recovery codes on their way to their owner (protocol §10).
//!
//! The request is signed, and that would do to say whose codes are asked for. The codes themselves must not be read by
//! anybody on the way, with TLS or without, and whoever learns the root one day must not read them in a recording: so they
//! travel in the second message of a handshake of their own.

use super::HandshakeFailed;
use super::noise::{Handshake, Purpose};
use super::recovery::RecoveryCode;
use crate::encoding::Reader;
use crate::id::{KeyId, TicketId};
use crate::secret::{Root, Secret32};
use zeroize::Zeroizing;

/// The most codes that are made at once.
pub const MAX_CODES: u8 = 16;

/// A code and the ticket that it belongs to.
pub type Coded = (TicketId, RecoveryCode);

/// The client's side: asked, and not answered yet.
#[derive(Debug)]
pub struct AskForCodes(Handshake);

impl AskForCodes {
    /// Writes the body of `POST /api/auth/recovery-codes`, for `count` codes. `ephemeral` is 32 random octets, for this
    /// call alone.
    pub fn start(
        (keyid, root): (&KeyId, &Root),
        (server_key, authority): (&[u8; 32], &str),
        count: u8,
        ephemeral: &Secret32,
    ) -> Result<(Self, Vec<u8>), HandshakeFailed> {
        let prologue = Purpose::Codes(keyid.clone()).prologue(authority);
        let mut handshake = Handshake::initiator(server_key, &psk(root, keyid), &prologue)?;
        let message = handshake.write(&[count], ephemeral)?;
        Ok((Self(handshake), message))
    }

    /// Reads the codes from the body of the answer.
    pub fn finish(mut self, answer: &[u8]) -> Result<Vec<Coded>, HandshakeFailed> {
        let payload = self.0.read(answer)?;
        let mut reader = Reader::new(&payload);
        let count = reader.u8().ok_or(HandshakeFailed)?;
        let mut codes = Vec::with_capacity(count.into());
        for _ in 0..count {
            let id = reader.array().map(TicketId).ok_or(HandshakeFailed)?;
            codes.push((id, reader.array().map(RecoveryCode::new).ok_or(HandshakeFailed)?));
        }
        if reader.is_done() { Ok(codes) } else { Err(HandshakeFailed) }
    }
}

/// The server's side: somebody who holds the key has asked.
#[derive(Debug)]
pub struct AskedForCodes {
    handshake: Handshake,
    count: u8,
}

impl AskedForCodes {
    /// Opens the message of this key; `None` when it is not one, or asks for no code or for more than [`MAX_CODES`].
    pub fn open(
        (keyid, root): (&KeyId, &Root),
        (server_static, authority): (&Secret32, &str),
        message: &[u8],
    ) -> Option<Self> {
        let prologue = Purpose::Codes(keyid.clone()).prologue(authority);
        let mut handshake = Handshake::responder(server_static, &psk(root, keyid), &prologue).ok()?;
        let payload = handshake.read(message).ok()?;
        match payload.as_slice() {
            [count @ 1..=MAX_CODES] => Some(Self { count: *count, handshake }),
            _ => None,
        }
    }

    /// How many codes are asked for.
    pub const fn count(&self) -> u8 {
        self.count
    }

    /// Writes the answer. `ephemeral` is 32 random octets, for this call alone.
    pub fn answer(mut self, codes: &[Coded], ephemeral: &Secret32) -> Result<Vec<u8>, HandshakeFailed> {
        let count = u8::try_from(codes.len()).map_err(|_| HandshakeFailed)?;
        let mut payload = Zeroizing::new(Vec::with_capacity(1 + codes.len() * 24));
        payload.push(count);
        for (TicketId(id), code) in codes {
            payload.extend_from_slice(id);
            payload.extend_from_slice(code.expose());
        }
        self.handshake.write(&payload, ephemeral)
    }
}

fn psk(root: &Root, keyid: &KeyId) -> Secret32 {
    root.derive("codes psk", keyid.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrolment::public_key;

    const AUTHORITY: &str = "api.example.com";

    fn secret(octet: u8) -> Secret32 {
        Secret32::new([octet; 32])
    }

    fn ask(count: u8) -> (AskForCodes, Vec<u8>) {
        let keyid = KeyId::from_random([1; 16]);
        let root = Root::new(secret(1));
        AskForCodes::start((&keyid, &root), (&public_key(&secret(9)), AUTHORITY), count, &secret(3)).unwrap()
    }

    fn open(keyid: u8, root: u8, authority: &str, message: &[u8]) -> Option<AskedForCodes> {
        let (keyid, root) = (KeyId::from_random([keyid; 16]), Root::new(secret(root)));
        AskedForCodes::open((&keyid, &root), (&secret(9), authority), message)
    }

    #[test]
    fn codes_arrive_as_they_were_made() {
        let (client, message) = ask(2);
        let asked = open(1, 1, AUTHORITY, &message).unwrap();
        assert_eq!(asked.count(), 2);
        let made = [1, 2].map(|number| (TicketId([number; 8]), RecoveryCode::new([number; 16])));
        let answer = asked.answer(&made, &secret(4)).unwrap();
        let read = client.finish(&answer).unwrap();
        let plain = |codes: &[Coded]| codes.iter().map(|(id, code)| (*id, *code.expose())).collect::<Vec<_>>();
        assert_eq!(plain(&read), plain(&made));
    }

    #[test]
    fn the_message_of_one_key_opens_under_no_other_and_at_no_other_server() {
        let (_, message) = ask(2);
        assert!(open(1, 1, AUTHORITY, &message).is_some());
        assert!(open(2, 1, AUTHORITY, &message).is_none());
        assert!(open(1, 2, AUTHORITY, &message).is_none());
        assert!(open(1, 1, "other.example.com", &message).is_none());
    }

    #[test]
    fn one_to_sixteen_codes_can_be_asked_for() {
        for (count, possible) in [(0, false), (1, true), (16, true), (17, false), (255, false)] {
            assert_eq!(open(1, 1, AUTHORITY, &ask(count).1).is_some(), possible, "{count}");
        }
    }

    #[test]
    fn a_changed_answer_gives_no_codes() {
        let (client, message) = ask(1);
        let made = [(TicketId([1; 8]), RecoveryCode::new([1; 16]))];
        let mut answer = open(1, 1, AUTHORITY, &message).unwrap().answer(&made, &secret(4)).unwrap();
        *answer.last_mut().unwrap() ^= 1;
        assert!(client.finish(&answer).is_err());
    }
}
