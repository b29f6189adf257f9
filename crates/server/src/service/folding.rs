//! Repeats folded: the first of a kind in a minute is told at once, the others as one summary.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_core::event::{Event, EventKind};
use countersign_core::time::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);

/// At most so many subjects are told apart in a minute; what comes beyond is not told singly.
const SUBJECTS: usize = 4_096;

/// Counts repeats per kind, key and source.
#[derive(Debug, Default)]
pub struct Folding {
    open: Mutex<HashMap<Subject, Count>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Subject {
    kind: EventKind,
    what: String,
    from: IpAddr,
}

#[derive(Debug)]
struct Count {
    since: Timestamp,
    repeats: u64,
}

impl Folding {
    /// An event to record now, if this is the first of its kind in its minute. `what` is the keyid concerned, or words
    /// of ours: never text of a request whose MAC has not verified.
    pub fn note(&self, kind: EventKind, what: &str, from: IpAddr, now: Timestamp) -> Option<Event> {
        let subject = Subject { kind, what: what.to_owned(), from };
        self.first(&subject, now).then(|| subject.event(now, String::new()))
    }

    /// A wrong MAC: told in the log of the process only, once a minute and source.
    pub fn log_bad_signature(&self, from: IpAddr, now: Timestamp) {
        let subject = Subject { kind: EventKind::BadSignature, what: String::new(), from };
        if self.first(&subject, now) {
            tracing::warn!(event = subject.kind.as_str(), %from, "a request could not be authenticated");
        }
    }

    /// Closes the minutes that are over; gives the summaries of what was repeated in them.
    pub fn close(&self, now: Timestamp) -> Vec<Event> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let over = open.extract_if(|_, count| now.since(count.since) >= MINUTE);
        let repeated = over.filter(|(_, count)| count.repeats > 0);
        repeated.filter_map(|(subject, count)| subject.summary(&count, now)).collect()
    }

    fn first(&self, subject: &Subject, now: Timestamp) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(subject) {
            count.repeats += 1;
            return false;
        }
        let room = open.len() < SUBJECTS;
        if room {
            open.insert(subject.clone(), Count { since: now, repeats: 0 });
        }
        room
    }
}

impl Subject {
    fn event(&self, at: Timestamp, detail: String) -> Event {
        let key = self.what.parse().ok();
        let words = if key.is_none() { self.what.as_str() } else { "" };
        let detail = [words, &detail].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        Event { at, kind: self.kind, user: None, key, actor: self.from.to_string(), detail }
    }

    fn summary(&self, count: &Count, now: Timestamp) -> Option<Event> {
        let Count { repeats, since } = count;
        let detail = format!("{repeats} more within {} s", now.since(*since).as_secs());
        if self.kind == EventKind::BadSignature {
            tracing::warn!(event = self.kind.as_str(), from = %self.from, detail);
            return None;
        }
        Some(self.event(now, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const KEY: &str = "k7f3a9c2d4e5b6a1c";

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_763_780_000 + seconds)
    }

    #[test]
    fn repeats_within_a_minute_become_one_event_and_one_summary() {
        let folding = Folding::default();
        assert!(folding.note(EventKind::Replay, KEY, FROM, at(0)).is_some());
        for second in 1..60 {
            assert_eq!(folding.note(EventKind::Replay, KEY, FROM, at(second)), None);
        }
        assert!(folding.close(at(59)).is_empty());
        let summaries = folding.close(at(60));
        assert_eq!(summaries.len(), 1);
        assert_eq!(summaries[0].detail, "59 more within 60 s");
        assert!(folding.note(EventKind::Replay, KEY, FROM, at(61)).is_some());
    }

    #[test]
    fn what_happened_once_has_no_summary_and_other_kinds_are_told_apart() {
        let folding = Folding::default();
        assert!(folding.note(EventKind::Replay, KEY, FROM, at(0)).is_some());
        assert!(folding.note(EventKind::ClockSkew, KEY, FROM, at(0)).is_some());
        assert!(folding.close(at(120)).is_empty());
    }

    #[test]
    fn memory_is_bounded_whatever_is_sent() {
        let folding = Folding::default();
        for number in 0..2 * SUBJECTS {
            folding.note(EventKind::Replay, &format!("k{number:020}"), FROM, at(0));
        }
        assert_eq!(folding.open.lock().unwrap().len(), SUBJECTS);
    }
}
