//! [`TokenFamilies`](crate::port::TokenFamilies).

use core::time::Duration;

use countersign_core::account::UserState;
use countersign_core::event::EventKind;
use countersign_core::session::{
    EndReason, Family, OpenedBy, Place, Presented, Presenter, Revoked, Scope, Session, SessionState, TokenHash,
};
use countersign_core::time::Timestamp;

use super::sample::{
    DAY, HOME, at, eight_at_once, enrol, event, events, family, family_id, key_id, key_session, open, session,
    session_ref, user_id,
};
use crate::Stores;
use crate::port::{Presentation, Refreshed, UsedToken};

const HOUR: Duration = Duration::from_secs(3_600);
const AT_HOME: Presenter = Presenter { signed: false, place: HOME };
const AWAY: Presenter = Presenter { signed: false, place: Place([2; 16]) };
const SIGNED: Presenter = Presenter { signed: true, place: Place([2; 16]) };

/// The token of this number of the family of session 1, brought from home. The access token would be hashed to `token`.
fn presentation(sequence: u32, token: u8, time: u64) -> Presentation {
    Presentation {
        family: family_id(1),
        sequence,
        by: AT_HOME,
        generation: 1,
        token: TokenHash([token; 32]),
        sliding: HOUR,
        at: at(time),
    }
}

async fn rotate(stores: &Stores, presentation: &Presentation) -> Refreshed {
    let reuse = event(EventKind::RefreshReuse, presentation.at);
    stores.token_families.rotate(presentation, &reuse).await.expect("rotate")
}

async fn current(stores: &Stores) -> Family {
    stores.token_families.find(family_id(1)).await.expect("find").expect("a family")
}

async fn session_1(stores: &Stores) -> Session {
    stores.sessions.find(session_ref(1)).await.expect("find").expect("a session")
}

/// A token of session 1 that was issued at this time is used; whether the current refresh token is in use then.
async fn is_used(stores: &Stores, issued: u64) -> bool {
    let used = UsedToken::Issued(Timestamp::from_secs(at(issued).as_secs()));
    stores.token_families.note_token(session_ref(1), &used).await.expect("note_token")
}

async fn furnish(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    open(stores, &session(1, 1)).await;
}

const ROTATE: Refreshed = Refreshed::Judged(Presented::Rotate);
const AGAIN: Refreshed = Refreshed::Judged(Presented::Again);
const CONFLICT: Refreshed = Refreshed::Judged(Presented::Conflict);
const REUSED: Refreshed = Refreshed::Judged(Presented::Reused);
const ENDED: Refreshed = Refreshed::Judged(Presented::Ended);

/// Number, time and place of the successor, how long it is good, and the hash of the access token.
pub async fn a_refresh_replaces_the_token(stores: &Stores) {
    furnish(stores).await;
    let told = events(stores).await;
    let by = AWAY;
    assert_eq!(rotate(stores, &Presentation { by, ..presentation(0, 50, 500) }).await, ROTATE);
    let next = Family {
        sequence: 1,
        rotated: at(500),
        place: AWAY.place,
        good_until: at(3_600_500),
        ..family(&session(1, 1))
    };
    assert_eq!(current(stores).await, next);
    assert_eq!(session_1(stores).await, Session { token: TokenHash([50; 32]), ..session(1, 1) });
    let long = Presentation { sliding: Duration::from_secs(1_000_000), ..presentation(1, 51, 600) };
    assert_eq!(rotate(stores, &long).await, ROTATE);
    assert_eq!((current(stores).await.sequence, current(stores).await.good_until), (2, at(DAY)));
    assert_eq!(events(stores).await, told, "nothing has ended");
}

/// All others get the same successor, and nobody is logged out.
pub async fn of_eight_bringing_a_token_one_rotates_it(stores: &Stores) {
    furnish(stores).await;
    let told = eight_at_once(|number| {
        let stores = stores.clone();
        async move { rotate(&stores, &presentation(0, 50 + number, 500)).await }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == ROTATE).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|told| **told == AGAIN).count(), 7, "{told:?}");
    assert_eq!((current(stores).await.sequence, current(stores).await.state), (1, SessionState::Open));
}

/// The answer was lost, and the client asks again: the same token, another access token.
pub async fn a_token_that_was_replaced_leads_to_the_same_successor_for_a_while(stores: &Stores) {
    furnish(stores).await;
    rotate(stores, &presentation(0, 50, 500)).await;
    let after = current(stores).await;
    assert_eq!(rotate(stores, &presentation(0, 51, 30_500)).await, AGAIN);
    assert_eq!(current(stores).await, after);
    assert_eq!(session_1(stores).await.token, TokenHash([51; 32]));
    assert_eq!(rotate(stores, &presentation(1, 52, 40_000)).await, ROTATE);
}

