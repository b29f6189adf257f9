//! The handshake itself: `Noise_NKpsk0_25519_AESGCM_SHA256` by crate `snow`.
//!
//! NK: the client knows the server's static key, so only that server can answer. psk0: the pre-shared key of the card
//! is mixed in before anything else, so only a holder of the card can ask (Noise Protocol Framework §9).

use core::fmt;

use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

use super::card::CardKind;
use super::primitives::{Chance, Resolver};
use crate::encoding::put_lp;
use crate::id::{KeyId, TicketId};
use crate::secret::Secret32;

const PATTERN: &str = "Noise_NKpsk0_25519_AESGCM_SHA256";
/// What a message adds to its payload: an ephemeral public key and a tag.
const OVERHEAD: usize = 32 + 16;

/// A step of the handshake that could not be taken. Which one is nobody's business but a debugger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the handshake failed")]
pub struct HandshakeFailed;

impl From<snow::Error> for HandshakeFailed {
    fn from(_: snow::Error) -> Self {
        Self
    }
}

/// One handshake, on either side.
pub(super) struct Handshake {
    state: HandshakeState,
    chance: Chance,
}

impl Handshake {
    /// The client's side.
    pub(super) fn initiator(server_key: &[u8; 32], psk: &Secret32, prologue: &[u8]) -> Result<Self, HandshakeFailed> {
        let chance = Chance::default();
        let builder = builder(&chance, psk, prologue)?.remote_public_key(server_key)?;
        Ok(Self { state: builder.build_initiator()?, chance })
    }

    /// The server's side.
    pub(super) fn responder(
        server_static: &Secret32,
        psk: &Secret32,
        prologue: &[u8],
    ) -> Result<Self, HandshakeFailed> {
        let chance = Chance::default();
        let builder = builder(&chance, psk, prologue)?.local_private_key(server_static.expose())?;
        Ok(Self { state: builder.build_responder()?, chance })
    }

    /// Writes our message around this payload; `ephemeral` is 32 random octets, new for each call.
    pub(super) fn write(&mut self, payload: &[u8], ephemeral: &Secret32) -> Result<Vec<u8>, HandshakeFailed> {
        self.chance.put(ephemeral);
        let mut message = vec![0; payload.len().saturating_add(OVERHEAD)];
        let written = self.state.write_message(payload, &mut message)?;
        if written == message.len() { Ok(message) } else { Err(HandshakeFailed) }
    }

    /// Reads their message and gives its payload.
    pub(super) fn read(&mut self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, HandshakeFailed> {
        let mut payload = Zeroizing::new(vec![0; message.len()]);
        let read = self.state.read_message(message, &mut payload)?;
        payload.truncate(read);
        Ok(payload)
    }

    /// What both sides saw, hashed; it names this handshake and no other (Noise §11.2).
    pub(super) fn hash(&self) -> Result<[u8; 32], HandshakeFailed> {
        self.state.get_handshake_hash().try_into().map_err(|_| HandshakeFailed)
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake(redacted)")
    }
}

fn builder<'a>(chance: &Chance, psk: &'a Secret32, prologue: &'a [u8]) -> Result<Builder<'a>, HandshakeFailed> {
    let params = PATTERN.parse()?;
    Ok(Builder::with_resolver(params, Box::new(Resolver(chance.clone()))).psk(0, psk.expose())?.prologue(prologue)?)
}

/// What a handshake is about, which both sides mix in first: a message for one server, or one card, or one key, opens
/// nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A card becomes a key (protocol §3).
    Enrol(CardKind),
    /// A key is replaced (protocol §10).
    Rotate(KeyId),
    /// A key's user is given recovery codes (protocol §10).
    Codes(KeyId),
}

impl Purpose {
    /// `"countersign/<purpose>/1" ‖ 0 ‖ lp(authority) ‖ lp(ticket id, empty for group; or keyid)`.
    pub(super) fn prologue(&self, authority: &str) -> Vec<u8> {
        let (name, whose) = match self {
            Self::Enrol(kind) => ("enrol", kind.ticket().map(|TicketId(id)| id.to_vec()).unwrap_or_default()),
            Self::Rotate(keyid) => ("rotate", keyid.as_str().into()),
            Self::Codes(keyid) => ("codes", keyid.as_str().into()),
        };
        let mut prologue = format!("countersign/{name}/1\0").into_bytes();
        put_lp(&mut prologue, authority.as_bytes());
        put_lp(&mut prologue, &whose);
        prologue
    }
}
