//! An answer of the feed of revocations.

use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::{KEEP_REVOCATIONS, Revoked};
use countersign_core::time::Timestamp;
use serde::Deserialize;

/// An answer of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub(super) epoch: u32,
    pub(super) head: u64,
    pub(super) next: u64,
    /// Whether there is more to read at once.
    pub(super) more: bool,
    /// The thumbprints of the keys under which tokens are good at present.
    pub(super) token_keys: Vec<Box<str>>,
    /// Oldest first.
    pub(super) entries: Vec<Entry>,
}

/// Something that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) epoch: u32,
    /// When nobody can show a token any more that it hits.
    pub(super) keep_until: Timestamp,
    pub(super) what: Revoked,
}

/// An answer that is not one of the feed as we know it. A newer guard may say things that we do not understand; then we
/// cannot know what was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the guard's answer is not a page of the feed as this version reads it")]
pub struct Unreadable;

#[derive(Deserialize)]
struct WrittenPage {
    head: WrittenHead,
    revocations: Vec<WrittenEntry>,
    next: u64,
    more: bool,
    token_keys: Vec<Box<str>>,
}

#[derive(Deserialize)]
struct WrittenHead {
    epoch: u32,
    sequence: u64,
}

#[derive(Deserialize)]
struct WrittenEntry {
    sequence: u64,
    epoch: u32,
    at_ms: u64,
    #[serde(flatten)]
    what: WrittenWhat,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum WrittenWhat {
    Session { session: String },
    User { user_id: String, generation: u32 },
    Everybody,
}

impl Page {
    /// Reads the body of an answer.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let written: WrittenPage = serde_json::from_slice(body).map_err(|_| Unreadable)?;
        let WrittenPage { head, revocations, next, more, token_keys } = written;
        let entries = revocations.into_iter().map(entry).collect::<Option<Vec<_>>>().ok_or(Unreadable)?;
        let is_in_order = entries.is_sorted_by(|one, other| one.sequence < other.sequence);
        if !is_in_order || entries.last().is_some_and(|last| last.sequence > next) {
            return Err(Unreadable);
        }
        Ok(Self { epoch: head.epoch, head: head.sequence, next, more, token_keys, entries })
    }
}

fn entry(written: WrittenEntry) -> Option<Entry> {
    let WrittenEntry { sequence, epoch, at_ms, what } = written;
    let what = match what {
        WrittenWhat::Session { session } => Revoked::Session(session.parse::<SessionRef>().ok()?),
        WrittenWhat::User { user_id, generation } => Revoked::User { id: user_id.parse::<UserId>().ok()?, generation },
        WrittenWhat::Everybody => Revoked::Everybody,
    };
    Some(Entry { sequence, epoch, keep_until: Timestamp::from_millis(at_ms).saturating_add(KEEP_REVOCATIONS), what })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str =
        r#"{"sequence":7,"epoch":1,"at_ms":1763780000000,"kind":"session","session":"AQEBAQEBAQEBAQEBAQEBAQ"}"#;

    fn page(entries: &str, next: u64) -> Result<Page, Unreadable> {
        let head = r#"{"epoch":1,"sequence":9}"#;
        let body = format!(
            r#"{{"head":{head},"revocations":[{entries}],"next":{next},"more":false,"token_keys":["a"],"new":1}}"#
        );
        Page::read(body.as_bytes())
    }

    #[test]
    fn each_kind_is_read_and_kept_until_no_token_can_be_shown() {
        let user = r#"{"sequence":8,"epoch":1,"at_ms":0,"kind":"user","user_id":"00000000-0000-4000-8000-000000000000","generation":3}"#;
        let everybody = r#"{"sequence":9,"epoch":2,"at_ms":0,"kind":"everybody"}"#;
        let page = page(&format!("{SESSION},{user},{everybody}"), 9).unwrap();
        let whats: Vec<_> = page.entries.iter().map(|entry| (entry.sequence, entry.epoch, entry.what)).collect();
        let id = "00000000-0000-4000-8000-000000000000".parse().unwrap();
        assert_eq!(
            whats,
            [
                (7, 1, Revoked::Session(SessionRef([1; 16]))),
                (8, 1, Revoked::User { id, generation: 3 }),
                (9, 2, Revoked::Everybody)
            ]
        );
        assert_eq!(page.entries[0].keep_until.as_millis(), 1_763_780_000_000 + 2 * 3_600_000);
        assert_eq!((page.epoch, page.head, page.next, page.more), (1, 9, 9, false));
    }

    #[test]
    fn what_is_not_understood_makes_the_page_unreadable_and_not_shorter() {
        assert!(page(SESSION, 7).is_ok());
        for entry in [
            SESSION.replace("\"session\",", "\"device\","),
            SESSION.replace("AQEBAQEBAQEBAQEBAQEBAQ", "AQEB"),
            SESSION.replace(r#""kind":"session","#, ""),
            SESSION.replace("1763780000000", "-1"),
            format!("{SESSION},{SESSION}"),
            format!("{SESSION},{}", SESSION.replace(":7", ":6")),
        ] {
            assert_eq!(page(&entry, 9), Err(Unreadable), "{entry}");
        }
        assert_eq!(page(SESSION, 6), Err(Unreadable), "the next one is before the last one");
        for body in ["", "{}", "[]", r#"{"head":{"epoch":0,"sequence":0},"revocations":[],"next":0,"more":false}"#] {
            assert_eq!(Page::read(body.as_bytes()), Err(Unreadable), "{body}");
        }
    }
}
