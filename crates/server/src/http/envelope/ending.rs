use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};

/// Why a connection ends. The peer is told by a close frame (RFC 6455 §7.4); nothing of it is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The peer has closed it, or it broke off.
    Gone,
    /// The guard stops.
    Stopping,
    /// No authentic message has come for too long.
    Idle,
    /// A message was no envelope. Nobody knows whom to answer, and what such a peer sends next is no better.
    Malformed,
    /// A message was binary.
    Binary,
    /// A message was too long.
    TooLarge,
    /// Too many messages in a row could not be authenticated.
    Unauthorized,
    /// The key of a message under way was taken back, and its answer is withheld.
    KeyEnded,
    /// The guard cannot even tell which key would sign a refusal.
    Undecided,
    /// An answer did not get out whole, so nothing can follow it: it was not taken, or its key was taken back.
    CutOff,
}

impl Ending {
    /// Whether the answers that are under way still go out.
    pub(super) fn finishes(self) -> bool {
        match self {
            Self::Gone | Self::CutOff => false,
            Self::Stopping
            | Self::Idle
            | Self::Malformed
            | Self::Binary
            | Self::TooLarge
            | Self::Unauthorized
            | Self::KeyEnded
            | Self::Undecided => true,
        }
    }

    /// What an error of the WebSocket means.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Self::TooLarge,
            Error::Utf8(_) => Self::Malformed,
            _ => Self::Gone,
        }
    }

    /// What the peer is told.
    pub(super) fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::Gone | Self::CutOff => (CloseCode::Normal, ""),
            Self::Stopping => (CloseCode::Away, "the guard stops"),
            Self::Idle => (CloseCode::Policy, "no authentic message for too long"),
            Self::Malformed => (CloseCode::Invalid, "malformed-request"),
            Self::Binary => (CloseCode::Unsupported, "envelopes are text"),
            Self::TooLarge => (CloseCode::Size, "too-large"),
            Self::Unauthorized => (CloseCode::Policy, "unauthorized"),
            Self::KeyEnded => (CloseCode::Policy, "the key was taken back"),
            Self::Undecided => (CloseCode::Error, "unavailable"),
        };
        CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
    }
}
