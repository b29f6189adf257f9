//! Cards: what is handed over in person, as text or as a QR code.

use core::fmt;
use core::str::FromStr;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::account::KeyOrigin;
use crate::encoding::{Reader, b64u, put_lp, unb64u};
use crate::id::TicketId;
use crate::secret::Secret32;
use crate::username::Username;

use super::recovery::RecoveryCode;

const PREFIX: &str = "countersign1:";
const CHECKSUM: usize = 4;

/// Which kind of permission a card gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardKind {
    /// The shared key of a group, for any number of people; it makes users only.
    Group,
    /// A ticket of its own: single use, expiring, revocable.
    Ticket(TicketId),
    /// A recovery card, made by an operator for one user: single use, expiring, revocable.
    Recovery(TicketId),
    /// A recovery code, printed by the user beforehand: single use.
    Code(TicketId),
}

impl CardKind {
    /// The type octet and the ticket id (zero for a group), as they open a card and a request body.
    pub(super) const fn octets(self) -> (u8, [u8; 8]) {
        match self {
            Self::Group => (1, [0; 8]),
            Self::Ticket(TicketId(id)) => (2, id),
            Self::Recovery(TicketId(id)) => (3, id),
            Self::Code(TicketId(id)) => (4, id),
        }
    }

    /// The ticket behind it, if there is one.
    pub const fn ticket(self) -> Option<TicketId> {
        match self {
            Self::Group => None,
            Self::Ticket(id) | Self::Recovery(id) | Self::Code(id) => Some(id),
        }
    }

    /// Whether it replaces the keys of a user who exists.
    pub const fn recovers(self) -> bool {
        match self {
            Self::Group | Self::Ticket(_) => false,
            Self::Recovery(_) | Self::Code(_) => true,
        }
    }

    /// Reads [`octets`](Self::octets) back; `None` for a type that is no kind of ours, and for a group with an id.
    pub(super) fn from_octets(kind: u8, id: [u8; 8]) -> Option<Self> {
        match kind {
            1 if id == [0; 8] => Some(Self::Group),
            2 => Some(Self::Ticket(TicketId(id))),
            3 => Some(Self::Recovery(TicketId(id))),
            4 => Some(Self::Code(TicketId(id))),
            _ => None,
        }
    }
}

impl From<CardKind> for KeyOrigin {
    fn from(kind: CardKind) -> Self {
        match kind {
            CardKind::Group => Self::GroupCard,
            CardKind::Ticket(id) => Self::Ticket(id),
            CardKind::Recovery(id) | CardKind::Code(id) => Self::Recovery(id),
        }
    }
}

/// A card: the pre-shared key, the server's public key, and the authority under which the server answers.
///
/// Its text is `countersign1:` and base64url of type ‖ ticket id ‖ psk ‖ server key ‖ lp(authority) ‖ the first four
/// octets of SHA-256 of all before (protocol §3). The checksum finds slips of the pen; it is no protection. What recovers
/// somebody says whom, by lp(username) after the authority; and a recovery code has 16 octets in place of the psk, which
/// is derived from them (protocol §10).
#[derive(Clone)]
pub struct Card {
    kind: CardKind,
    psk: Secret32,
    code: Option<RecoveryCode>,
    server_key: [u8; 32],
    authority: String,
    holder: String,
}

impl Card {
    /// A card that lets somebody new in, for whoever reaches the server as `authority`: 1 to 255 visible ASCII
    /// characters, a host and perhaps a port.
    pub fn new(kind: CardKind, psk: Secret32, server_key: [u8; 32], authority: &str) -> Result<Self, BadCard> {
        let visible = authority.bytes().all(|octet| octet.is_ascii_graphic());
        if visible && (1..=255).contains(&authority.len()) {
            let (authority, holder) = (authority.to_owned(), String::new());
            Ok(Self { kind, psk, code: None, server_key, authority, holder })
        } else {
            Err(BadCard::Authority)
        }
    }

    /// A recovery code for `holder`, of this ticket.
    pub fn of_code(
        id: TicketId,
        code: RecoveryCode,
        server_key: [u8; 32],
        authority: &str,
        holder: &Username,
    ) -> Result<Self, BadCard> {
        let card = Self::new(CardKind::Code(id), code.psk(id), server_key, authority)?;
        Ok(Self { code: Some(code), ..card }.for_user(holder))
    }

    /// The same card with the name of the user whom it recovers.
    #[must_use]
    pub fn for_user(self, holder: &Username) -> Self {
        Self { holder: holder.as_str().to_owned(), ..self }
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

    /// The name of the user whom it recovers; nothing on a card that lets somebody new in.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// The card as text: a secret. Whoever reads it can enrol.
    pub fn to_text(&self) -> Zeroizing<String> {
        let (kind, id) = self.kind.octets();
        // Reserved at once: a vector that grows leaves copies of the psk behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(85 + self.authority.len() + self.holder.len()));
        octets.push(kind);
        octets.extend_from_slice(&id);
        match &self.code {
            Some(code) => octets.extend_from_slice(code.expose()),
            None => octets.extend_from_slice(self.psk.expose()),
        }
        octets.extend_from_slice(&self.server_key);
        put_lp(&mut octets, self.authority.as_bytes());
        if self.kind.recovers() {
            put_lp(&mut octets, self.holder.as_bytes());
        }
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
        "this version takes group, ticket and recovery cards; this card is of type {0}: use a newer version, or ask for a ticket"
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
        (1..=4, id) => CardKind::from_octets(kind, id).ok_or(BadCard::Malformed)?,
        _ => return Err(BadCard::UnknownKind(kind)),
    };
    read_rest(kind, &mut reader).filter(|_| reader.is_done()).ok_or(BadCard::Malformed)
}

fn read_rest(kind: CardKind, reader: &mut Reader<'_>) -> Option<Card> {
    let (psk, code) = match kind {
        CardKind::Group | CardKind::Ticket(_) | CardKind::Recovery(_) => (Secret32::new(reader.array()?), None),
        CardKind::Code(id) => {
            let code = RecoveryCode::new(reader.array()?);
            (code.psk(id), Some(code))
        }
    };
    let server_key = reader.array()?;
    let authority = str::from_utf8(reader.lp()?).ok()?;
    let card = Card { code, ..Card::new(kind, psk, server_key, authority).ok()? };
    if !kind.recovers() {
        return Some(card);
    }
    let typed = str::from_utf8(reader.lp()?).ok()?;
    // In the one spelling in which the server knows the name.
    let holder: Username = typed.parse().ok().filter(|name: &Username| name.as_str() == typed)?;
    Some(card.for_user(&holder))
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(content).into();
    [a, b, c, d]
}

#[cfg(test)]
mod tests;
