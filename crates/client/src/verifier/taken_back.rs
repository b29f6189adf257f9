use core::time::Duration;

use countersign_core::session::{KEEP_REVOCATIONS, Revoked};
use countersign_core::time::Timestamp;
use countersign_core::token::AccessClaims;

use super::page::Entry;
use super::table::Table;

/// What was taken back, as far as a token could still be shown that it hits. It is a union: the order in which entries come,
/// and how often, changes nothing, and nothing that was learnt is unlearnt before its time.
#[derive(Clone, Debug)]
pub(super) struct TakenBack {
    /// Until when each is remembered.
    sessions: Table<Until>,
    users: Table<Generation>,
    epoch: u32,
    /// How often something was learnt that was not known before.
    learnt: u64,
}

/// Until when something is remembered: both have to be past.
#[derive(Clone, Copy, Debug, Default)]
struct Until {
    /// By the guard's clock: seconds since 1970, until 2106.
    there: u32,
    /// By the clock of this machine that only runs forward, in seconds.
    here: u32,
}

/// The first generation of a user that counts, and until when that is remembered.
#[derive(Clone, Copy, Debug)]
struct Generation {
    first: u32,
    until: Until,
}

/// What a token was taken back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// Its session: a logout, or somebody has ended it.
    Session,
    /// Everything that its user had been issued.
    User,
    /// Everything that anybody had been issued.
    Everybody,
    /// The guard says so, when it is asked, and not by what.
    Unnamed,
}

impl TakenBack {
    pub(super) fn new() -> Self {
        Self { sessions: Table::new(), users: Table::new(), epoch: 0, learnt: 0 }
    }

    /// Takes in what was told in the answer to a question that was asked at `asked`, by the clock that only runs forward.
    pub(super) fn learn(&mut self, entry: &Entry, asked: Duration) {
        let until = Until::of(entry, asked);
        let is_news = match entry.what {
            Revoked::Session(session) => {
                let former = self.sessions.find(&session.0);
                self.sessions.put(session.0, until.or_later(former.unwrap_or_default()));
                former.is_none()
            }
            Revoked::User { id, generation } => {
                let former = self.users.find(&id.octets());
                let (first, until) = match former {
                    Some(former) => (generation.max(former.first), until.or_later(former.until)),
                    None => (generation, until),
                };
                self.users.put(id.octets(), Generation { first, until });
                former.is_none_or(|former| former.first < first)
            }
            Revoked::Everybody => false,
        };
        self.learnt += u64::from(is_news);
        self.learn_epoch(entry.epoch);
    }

    pub(super) fn learn_epoch(&mut self, epoch: u32) {
        self.learnt += u64::from(self.epoch < epoch);
        self.epoch = self.epoch.max(epoch);
    }

    pub(super) const fn learnt(&self) -> u64 {
        self.learnt
    }

    /// Whether a token that says this was taken back, and with what.
    pub(super) fn judge(&self, claims: &AccessClaims) -> Option<Revocation> {
        let is_of_an_earlier_generation = |user: Generation| claims.generation < user.first;
        if claims.epoch < self.epoch {
            Some(Revocation::Everybody)
        } else if self.users.find(&claims.user.octets()).is_some_and(is_of_an_earlier_generation) {
            Some(Revocation::User)
        } else if self.sessions.find(&claims.session.0).is_some() {
            Some(Revocation::Session)
        } else {
            None
        }
    }

    /// Forgets some of what no token could be hit by any more. `there` is never later than it is at the guard, and `here`
    /// never later than by the clock that only runs forward.
    pub(super) fn sweep(&mut self, there: Timestamp, here: Duration) {
        let is_past = |until: Until| u64::from(until.there) < there.as_secs() && u64::from(until.here) < here.as_secs();
        self.sessions.sweep(is_past);
        self.users.sweep(|user| is_past(user.until));
    }

    /// How many sessions and users it knows of.
    pub(super) fn len(&self) -> usize {
        self.sessions.len() + self.users.len()
    }