/// Once the successor is in use, a second tab is told so and a thief ends the session.
pub async fn a_token_whose_successor_is_in_use_leads_nowhere(stores: &Stores) {
    furnish(stores).await;
    rotate(stores, &presentation(0, 50, 500)).await;
    assert!(is_used(stores, 500).await);
    let told = events(stores).await;
    assert_eq!(rotate(stores, &presentation(0, 51, 10_499)).await, CONFLICT);
    assert_eq!((session_1(stores).await.token, events(stores).await), (TokenHash([50; 32]), told));
    assert_eq!(rotate(stores, &presentation(0, 51, 10_500)).await, REUSED);
    assert_eq!(events(stores).await, told + 1);
}

/// Family and session, in the log and told of; and it stays so whoever comes with whatever.
pub async fn a_stale_token_ends_family_and_session_and_no_other(stores: &Stores) {
    furnish(stores).await;
    open(stores, &session(2, 1)).await;
    for sequence in 0..2 {
        rotate(stores, &presentation(sequence, 50, 500)).await;
    }
    assert_eq!(rotate(stores, &presentation(0, 51, 501)).await, REUSED);
    let state = SessionState::Ended { at: at(501), why: EndReason::RefreshReused };
    assert_eq!((session_1(stores).await.state, current(stores).await.state), (state, state));
    let log = stores.revocations.after(0, 9).await.expect("after");
    assert_eq!(log.iter().map(|entry| entry.what).collect::<Vec<_>>(), [Revoked::Session(session_ref(1))]);
    let told = stores.events.latest(1).await.expect("latest").remove(0).event;
    assert_eq!((told.kind, told.user), (EventKind::RefreshReuse, Some(user_id(1))));
    for sequence in 0..4 {
        assert_eq!(rotate(stores, &presentation(sequence, 52, 502)).await, ENDED);
    }
    let other = stores.sessions.find(session_ref(2)).await.expect("find").expect("a session");
    assert_eq!(other.state, SessionState::Open);
}

/// Whoever finds a token of a session with a key can do nothing with it, and nothing against it.
pub async fn without_its_signature_a_token_of_a_key_session_changes_nothing(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    open(stores, &key_session(1, 1)).await;
    let signed = |sequence, time| Presentation { by: SIGNED, ..presentation(sequence, 50, time) };
    for sequence in 0..2 {
        assert_eq!(rotate(stores, &signed(sequence, 500)).await, ROTATE);
    }
    let (before, told) = (current(stores).await, events(stores).await);
    for sequence in [0, 1, 2, 3] {
        let unproven = Refreshed::Judged(Presented::Unproven);
        assert_eq!(rotate(stores, &presentation(sequence, 51, 600)).await, unproven);
    }
    assert_eq!((current(stores).await, events(stores).await), (before, told));
    assert_eq!(session_1(stores).await.state, SessionState::Open);
    // Signed, it leads to the same successor for as long as that is unused.
    assert_eq!(rotate(stores, &signed(1, 3_000_000)).await, AGAIN);
    is_used(stores, 500).await;
    assert_eq!(rotate(stores, &signed(1, 3_000_000)).await, REUSED);
}

/// An access token that says when it was issued counts for the refresh token that it came with, and not for a later one.
pub async fn the_use_of_a_successor_is_noted(stores: &Stores) {
    furnish(stores).await;
    assert!(!current(stores).await.used);
    assert!(is_used(stores, 0).await);
    assert!(is_used(stores, 0).await, "it was noted before");
    assert!(current(stores).await.used);
    rotate(stores, &presentation(0, 50, 5_000)).await;
    assert!(!current(stores).await.used);
    assert!(!is_used(stores, 4_999).await, "it came with the one before");
    assert!(is_used(stores, 5_999).await);
    rotate(stores, &presentation(1, 51, 6_999)).await;
    assert!(is_used(stores, 6_999).await, "tokens say whole seconds");
    rotate(stores, &presentation(2, 52, 8_000)).await;
    let scope = Scope::Session(session_ref(1));
    stores.sessions.end(&scope, EndReason::LoggedOut, &event(EventKind::SessionEnded, at(8_001))).await.expect("end");
    assert!(!is_used(stores, 9_000).await);
    assert!(!current(stores).await.used);
}

/// The answer was lost and given again, with another access token, or so it seemed: whoever has the first one uses it.
pub async fn each_token_that_came_with_a_successor_makes_it_used(stores: &Stores) {
    furnish(stores).await;
    assert_eq!(rotate(stores, &presentation(0, 50, 2_500)).await, ROTATE);
    assert_eq!(rotate(stores, &presentation(0, 51, 4_500)).await, AGAIN);
    assert!(is_used(stores, 2_500).await);
    assert_eq!(rotate(stores, &presentation(0, 52, 4_600)).await, CONFLICT);
    assert_eq!(rotate(stores, &presentation(0, 53, 12_500)).await, REUSED);
}

