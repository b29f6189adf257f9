//! Security events: what happened, to whom, from where. Never a secret, a MAC or a body.

mod chain;
mod head;

pub use chain::{ChainValue, Column, EventKey};
pub use head::{MalformedHead, SealedHead, Sealing};

use core::fmt;
use core::str::FromStr;

use crate::id::{KeyId, SessionRef, UserId};
use crate::time::Timestamp;

/// One row of the event log. Rows are never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The user concerned, where there is one.
    pub user: Option<UserId>,
    /// The key concerned, where there is one.
    pub key: Option<KeyId>,
    /// The session concerned, by its public name: the one that was opened, used or ended, or in which the change was made.
    pub session: Option<SessionRef>,
    /// Who caused it: an address, or `uid 1000` for somebody at the control socket.
    pub actor: String,
    /// A short sentence in fixed words: no octet of a request stands here unescaped.
    pub detail: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What an event is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind { $($(#[$doc])* $variant,)* }

        impl EventKind {
            /// Every kind, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in the store, in `event list` and in logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl FromStr for EventKind {
            type Err = UnknownEvent;

            fn from_str(text: &str) -> Result<Self, UnknownEvent> {
                match text { $($name => Ok(Self::$variant),)* _ => Err(UnknownEvent) }
            }
        }
    };
}

kinds! {
    /// A key was confirmed by its first signed request.
    Enrolled = "enrolled",
    /// An enrolment was refused after its card had been proven.
    EnrolmentRefused = "enrolment_refused",
    /// A card was handed out.
    TicketIssued = "ticket_issued",
    /// A ticket was taken back.
    TicketRevoked = "ticket_revoked",
    /// The shared key of the group was replaced.
    GroupRotated = "group_rotated",
    /// An operator added a user.
    UserAdded = "user_added",
    /// A user has another password, or the first one.
    PasswordChanged = "password_changed",
    /// A user has another role.
    RoleChanged = "role_changed",
    /// A user has other permissions.
    PermissionsChanged = "permissions_changed",
    /// Everything that was issued to a user is void.
    UserRevoked = "user_revoked",
    /// A user may no longer sign.
    UserDisabled = "user_disabled",
    /// A user may sign again.
    UserEnabled = "user_enabled",
    /// A user is gone.
    UserDeleted = "user_deleted",
    /// A key may no longer sign.
    KeyRevoked = "key_revoked",
    /// A key has taken the place of another.
    KeyRotated = "key_rotated",
    /// A key that another has replaced ends sooner, since the other one is in use.
    KeyEnding = "key_ending",
    /// A key that another has replaced has ended in its time.
    KeyEnded = "key_ended",
    /// A user ended a key of their own, and what came from it.
    KeyTakenBack = "key_taken_back",
    /// A recovery card was handed out.
    RecoveryCardIssued = "recovery_card_issued",
    /// A user made recovery codes; the ones made before are void.
    RecoveryCodesMade = "recovery_codes_made",
    /// A user has a new key by a recovery card or code, and no other.
    Recovered = "recovered",
    /// Somebody named a recovery card or code and did not hold it, or it could not be used.
    RecoveryFailed = "recovery_failed",
    /// Somebody has logged in.
    SessionOpened = "session_opened",
    /// A session is over.
    SessionEnded = "session_ended",
    /// Somebody came with a token or a signature of a session that had ended.
    TokenRevoked = "token_revoked",
    /// A session was used from a network that it had not been opened or refreshed from.
    NetworkChange = "network_change",
    /// A refresh token came that had been replaced: its session was ended.
    RefreshReuse = "refresh_reuse",
    /// Everything that was issued before is void.
    EpochRaised = "epoch_raised",
    /// The server's next static key is announced.
    ServerKeyAnnounced = "server_key_announced",
    /// The server's static key was replaced by the announced one.
    ServerKeySwitched = "server_key_switched",
    /// The server's former static key is gone, and with it the cards that name it.
    ServerKeyRetired = "server_key_retired",
    /// Another key signs access tokens from now on.
    TokenKeyRotated = "token_key_rotated",
    /// The former keys of access tokens are gone, and with them what they had signed.
    TokenKeyRetired = "token_key_retired",
    /// A password that was not right, or a user who has none; folded per source and minute.
    LoginFailed = "login_failed",
    /// Requests whose MAC was wrong, folded per source and minute.
    BadSignature = "bad_signature",
    /// A request that had been seen before.
    Replay = "replay",
    /// A request outside the window.
    ClockSkew = "clock_skew",
    /// Somebody was told to slow down.
    Throttled = "throttled",
    /// A stored row whose MAC does not hold: it counts as revoked.
    RowTampered = "row_tampered",
    /// A request may have been carried out, and nobody can say how it ended.
    OutcomeUnknown = "outcome_unknown",
    /// Our own clock moved in a way that we do not follow.
    ClockAlarm = "clock_alarm",
    /// The next key-encryption key was made, or an exchange that was cut off goes on.
    RekeyBegun = "rekey_begun",
    /// Everything is sealed under the current key-encryption key.
    RekeyFinished = "rekey_finished",
    /// The event log was found changed, or cut short behind a sealed head.
    LogTampered = "log_tampered",
    /// Rows from before the log was chained were taken into the chain.
    LogChained = "log_chained",
    /// Old events were removed in their time.
    LogPruned = "log_pruned",
    /// The guard started.
    Started = "started",
    /// The guard stopped and saved its state.
    Stopped = "stopped",
}

/// An event name that we do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event")]
pub struct UnknownEvent;

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
