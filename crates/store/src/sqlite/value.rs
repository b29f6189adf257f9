//! How values of ours stand in columns.

use core::error::Error;

use countersign_core::account::{KeyOrigin, UserState};
use countersign_core::time::Timestamp;

use super::row::canonical;

/// Why a column cannot be read.
pub(super) type Unreadable = Box<dyn Error + Send + Sync>;

/// A number that stands for nothing we know.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a value of column {1}")]
pub(super) struct UnknownValue(pub(super) i64, pub(super) &'static str);

/// Milliseconds in SQLite's signed integers. The end of time stands for itself, so that "for ever" can be kept.
pub(super) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// The time that [`millis`] wrote.
pub(super) fn timestamp(millis: i64) -> Result<Timestamp, Unreadable> {
    match millis {
        i64::MAX => Ok(Timestamp::from_millis(u64::MAX)),
        _ => Ok(Timestamp::from_millis(u64::try_from(millis)?)),
    }
}

pub(super) const fn user_state_code(state: UserState) -> i64 {
    match state {
        UserState::Enabled => 0,
        UserState::Disabled => 1,
        UserState::Deleted => 2,
    }
}

pub(super) fn user_state(code: i64) -> Result<UserState, Unreadable> {
    match code {
        0 => Ok(UserState::Enabled),
        1 => Ok(UserState::Disabled),
        2 => Ok(UserState::Deleted),
        _ => Err(UnknownValue(code, "state").into()),
    }
}

pub(super) const fn origin_name(origin: &KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::GroupCard => "group",
        KeyOrigin::Ticket(_) => "ticket",
        KeyOrigin::SeedMode => "seed",
        KeyOrigin::Rotation(_) => "rotation",
        KeyOrigin::Recovery(_) => "recovery",
    }
}

pub(super) fn key_origin(name: &str, ticket: Option<&str>, predecessor: Option<&str>) -> Result<KeyOrigin, Unreadable> {
    match (name, ticket, predecessor) {
        ("group", None, None) => Ok(KeyOrigin::GroupCard),
        ("ticket", Some(ticket), None) => Ok(KeyOrigin::Ticket(canonical(ticket)?)),
        ("seed", None, None) => Ok(KeyOrigin::SeedMode),
        ("rotation", None, Some(predecessor)) => Ok(KeyOrigin::Rotation(canonical(predecessor)?)),
        ("recovery", Some(ticket), None) => Ok(KeyOrigin::Recovery(canonical(ticket)?)),
        _ => Err(UnknownOrigin.into()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("columns origin, ticket_id and predecessor do not say how a key came to be")]
struct UnknownOrigin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_written_and_the_end_of_time_stays_the_end_of_time() {
        for written in [0, 1, 1_763_780_000_000, i64::MAX as u64 - 1, u64::MAX] {
            let written = Timestamp::from_millis(written);
            assert_eq!(timestamp(millis(written)).unwrap(), written);
        }
        assert!(timestamp(-1).is_err());
    }
}
