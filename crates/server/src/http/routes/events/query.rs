use countersign_core::time::Timestamp;
use countersign_store::port::Selection;

use crate::http::query::{once, parameters};
use crate::service::events::MOST_EVENTS;

/// As many events come where nobody says how many.
const USUAL: u32 = 100;

/// Which events a query asks for: `after`, `limit`, `user`, `session`, `since` (milliseconds) at most once each, `kind` any
/// number of times. Strict, so that a cursor that somebody has changed, or a limit such as `1e9`, is an error and no other
/// question.
pub(super) fn selection(query: Option<&str>) -> Option<Selection> {
    let (mut limit, mut selection) = (None, Selection::default());
    for parameter in parameters(query.unwrap_or_default()) {
        let (name, value) = parameter?;
        match name {
            "after" => once(&mut selection.after, value)?,
            "limit" => once(&mut limit, value)?,
            "user" => once(&mut selection.user, value)?,
            "session" => once(&mut selection.session, value)?,
            "kind" => selection.kinds.push(value.parse().ok()?),
            "since" => {
                let mut since = selection.since.map(Timestamp::as_millis);
                once(&mut since, value)?;
                selection.since = since.map(Timestamp::from_millis);
            }
            _ => return None,
        }
    }
    selection.limit = limit.unwrap_or(USUAL);
    (1..=MOST_EVENTS).contains(&selection.limit).then_some(selection)
}

#[cfg(test)]
mod tests {
    use countersign_core::event::EventKind;

    use super::*;

    #[test]
    fn a_query_says_what_it_says() {
        assert_eq!(selection(None), Some(Selection { limit: USUAL, ..Selection::default() }));
        assert_eq!(selection(Some("")), selection(None));
        let user = "0f3a9c2d-4e5b-4a1c-8d7e-6f5a4b3c2d1e";
        let session = "nPZ2vS1kQ0qVYx8m3r5u7w";
        let query = format!("after=7&limit=1000&kind=replay&kind=enrolled&user={user}&session={session}&since=5");
        let asked = selection(Some(&query)).unwrap();
        assert_eq!((asked.after, asked.limit, asked.since), (Some(7), 1_000, Some(Timestamp::from_millis(5))));
        assert_eq!(asked.kinds, [EventKind::Replay, EventKind::Enrolled]);
        assert_eq!(asked.user.unwrap().to_string(), user);
        assert_eq!(asked.session.unwrap().to_string(), session);
    }

    #[test]
    fn whatever_is_not_exactly_that_is_refused() {
        for query in [
            "limit=1e9",
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=",
            "limit",
            "limit=4294967297",
            "limit=1&limit=1",
            "limit=1&",
            "&limit=1",
            "&",
            "after=12x",
            "after=-1",
            "after=+1",
            "after=01",
            "after=%31",
            "after=18446744073709551616",
            "after=1&after=2",
            "kind=nothing",
            "kind=",
            "user=alice",
            "user=0F3A9C2D-4E5B-4A1C-8D7E-6F5A4B3C2D1E",
            "session=",
            "session=s.nPZ2vS1kQ0qVYx8m3r5u7w",
            "session=nPZ2vS1kQ0qVYx8m3r5u7x",
            "session=nPZ2vS1kQ0qVYx8m3r5u7w==",
            "session=nPZ2vS1kQ0qVYx8m3r5u7w&session=nPZ2vS1kQ0qVYx8m3r5u7w",
            "since=yesterday",
            "since=1&since=1",
            "order=desc",
        ] {
            assert_eq!(selection(Some(query)), None, "{query}");
        }
    }
}
