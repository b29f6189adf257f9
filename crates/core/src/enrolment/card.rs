//! Cards: what is handed over in person, as text or as a QR code.

use core::fmt;
use core::str::FromStr;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::account::KeyOrigin;
use crate::encoding::{Reader, b64u, put_lp, unb64u};
use crate::id::TicketId;
use crate::secret::Secret32;

const PREFIX: &str = "countersign1:";
const CHECKSUM: usize = 4;

/// Which kind of permission a card gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardKind {
    /// The shared key of a group, for any number of people; it makes users only.
    Group,
    /// A ticket of its own: single use, expiring, revocable.
    Ticket(TicketId),
}

impl CardKind {
    /// The type octet and the ticket id (zero for a group), as they open a card and a request body.
    pub(super) const fn octets(self) -> (u8, [u8; 8]) {
        match self {
            Self::Group => (1, [0; 8]),
            Self::Ticket(TicketId(id)) => (2, id),
        }
    }

    /// Reads [`octets`](Self::octets) back; `None` for a type that is no kind of ours, and for a group with an id.
    pub(super) fn from_octets(kind: u8, id: [u8; 8]) -> Option<Self> {
        match kind {
            1 if id == [0; 8] => Some(Self::Group),
            2 => Some(Self::Ticket(TicketId(id))),
            _ => None,
        }
    }
}

impl From<CardKind> for KeyOrigin {
    fn from(kind: CardKind) -> Self {
        match kind {
            CardKind::Group => Self::GroupCard,
            CardKind::Ticket(id) => Self::Ticket(id),
        }
    }
}

/// A card: the pre-shared key, the server's public key, and the authority under which the server answers.
///
/// Its text is `countersign1:` and base64url of type ‖ ticket id ‖ psk ‖ server key ‖ lp(authority) ‖ the first four
/// octets of SHA-256 of all before (protocol §3). The checksum finds slips of the pen; it is no protection.
#[derive(Clone)]
pub struct Card {
    kind: CardKind,
    psk: Secret32,
    server_key: [u8; 32],
    authority: String,
}

impl Card {
    /// A card for whoever reaches the server as `authority`: 1 to 255 visible ASCII characters, a host and perhaps a
    /// port.
    pub fn new(kind: CardKind, psk: Secret32, server_key: [u8; 32], authority: &str) -> Result<Self, BadCard> {
        let visible = authority.bytes().all(|octet| octet.is_ascii_graphic());
        if visible && (1..=255).contains(&authority.len()) {
            Ok(Self { kind, psk, server_key, authority: authority.to_owned() })
        } else {
            Err(BadCard::Authority)
        }
    }

    /// Which kind of permission it gives.
    pub const fn kind(&self) -> CardKind {
        self.kind
    }

    /// The pre-shared key.
    pub const fn psk(&self) -> &Secret32 {
        &self.psk
    }

    /// The static X25519 public key of the server.
    pub const fn server_key(&self) -> &[u8; 32] {
        &self.server_key
    }

    /// The host, and the port where it is not the default one, under which the server answers.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The card as text: a secret. Whoever reads it can enrol.
    pub fn to_text(&self) -> Zeroizing<String> {
        let (kind, id) = self.kind.octets();
        // Reserved at once: a vector that grows leaves copies of the psk behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(81 + self.authority.len()));
        octets.push(kind);
        octets.extend_from_slice(&id);
        octets.extend_from_slice(self.psk.expose());
        octets.extend_from_slice(&self.server_key);
        put_lp(&mut octets, self.authority.as_bytes());
        let checksum = checksum(&octets);
        octets.extend_from_slice(&checksum);
        let body = Zeroizing::new(b64u(&octets));
        Zeroizing::new([PREFIX, &body].concat())
    }
}

impl FromStr for Card {
    type Err = BadCard;

    /// Reads a card as it was printed, without a blank before or after it.
    fn from_str(text: &str) -> Result<Self, BadCard> {
        let body = text.strip_prefix(PREFIX).ok_or(BadCard::NotACard)?;
        let octets = Zeroizing::new(unb64u(body).ok_or(BadCard::Damaged)?);
        let (content, sum) = octets.split_last_chunk::<CHECKSUM>().ok_or(BadCard::Damaged)?;
        if checksum(content) != *sum {
            return Err(BadCard::Damaged);
        }
        read(content)
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({:?}, {:?}, redacted)", self.kind, self.authority)
    }
}

/// Why a text is not a card that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCard {
    /// Something else altogether.
    #[error("this is no card: a card begins with countersign1: — copy it from there to its last character")]
    NotACard,
    /// A character is missing, added or changed.
    #[error("this card is damaged: copy it again, whole, from the first c to the last character")]
    Damaged,
    /// Well copied, but of a kind that this version does not take.
    #[error(
        "this version takes group and ticket cards; this card is of type {0}: use a newer version, or ask for a ticket"
    )]
    UnknownKind(u8),
    /// Well copied, but not made as the protocol says.
    #[error("this card was copied well but is not made as it should be: ask whoever gave it for a new one")]
    Malformed,
    /// The authority is empty, too long, or holds a character that no authority has.
    #[error(
        "the authority on a card is 1 to 255 visible ASCII characters, a host and perhaps a port: correct public_url"
    )]
    Authority,
}

fn read(content: &[u8]) -> Result<Card, BadCard> {
    let mut reader = Reader::new(content);
    let kind = reader.u8().ok_or(BadCard::Malformed)?;
    let kind = match (kind, reader.array().ok_or(BadCard::Malformed)?) {
        (1 | 2, id) => CardKind::from_octets(kind, id).ok_or(BadCard::Malformed)?,
        _ => return Err(BadCard::UnknownKind(kind)),
    };
    let psk = reader.array().map(Secret32::new).ok_or(BadCard::Malformed)?;
    let server_key = reader.array().ok_or(BadCard::Malformed)?;
    let authority = reader.lp().and_then(|octets| str::from_utf8(octets).ok()).ok_or(BadCard::Malformed)?;
    if !reader.is_done() {
        return Err(BadCard::Malformed);
    }
    Card::new(kind, psk, server_key, authority).map_err(|_| BadCard::Malformed)
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(content).into();
    [a, b, c, d]
}

#[cfg(test)]
mod tests;