    /// How much memory they take.
    pub(super) fn octets(&self) -> usize {
        self.sessions.octets() + self.users.octets()
    }
}

impl Until {
    /// Rounded up: rather too long.
    fn of(entry: &Entry, asked: Duration) -> Self {
        let seconds = |seconds: u64| u32::try_from(seconds + 1).unwrap_or(u32::MAX);
        let here = asked.saturating_add(KEEP_REVOCATIONS);
        Self { there: seconds(entry.keep_until.as_secs()), here: seconds(here.as_secs()) }
    }

    fn or_later(self, other: Self) -> Self {
        Self { there: self.there.max(other.there), here: self.here.max(other.here) }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::id::{SessionRef, UserId};

    use super::super::samples::{NOON, claims};
    use super::*;

    fn entry(what: Revoked, epoch: u32) -> Entry {
        Entry { sequence: 1, epoch, keep_until: Timestamp::from_millis(NOON + 500), what }
    }

    #[test]
    fn a_token_is_hit_by_its_session_by_a_later_generation_and_by_a_later_epoch() {
        let token = claims();
        let judge = |what, epoch| {
            let mut taken_back = TakenBack::new();
            taken_back.learn(&entry(what, epoch), Duration::ZERO);
            taken_back.judge(&token)
        };
        let user = |id, generation| Revoked::User { id, generation };
        assert_eq!(judge(Revoked::Session(token.session), token.epoch), Some(Revocation::Session));
        assert_eq!(judge(Revoked::Session(SessionRef([0xee; 16])), token.epoch), None);
        assert_eq!(judge(user(token.user, token.generation + 1), token.epoch), Some(Revocation::User));
        assert_eq!(judge(user(token.user, token.generation), token.epoch), None, "it is of that generation");
        assert_eq!(judge(user(UserId::from_random([0xee; 16]), 99), token.epoch), None);
        assert_eq!(judge(Revoked::Everybody, token.epoch + 1), Some(Revocation::Everybody));
        assert_eq!(judge(Revoked::Everybody, token.epoch), None, "it is of that epoch");
    }

    #[test]
    fn nothing_that_comes_later_or_twice_brings_a_token_back() {
        let token = claims();
        let mut taken_back = TakenBack::new();
        for generation in [token.generation + 2, token.generation] {
            taken_back.learn(&entry(Revoked::User { id: token.user, generation }, token.epoch), Duration::ZERO);
        }
        assert_eq!(taken_back.judge(&token), Some(Revocation::User));
        taken_back.learn_epoch(token.epoch + 1);
        taken_back.learn_epoch(token.epoch);
        assert_eq!(taken_back.judge(&token), Some(Revocation::Everybody));
    }

    #[test]
    fn an_entry_is_kept_until_its_time_by_both_clocks_and_not_dropped_a_moment_before() {
        const KEEP: u64 = 2 * 3_600_000;
        let token = claims();
        let mut taken_back = TakenBack::new();
        let asked = Duration::from_millis(500);
        taken_back.learn(&entry(Revoked::Session(token.session), token.epoch), asked);
        taken_back.learn(&entry(Revoked::User { id: token.user, generation: 0 }, token.epoch), asked);
        let swept_at = |taken_back: &mut TakenBack, there, here| {
            for _ in 0..256 {
                taken_back.sweep(Timestamp::from_millis(NOON + there), Duration::from_millis(here));
            }
            taken_back.len()
        };
        assert_eq!(swept_at(&mut taken_back, 500, u64::MAX), 2);
        assert_eq!(swept_at(&mut taken_back, 1_999, u64::MAX), 2, "kept until the end of the next second");
        assert_eq!(swept_at(&mut taken_back, 1_000 * KEEP, KEEP + 500), 2, "a clock that is far ahead");
        assert_eq!(swept_at(&mut taken_back, 1_000 * KEEP, KEEP + 1_999), 2);
        assert_eq!(swept_at(&mut taken_back, 2_000, KEEP + 2_000), 0);
        assert_eq!(taken_back.judge(&token), None);
    }
}
