use countersign_core::account::UserState;

use crate::http::form::decoded;
use crate::http::query::{once, parameters};
use crate::service::admin::{MOST_ROWS, WhichSessions, WhichUsers};
use crate::sessions::Standing;

/// As many rows come where nobody says how many.
const USUAL: u32 = 100;

/// Which users a query asks for: `after`, `limit`, `role` and `state`, each at most once. Strict, so that a cursor that
/// somebody has changed, or a limit such as `1e9`, is an error and no other question.
pub(super) fn users(query: Option<&str>) -> Option<WhichUsers> {
    let (mut limit, mut which) = (None, WhichUsers::default());
    for parameter in parameters(query.unwrap_or_default()) {
        let (name, value) = parameter?;
        match name {
            // A name may have characters that have to be encoded.
            "after" => once(&mut which.after, &decoded(value)?)?,
            "limit" => once(&mut limit, value)?,
            "role" => once(&mut which.role, value)?,
            "state" if which.state.is_none() => which.state = Some(user_state(value)?),
            _ => return None,
        }
    }
    which.limit = within(limit)?;
    Some(which)
}

/// Which sessions: `after`, `limit`, `user` and `state`.
pub(super) fn sessions(query: Option<&str>) -> Option<WhichSessions> {
    let (mut limit, mut which) = (None, WhichSessions::default());
    for parameter in parameters(query.unwrap_or_default()) {
        let (name, value) = parameter?;
        match name {
            "after" => once(&mut which.after, value)?,
            "limit" => once(&mut limit, value)?,
            "user" => once(&mut which.user, value)?,
            "state" if which.state.is_none() => which.state = Some(standing(value)?),
            _ => return None,
        }
    }
    which.limit = within(limit)?;
    Some(which)
}

fn within(limit: Option<u32>) -> Option<u32> {
    Some(limit.unwrap_or(USUAL)).filter(|limit| (1..=MOST_ROWS).contains(limit))
}

fn user_state(word: &str) -> Option<UserState> {
    match word {
        "enabled" => Some(UserState::Enabled),
        "disabled" => Some(UserState::Disabled),
        _ => None,
    }
}

fn standing(word: &str) -> Option<Standing> {
    match word {
        "open" => Some(Standing::Open),
        "ended" => Some(Standing::Ended),
        "expired" => Some(Standing::Expired),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::account::Role;

    use super::*;

    #[test]
    fn a_query_says_what_it_says() {
        assert_eq!(users(None), Some(WhichUsers { limit: USUAL, ..WhichUsers::default() }));
        let which = users(Some("after=j%C3%BCrgen&limit=1000&role=admin&state=disabled")).unwrap();
        assert_eq!(which.after.unwrap().as_str(), "j\u{fc}rgen");
        assert_eq!((which.limit, which.role, which.state), (1_000, Some(Role::Admin), Some(UserState::Disabled)));
        let which = sessions(Some("state=ended&after=BQUFBQUFBQUFBQUFBQUFBQ&limit=1")).unwrap();
        assert_eq!((which.after.unwrap().0, which.limit, which.state), ([5; 16], 1, Some(Standing::Ended)));
    }

    #[test]
    fn whatever_is_not_exactly_that_is_refused() {
        for query in [
            "limit=1e9",
            "limit=0",
            "limit=1001",
            "limit=01",
            "limit=",
            "limit",
            "limit=1&limit=1",
            "limit=1&",
            "&limit=1",
            "&",
            "state=",
            "state=deleted",
            "state=Open",
            "state=open&state=open",
            "order=desc",
        ] {
            assert!(users(Some(query)).is_none() && sessions(Some(query)).is_none(), "{query}");
        }
        for query in
            ["after=Alice", "after=", "after=a&after=b", "after=%", "role=root", "role=admin&role=admin", "user=x"]
        {
            assert!(users(Some(query)).is_none(), "{query}");
        }
        for query in
            ["after=x", "after=BQUFBQUFBQUFBQUFBQUFBR", "after=%42QUFBQUFBQUFBQUFBQUFBQ", "user=alice", "role=admin"]
        {
            assert!(sessions(Some(query)).is_none(), "{query}");
        }
    }
}
