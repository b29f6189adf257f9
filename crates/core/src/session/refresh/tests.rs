use super::*;
use crate::id::{FamilyId, SessionRef, UserId};
use crate::secret::Sealed;
use crate::session::EndReason;

const HOME: Place = Place([1; 16]);
const ELSEWHERE: Place = Place([2; 16]);
const DAY: Duration = Duration::from_secs(86_400);

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_763_780_000_000 + millis)
}

/// Refreshed for the fifth time at zero, from home.
pub(crate) fn family(proof: Proof, used: bool) -> Family {
    Family {
        id: FamilyId([7; 16]),
        session: SessionRef([8; 16]),
        user: UserId::from_random([9; 16]),
        proof,
        secret: Sealed { version: 1, octets: vec![1, 2, 3] },
        sequence: 5,
        rotated: at(0),
        place: HOME,
        used,
        good_until: at(100_000),
        expires: at(200_000),
        state: SessionState::Open,
    }
}

const SIGNED: Presenter = Presenter { signed: true, place: ELSEWHERE };
const AT_HOME: Presenter = Presenter { signed: false, place: HOME };
const AWAY: Presenter = Presenter { signed: false, place: ELSEWHERE };

#[test]
fn the_current_token_is_replaced_from_wherever_it_comes() {
    for used in [false, true] {
        assert_eq!(family(Proof::Key, used).present(5, &SIGNED, at(1)), Presented::Rotate);
        assert_eq!(family(Proof::Bearer, used).present(5, &AWAY, at(1)), Presented::Rotate);
    }
}

/// Otherwise whoever finds a token of a session that has a key could end the session.
#[test]
fn without_the_signature_a_token_of_a_key_session_does_nothing_whichever_it_is() {
    let state = SessionState::Ended { at: at(0), why: EndReason::LoggedOut };
    for sequence in [0, 3, 4, 5, 6, u32::MAX] {
        assert_eq!(family(Proof::Key, true).present(sequence, &AT_HOME, at(50_000)), Presented::Unproven);
        let ended = Family { state, ..family(Proof::Key, true) };
        assert_eq!(ended.present(sequence, &AT_HOME, at(50_000)), Presented::Unproven);
    }
}

#[test]
fn whoever_signs_gets_the_same_successor_for_30_seconds_and_as_long_as_it_is_unused() {
    let previous = |used, millis| family(Proof::Key, used).present(4, &SIGNED, at(millis));
    assert_eq!(previous(true, 0), Presented::Again);
    assert_eq!(previous(true, 30_000), Presented::Again);
    assert_eq!(previous(true, 30_001), Presented::Reused);
    assert_eq!(previous(false, 30_001), Presented::Again);
    assert_eq!(previous(false, 99_999), Presented::Again);
}

#[test]
fn a_bearer_gets_the_same_successor_for_30_seconds_while_it_is_unused_and_in_the_same_place_only() {
    let previous = |by: &Presenter, millis| family(Proof::Bearer, false).present(4, by, at(millis));
    assert_eq!(previous(&AT_HOME, 0), Presented::Again);
    assert_eq!(previous(&AT_HOME, 30_000), Presented::Again);
    assert_eq!(previous(&AT_HOME, 30_001), Presented::Reused);
    assert_eq!(previous(&AWAY, 0), Presented::Reused);
}

#[test]
fn a_bearer_whose_successor_is_in_use_is_a_second_tab_for_10_seconds_and_then_a_thief() {
    let previous = |by: &Presenter, millis| family(Proof::Bearer, true).present(4, by, at(millis));
    assert_eq!(previous(&AT_HOME, 0), Presented::Conflict);
    assert_eq!(previous(&AT_HOME, 9_999), Presented::Conflict);
    assert_eq!(previous(&AT_HOME, 10_000), Presented::Reused);
    assert_eq!(previous(&AWAY, 0), Presented::Reused);
}

#[test]
fn anything_older_ends_the_family_at_once() {
    for sequence in [0, 3] {
        assert_eq!(family(Proof::Key, false).present(sequence, &SIGNED, at(0)), Presented::Reused);
        assert_eq!(family(Proof::Bearer, false).present(sequence, &AT_HOME, at(0)), Presented::Reused);
    }
}

/// It was issued by us, so what we know is out of date: a copy of the store that was laid back.
#[test]
fn a_number_that_we_have_not_come_to_ends_the_family() {
    for sequence in [6, u32::MAX] {
        assert_eq!(family(Proof::Bearer, false).present(sequence, &AT_HOME, at(0)), Presented::Reused);
    }
}

#[test]
fn nothing_of_an_ended_or_expired_family_is_good_and_there_is_nothing_to_end() {
    let state = SessionState::Ended { at: at(0), why: EndReason::LoggedOut };
    for sequence in [0, 4, 5, 6] {
        let ended = Family { state, ..family(Proof::Bearer, false) };
        assert_eq!(ended.present(sequence, &AT_HOME, at(1)), Presented::Ended);
        assert_eq!(family(Proof::Bearer, false).present(sequence, &AT_HOME, at(100_000)), Presented::Ended);
        let overdue = Family { good_until: at(300_000), ..family(Proof::Bearer, false) };
        assert_eq!(overdue.present(sequence, &AT_HOME, at(200_000)), Presented::Ended);
    }
    assert_eq!(family(Proof::Bearer, false).present(5, &AT_HOME, at(99_999)), Presented::Rotate);
}

#[test]
fn a_clock_that_steps_back_kills_nobody() {
    assert_eq!(
        Family { rotated: at(5_000), ..family(Proof::Bearer, true) }.present(4, &AT_HOME, at(0)),
        Presented::Conflict
    );
}

#[test]
fn a_refresh_slides_up_to_the_absolute_end_and_not_beyond() {
    let family = family(Proof::Bearer, true);
    let next = family.rotated(ELSEWHERE, at(10), Duration::from_millis(100)).unwrap();
    assert_eq!((next.sequence, next.used, next.place), (6, false, ELSEWHERE));
    assert_eq!((next.rotated, next.good_until, next.expires), (at(10), at(110), at(200_000)));
    assert_eq!(family.rotated(HOME, at(10), DAY).unwrap().good_until, at(200_000));
}

#[test]
fn a_family_whose_numbers_have_run_out_is_over() {
    let last = Family { sequence: u32::MAX, ..family(Proof::Bearer, false) };
    assert_eq!(last.present(u32::MAX, &AT_HOME, at(0)), Presented::Ended);
    assert_eq!(last.rotated(HOME, at(0), DAY), None);
}
