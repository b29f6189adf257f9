//! The client's side of an enrolment.

use super::card::Card;
use super::noise::{Handshake, Purpose};
use super::payload::{Answers, BadIntroduction, EnrolRefusal, FromClient, FromServer, check, check_device};
use crate::id::KeyId;
use crate::secret::{Root, Secret32};
use crate::time::Timestamp;

/// What the client says of itself.
#[derive(Debug)]
pub struct Introduction<'a> {
    /// The wished-for name, as typed. Parse it as a [`Username`](crate::username::Username) first to tell the person
    /// what is wrong with it; the server says no more than `unprocessable`.
    pub username: &'a str,
    /// What the user calls this device, at most 64 octets without controls; may be empty.
    pub device: &'a str,
    /// 32 random octets, the client's half of the root.
    pub c_rand: Secret32,
    /// The client's clock; may be 24 h off.
    pub now: Timestamp,
}

/// A handshake whose first message has been written.
#[derive(Debug)]
pub struct ClientHandshake {
    handshake: Handshake,
    c_rand: Secret32,
}

impl ClientHandshake {
    /// Writes the body of `POST /api/auth/enrol`. `ephemeral` is 32 random octets, for this call alone.
    ///
    /// A retry after a lost answer sends the *same body* again and is given the same answer; keep the handshake for it.
    pub fn start(
        card: &Card,
        introduction: &Introduction<'_>,
        ephemeral: &Secret32,
    ) -> Result<(Self, Vec<u8>), BadIntroduction> {
        if !card.kind().recovers() {
            check(introduction.username, introduction.device)?;
        }
        let prologue = Purpose::Enrol(card.kind()).prologue(card.authority());
        let (client, message) = Self::write((card.server_key(), card.psk()), &prologue, introduction, ephemeral)?;
        let (kind, id) = card.kind().octets();
        Ok((client, [[kind].as_slice(), &id, &message].concat()))
    }

    /// Writes the body of `POST /api/auth/keys`, which asks for a key in the place of this one (protocol §10).
    /// `ephemeral` is 32 random octets, for this call alone.
    pub fn rotate(
        (keyid, root): (&KeyId, &Root),
        (server_key, authority): (&[u8; 32], &str),
        introduction: &Introduction<'_>,
        ephemeral: &Secret32,
    ) -> Result<(Self, Vec<u8>), BadIntroduction> {
        let prologue = Purpose::Rotate(keyid.clone()).prologue(authority);
        Self::write((server_key, &rotate_psk(keyid, root)), &prologue, introduction, ephemeral)
    }

    fn write(
        (server_key, psk): (&[u8; 32], &Secret32),
        prologue: &[u8],
        introduction: &Introduction<'_>,
        ephemeral: &Secret32,
    ) -> Result<(Self, Vec<u8>), BadIntroduction> {
        let Introduction { username, device, c_rand, now } = introduction;
        check_device(device)?;
        let payload = FromClient {
            username: (*username).to_owned(),
            device: (*device).to_owned(),
            c_rand: c_rand.clone(),
            client_time: *now,
        };
        let mut handshake = Handshake::initiator(server_key, psk, prologue).map_err(|_| BadIntroduction::ServerKey)?;
        let message = handshake.write(&payload.write(), ephemeral).map_err(|_| BadIntroduction::ServerKey)?;
        Ok((Self { handshake, c_rand: c_rand.clone() }, message))
    }

    /// Reads the answer. Only the server whose key is on the card can have written one that opens.
    pub fn finish(mut self, response_body: &[u8]) -> Result<Enrolled, EnrolError> {
        let payload = self.handshake.read(response_body).map_err(|_| EnrolError::NotOurServer)?;
        match FromServer::read(&payload) {
            None => Err(EnrolError::NotUnderstood),
            Some(FromServer::Refused(refusal)) => Err(EnrolError::Refused(refusal)),
            Some(FromServer::Granted { keyid, s_rand, server_time, answers }) => {
                let hash = self.handshake.hash().map_err(|_| EnrolError::NotOurServer)?;
                let root = Root::agreed(&hash, &self.c_rand, &s_rand, keyid.as_str());
                Ok(Enrolled { keyid, root, server_time, answers })
            }
        }
    }
}

/// The psk with which a key asks for its successor: `HKDF("countersign/1", root, label("rotate psk", keyid))`.
pub fn rotate_psk(keyid: &KeyId, root: &Root) -> Secret32 {
    root.derive("rotate psk", keyid.as_str().as_bytes())
}

/// What the client has after the handshake. The key is pending until its first signed request, for 60 s.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The public name of the new key.
    pub keyid: KeyId,
    /// The secret that server and client now share.
    pub root: Root,
    /// The server's clock when it answered.
    pub server_time: Timestamp,
    /// Which answers will be signed.
    pub answers: Answers,
}

/// Why there is no key after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolError {
    /// The answer was not written by the server of the card, or was changed under way.
    #[error("the answer does not come from the server on the card: check the URL, and whether the card was revoked")]
    NotOurServer,
    /// The server of the card said no.
    #[error("the server refused: {}", .0.code())]
    Refused(EnrolRefusal),
    /// The server of the card said something that this version does not know.
    #[error("the server answered in words that this version does not know: use a newer version")]
    NotUnderstood,
}