/// By the access token itself, where it says neither family nor number nor time.
pub async fn the_use_of_the_token_that_was_issued_last_is_noted(stores: &Stores) {
    furnish(stores).await;
    let note = async |number, hash: TokenHash| {
        let used = UsedToken::Hash(hash);
        stores.token_families.note_token(session_ref(number), &used).await.expect("note_token")
    };
    let first = session_1(stores).await.token;
    assert!(!note(1, TokenHash([9; 32])).await, "another token");
    assert!(!note(9, first).await, "another session");
    assert!(note(1, first).await);
    assert!(current(stores).await.used);
    rotate(stores, &presentation(0, 50, 500)).await;
    assert!(!note(1, first).await, "it was replaced");
    assert!(!current(stores).await.used);
    assert!(note(1, TokenHash([50; 32])).await);
    assert_eq!(rotate(stores, &presentation(0, 51, 10_499)).await, CONFLICT);
}

/// Whatever has ended the session ends the refreshing.
pub async fn nothing_is_refreshed_of_what_has_ended(stores: &Stores) {
    for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        enrol(stores, number, name).await;
    }
    for session in [session(1, 1), session(2, 2), key_session(3, 3), Session { expires: at(800), ..session(4, 1) }] {
        open(stores, &session).await;
    }
    let refresh = async |number, time| {
        let family = family_id(number);
        rotate(stores, &Presentation { family, by: SIGNED, ..presentation(0, 50 + number, time) }).await
    };
    assert_eq!(refresh(9, 500).await, ENDED);
    let ends = event(EventKind::SessionEnded, at(100));
    stores.sessions.end(&Scope::Session(session_ref(1)), EndReason::LoggedOut, &ends).await.expect("end");
    assert_eq!(refresh(1, 500).await, ENDED);
    stores.users.set_state(user_id(2), UserState::Disabled, &ends).await.expect("set_state");
    stores.users.set_state(user_id(2), UserState::Enabled, &ends).await.expect("set_state");
    assert_eq!(refresh(2, 500).await, ENDED);
    stores.keys.revoke(&key_id(3), &ends).await.expect("revoke");
    assert_eq!(refresh(3, 500).await, ENDED);
    assert_eq!(refresh(4, 800).await, ENDED);
    assert_eq!(refresh(4, 799).await, ROTATE);
    stores.revocations.raise_epoch(&ends).await.expect("raise_epoch");
    let next = Presentation { family: family_id(4), ..presentation(1, 70, 799) };
    assert_eq!(rotate(stores, &next).await, ENDED);
}

/// The access token would say a generation that is void, or one that has not come.
pub async fn a_refresh_that_read_another_generation_is_refused(stores: &Stores) {
    furnish(stores).await;
    let before = (current(stores).await, session_1(stores).await);
    for generation in [0, 2] {
        assert_eq!(rotate(stores, &Presentation { generation, ..presentation(0, 50, 500) }).await, Refreshed::Stale);
    }
    assert_eq!((current(stores).await, session_1(stores).await), before);
    assert_eq!(rotate(stores, &presentation(0, 50, 500)).await, ROTATE);
    // A thief's token ends the family whatever else it says.
    rotate(stores, &presentation(1, 51, 500)).await;
    assert_eq!(rotate(stores, &Presentation { generation: 0, ..presentation(0, 52, 500) }).await, REUSED);
}

/// Of a refresh and a revocation at the same time, the revocation counts, whichever was first.
pub async fn a_refresh_in_flight_does_not_bring_a_session_back(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for number in 1..=8 {
        let opened_by = OpenedBy::Key(key_id(1));
        open(stores, &Session { opened_by, ..session(number, 1) }).await;
    }
    let racers = eight_at_once(|number| {
        let stores = stores.clone();
        async move {
            if number == 4 {
                let told = event(EventKind::KeyRevoked, at(600));
                stores.keys.revoke(&key_id(1), &told).await.expect("revoke");
            }
            let family = family_id(number);
            rotate(&stores, &Presentation { family, ..presentation(0, 50 + number, 500) }).await
        }
    });
    racers.await;
    for number in 1..=8 {
        let session = stores.sessions.find(session_ref(number)).await.expect("find").expect("a session");
        assert_eq!(session.state, SessionState::Ended { at: at(600), why: EndReason::KeyRevoked });
        let family = family_id(number);
        let next = rotate(stores, &Presentation { family, ..presentation(1, 70 + number, 500) }).await;
        assert_eq!(next, ENDED);
    }
}
