//! How many sessions a user may have at a time.

use core::num::NonZeroU32;

use super::Session;
use crate::id::SessionRef;

/// How many sessions a user may have at a time, and what happens to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many.
    pub max: NonZeroU32,
    /// What a login meets when there are that many.
    pub on_limit: OnLimit,
}

/// What a login meets when the user has as many sessions as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLimit {
    /// It is refused.
    Reject,
    /// It takes the place of the session that was opened first.
    EvictOldest,
    /// It takes the place of the session that has not been used for the longest time.
    EvictIdle,
}

/// Whether there is room for one more session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is, once these have ended.
    For {
        /// Which; often none.
        evicted: Vec<SessionRef>,
    },
    /// There is none.
    None,
}

impl Limit {
    /// Whether one more session fits beside these, which are all live ones of its user. Of two that are equally old, the
    /// one with the lower reference goes first.
    pub fn room(self, live: &[Session]) -> Room {
        let beside = (self.max.get() - 1) as usize;
        let too_many = live.len().saturating_sub(beside);
        let age = |session: &Session| match self.on_limit {
            OnLimit::Reject | OnLimit::EvictOldest => session.created,
            OnLimit::EvictIdle => session.last_used,
        };
        if too_many > 0 && self.on_limit == OnLimit::Reject {
            return Room::None;
        }
        let mut by_age: Vec<_> = live.iter().map(|session| (age(session), session.reference)).collect();
        by_age.sort_unstable();
        Room::For { evicted: by_age.into_iter().take(too_many).map(|(_, reference)| reference).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::value::tests::session;
    use crate::time::Timestamp;

    fn limit(max: u32, on_limit: OnLimit) -> Limit {
        Limit { max: NonZeroU32::new(max).unwrap(), on_limit }
    }

    /// Opened and last used at these times.
    fn live(times: &[(u64, u64)]) -> Vec<Session> {
        let sessions = (1..).zip(times).map(|(number, (created, last_used))| Session {
            reference: SessionRef([number; 16]),
            created: Timestamp::from_millis(*created),
            last_used: Timestamp::from_millis(*last_used),
            ..session()
        });
        sessions.collect()
    }

    fn evicted(numbers: &[u8]) -> Room {
        Room::For { evicted: numbers.iter().map(|number| SessionRef([*number; 16])).collect() }
    }

    #[test]
    fn there_is_room_below_the_limit_whatever_happens_at_it() {
        for on_limit in [OnLimit::Reject, OnLimit::EvictOldest, OnLimit::EvictIdle] {
            assert_eq!(limit(3, on_limit).room(&live(&[(1, 2), (3, 4)])), evicted(&[]));
        }
    }

    #[test]
    fn at_the_limit_a_login_is_refused_or_takes_the_place_of_the_oldest_or_idlest() {
        let live = live(&[(5, 6), (3, 9), (3, 8)]);
        assert_eq!(limit(3, OnLimit::Reject).room(&live), Room::None);
        assert_eq!(limit(3, OnLimit::EvictOldest).room(&live), evicted(&[2]));
        assert_eq!(limit(3, OnLimit::EvictIdle).room(&live), evicted(&[1]));
    }

    #[test]
    fn a_limit_that_was_lowered_evicts_as_many_as_it_takes() {
        let live = live(&[(5, 6), (3, 9), (4, 8)]);
        assert_eq!(limit(1, OnLimit::EvictOldest).room(&live), evicted(&[2, 3, 1]));
    }
}
