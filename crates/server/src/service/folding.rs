//! Repeats folded: the first of a kind in a minute is told at once, the others as one summary.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_core::event::{Event, EventKind};
use countersign_core::id::{KeyId, SessionRef, UserId};
use countersign_core::network::FineNetwork;
use countersign_core::time::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);

/// At most so many subjects are told apart in a minute; what comes beyond is not told singly.
const SUBJECTS: usize = 4_096;

/// From so many networks the same is told in a minute: a request that was recorded once can be sent from any number.
const NETWORKS: usize = 8;

/// Counts repeats per kind, key and source.
#[derive(Debug, Default)]
pub struct Folding {
    /// What is recorded: only holders of a key or card, and those who recorded them, cause any of it.
    recorded: Mutex<Subjects>,
    /// What anybody can cause. It has a table of its own, so that nobody keeps the rest from being recorded by filling it.
    logged: Mutex<Subjects>,
}

type Subjects = HashMap<Subject, Count>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Subject {
    kind: EventKind,
    what: String,
    /// None for all networks beyond [`NETWORKS`].
    network: Option<FineNetwork>,
}

#[derive(Debug)]
struct Count {
    from: IpAddr,
    since: Timestamp,
    repeats: u64,
}

impl Folding {
    /// An event to record now, if this is the first of its kind in its minute. `what` is the key, session or user
    /// concerned, or words of ours: never text of a request whose MAC has not verified.
    pub fn note(&self, kind: EventKind, what: &str, from: IpAddr, now: Timestamp) -> Option<Event> {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let subject = Subject::among(&recorded, kind, what, from);
        first(&mut recorded, &subject, from, now).then(|| subject.event(from, now, String::new()))
    }

    /// A wrong MAC: told in the log of the process only, once a minute and network.
    pub fn log_bad_signature(&self, from: IpAddr, now: Timestamp) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let subject =
            Subject { kind: EventKind::BadSignature, what: String::new(), network: Some(FineNetwork::from(from)) };
        if first(&mut logged, &subject, from, now) {
            tracing::warn!(event = subject.kind.as_str(), %from, "a request could not be authenticated");
        }
    }

    /// Closes the minutes that are over; gives the summaries of what was repeated in them.
    pub fn close(&self, now: Timestamp) -> Vec<Event> {
        for (subject, count) in closed(&self.logged, now) {
            tracing::warn!(event = subject.kind.as_str(), from = %count.from, detail = count.detail(now));
        }
        let recorded = closed(&self.recorded, now);
        recorded.into_iter().map(|(subject, count)| subject.event(count.from, now, count.detail(now))).collect()
    }
}

fn first(open: &mut Subjects, subject: &Subject, from: IpAddr, now: Timestamp) -> bool {
    if let Some(count) = open.get_mut(subject) {
        count.repeats += 1;
        return false;
    }
    let room = open.len() < SUBJECTS;
    if room {
        open.insert(subject.clone(), Count { from, since: now, repeats: 0 });
    }
    room
}

/// What was repeated in minutes that are over.
fn closed(open: &Mutex<Subjects>, now: Timestamp) -> Vec<(Subject, Count)> {
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    let over = open.extract_if(|_, count| now.since(count.since) >= MINUTE);
    over.filter(|(_, count)| count.repeats > 0).collect()
}

impl Subject {
    fn among(open: &Subjects, kind: EventKind, what: &str, from: IpAddr) -> Self {
        let mut subject = Self { kind, what: what.to_owned(), network: Some(from.into()) };
        let same = |other: &&Self| other.kind == kind && other.what == what;
        if !open.contains_key(&subject) && open.keys().filter(same).count() >= NETWORKS {
            subject.network = None;
        }
        subject
    }

    fn event(&self, from: IpAddr, at: Timestamp, detail: String) -> Event {
        let (user, key) = (self.what.parse::<UserId>().ok(), self.what.parse::<KeyId>().ok());
        let session = SessionRef::from_keyid(&self.what);
        let is_named = user.is_some() || key.is_some() || session.is_some();
        let words = if is_named { "" } else { self.what.as_str() };
        let elsewhere = if self.network.is_none() { "from further networks" } else { "" };
        let parts = [words, elsewhere, &detail].into_iter().filter(|part| !part.is_empty());
        let detail = parts.collect::<Vec<_>>().join(", ");
        Event { at, kind: self.kind, user, key, session, actor: from.to_string(), detail }
    }
}

impl Count {
    fn detail(&self, now: Timestamp) -> String {
        format!("{} more within {} s", self.repeats, now.since(self.since).as_secs())
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
    fn a_session_is_named_in_its_place_and_not_in_words() {
        let folding = Folding::default();
        let session = SessionRef([7; 16]);
        let told = folding.note(EventKind::Replay, &session.keyid(), FROM, at(0)).unwrap();
        assert_eq!((told.session, told.detail.as_str()), (Some(session), ""));
        folding.note(EventKind::Replay, &session.keyid(), FROM, at(1));
        let summary = folding.close(at(61)).remove(0);
        assert_eq!((summary.session, summary.detail.as_str()), (Some(session), "1 more within 61 s"));
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
        assert_eq!(folding.recorded.lock().unwrap().len(), SUBJECTS);
    }

    #[test]
    fn one_request_sent_from_everywhere_is_told_a_few_times() {
        let folding = Folding::default();
        let from = |number: u16| IpAddr::from([0x2001, 0xdb8, number, 0, 0, 0, 0, 1]);
        let told = (0..1_000).filter_map(|number| folding.note(EventKind::Replay, KEY, from(number), at(0)));
        assert_eq!(told.map(|event| event.detail).filter(|detail| detail.is_empty()).count(), NETWORKS);
        let summaries = folding.close(at(60));
        let expected = format!("from further networks, {} more within 60 s", 1_000 - NETWORKS - 1);
        assert_eq!(summaries.into_iter().map(|event| event.detail).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn one_network_is_one_source_whatever_address_it_picks() {
        let folding = Folding::default();
        let from = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]);
        assert!(folding.note(EventKind::Replay, KEY, from(1), at(0)).is_some());
        assert_eq!(folding.note(EventKind::Replay, KEY, from(2), at(0)), None);
    }

    #[test]
    fn nobody_without_a_key_can_keep_an_event_from_being_recorded() {
        let folding = Folding::default();
        for number in 0..=u16::MAX {
            folding.log_bad_signature(IpAddr::from([0x2001, 0xdb8, number, 0, 0, 0, 0, 1]), at(0));
        }
        assert_eq!(folding.logged.lock().unwrap().len(), SUBJECTS);
        assert!(folding.note(EventKind::Replay, KEY, FROM, at(0)).is_some());
    }
}
