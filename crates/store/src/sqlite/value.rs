//! How values of ours stand in columns.

use core::error::Error;

use countersign_core::account::{KeyOrigin, UserState};
use countersign_core::session::{Proof, SessionState};
use countersign_core::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

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

/// A column of so many octets.
pub(super) fn octets<const N: usize>(row: &SqliteRow, column: &str) -> Result<[u8; N], Unreadable> {
    Ok(row.try_get::<&[u8], _>(column)?.try_into()?)
}

/// The same for names of sixteen.
pub(super) fn sixteen(row: &SqliteRow, column: &str) -> Result<[u8; 16], Unreadable> {
    octets(row, column)
}

pub(super) fn proof(name: &str) -> Result<Proof, Unreadable> {
    match name {
        "key" => Ok(Proof::Key),
        "bearer" => Ok(Proof::Bearer),
        _ => Err(UnknownProof.into()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("column proof does not say what has to be proven")]
struct UnknownProof;

/// `state`, `ended_at` and `ended_why`.
pub(super) fn end_columns(state: SessionState) -> (i64, Option<i64>, Option<&'static str>) {
    match state {
        SessionState::Open => (0, None, None),
        SessionState::Ended { at, why } => (1, Some(millis(at)), Some(why.as_str())),
    }
}

/// What [`end_columns`] wrote.
pub(super) fn session_state(row: &SqliteRow) -> Result<SessionState, Unreadable> {
    let (at, why): (Option<i64>, Option<&str>) = (row.try_get("ended_at")?, row.try_get("ended_why")?);
    match (row.try_get("state")?, at, why) {
        (0, None, None) => Ok(SessionState::Open),
        (1, Some(at), Some(why)) => Ok(SessionState::Ended { at: timestamp(at)?, why: why.parse()? }),
        (code, _, _) => Err(UnknownValue(code, "state").into()),
    }
}

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
