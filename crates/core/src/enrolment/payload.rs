//! What the two messages of an enrolment say, once decrypted (protocol §3).

use zeroize::Zeroizing;

use crate::encoding::{Reader, put_lp};
use crate::id::KeyId;
use crate::secret::Secret32;
use crate::time::Timestamp;
use crate::username::Username;

/// The longest device label, in octets.
pub const MAX_DEVICE: usize = 64;

/// Payload 1, as read. The name is empty where the server knows it: when a key is replaced or recovered.
#[derive(Debug)]
pub(super) struct FromClient {
    pub(super) username: String,
    pub(super) device: String,
    pub(super) c_rand: Secret32,
    pub(super) client_time: Timestamp,
}

impl FromClient {
    /// `lp(username) ‖ lp(device label) ‖ c_rand[32] ‖ u64 ms`.
    pub(super) fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut payload = Zeroizing::new(Vec::with_capacity(48 + self.username.len() + self.device.len()));
        put_lp(&mut payload, self.username.as_bytes());
        put_lp(&mut payload, self.device.as_bytes());
        payload.extend_from_slice(self.c_rand.expose());
        payload.extend_from_slice(&self.client_time.as_millis().to_be_bytes());
        payload
    }

    pub(super) fn read(payload: &[u8]) -> Result<Self, BadIntroduction> {
        let mut reader = Reader::new(payload);
        let username = text(&mut reader).ok_or(BadIntroduction::Malformed)?;
        let device = text(&mut reader).ok_or(BadIntroduction::Malformed)?;
        let c_rand = reader.array().map(Secret32::new).ok_or(BadIntroduction::Malformed)?;
        let client_time = reader.u64().map(Timestamp::from_millis).ok_or(BadIntroduction::Malformed)?;
        if !reader.is_done() {
            return Err(BadIntroduction::Malformed);
        }
        check_device(device)?;
        Ok(Self { username: username.to_owned(), device: device.to_owned(), c_rand, client_time })
    }
}

/// What holds for a typed name and a device label of somebody new.
pub(super) fn check(username: &str, device: &str) -> Result<(), BadIntroduction> {
    if username.is_empty() || username.len() > Username::MAX_TYPED {
        return Err(BadIntroduction::NameLength);
    }
    check_device(device)
}

/// What holds for a device label on both sides.
pub(super) fn check_device(device: &str) -> Result<(), BadIntroduction> {
    if device.len() > MAX_DEVICE || device.chars().any(char::is_control) {
        Err(BadIntroduction::Device)
    } else {
        Ok(())
    }
}

/// Why an introduction cannot be made, or be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIntroduction {
    /// The payload is not laid out as the protocol says.
    #[error("the introduction is not laid out as the protocol says")]
    Malformed,
    /// The name as typed is empty or longer than [`Username::MAX_TYPED`].
    #[error("a username has 1 to 64 octets: choose another")]
    NameLength,
    /// The device label is longer than [`MAX_DEVICE`] or holds a control character.
    #[error("a device label has at most 64 octets and no control characters: choose another")]
    Device,
    /// The handshake itself failed: the server key of the card is of small order, which no server has.
    #[error("the server key on this card cannot be used: ask whoever gave it for a new one")]
    ServerKey,
}

/// Which answers of the server carry a signature; the client pins it per authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answers {
    /// All of them.
    AllSigned,
    /// Refusals only: the guard stands beside another proxy and does not see the API's answers.
    RefusalsOnly,
}

/// Why a card holder is not let in; said inside the handshake, so that nobody else learns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnrolRefusal {
    /// The name is taken, or this message was used before.
    Conflict,
    /// The ticket was used, revoked, or is past its end.
    TicketUsed,
    /// The name, the device label or the client's time is not acceptable.
    Unprocessable,
}

impl EnrolRefusal {
    /// The code as it stands in the handshake.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::TicketUsed => "ticket-used",
            Self::Unprocessable => "unprocessable",
        }
    }

    fn of_code(code: &[u8]) -> Option<Self> {
        [Self::Conflict, Self::TicketUsed, Self::Unprocessable].into_iter().find(|it| it.code().as_bytes() == code)
    }
}

/// Payload 2, as read.
pub(super) enum FromServer {
    Granted { keyid: KeyId, s_rand: Secret32, server_time: Timestamp, answers: Answers },
    Refused(EnrolRefusal),
}

impl FromServer {
    /// `u8 0 ‖ lp(keyid) ‖ s_rand[32] ‖ u64 server ms ‖ u8 answers`, or `u8 1 ‖ lp(code)`.
    pub(super) fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut payload = Zeroizing::new(Vec::with_capacity(128));
        match self {
            Self::Granted { keyid, s_rand, server_time, answers } => {
                payload.push(0);
                put_lp(&mut payload, keyid.as_str().as_bytes());
                payload.extend_from_slice(s_rand.expose());
                payload.extend_from_slice(&server_time.as_millis().to_be_bytes());
                payload.push(match answers {
                    Answers::AllSigned => 0,
                    Answers::RefusalsOnly => 1,
                });
            }
            Self::Refused(refusal) => {
                payload.push(1);
                put_lp(&mut payload, refusal.code().as_bytes());
            }
        }
        payload
    }

    /// `None` for what this version does not understand.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let read = match reader.u8()? {
            0 => Self::Granted {
                keyid: text(&mut reader)?.parse().ok()?,
                s_rand: reader.array().map(Secret32::new)?,
                server_time: reader.u64().map(Timestamp::from_millis)?,
                answers: match reader.u8()? {
                    0 => Answers::AllSigned,
                    1 => Answers::RefusalsOnly,
                    _ => return None,
                },
            },
            1 => Self::Refused(EnrolRefusal::of_code(reader.lp()?)?),
            _ => return None,
        };
        reader.is_done().then_some(read)
    }
}

fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    str::from_utf8(reader.lp()?).ok()
}
