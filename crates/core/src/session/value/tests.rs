use core::time::Duration;

use super::*;

const AT: Timestamp = Timestamp::from_secs(1_763_780_000);

pub(crate) fn session() -> Session {
    Session {
        id: SessionId([1; 16]),
        reference: SessionRef([2; 16]),
        user: UserId::from_random([3; 16]),
        opened_by: OpenedBy::Password { root: None },
        proof: Proof::Bearer,
        generation: 1,
        epoch: 0,
        created: AT,
        auth_time: AT,
        last_used: AT,
        expires: Timestamp::from_secs(1_763_790_000),
        address: "192.0.2.1".parse().unwrap(),
        user_agent: Some("curl".into()),
        device: "laptop".into(),
        token: TokenHash::of("token"),
        state: SessionState::Open,
    }
}

#[test]
fn a_session_lives_until_the_moment_at_which_it_expires() {
    let expires = session().expires.as_millis();
    assert!(session().is_live(Timestamp::from_millis(expires - 1)));
    assert!(!session().is_live(Timestamp::from_millis(expires)));
    let state = SessionState::Ended { at: AT, why: EndReason::LoggedOut };
    assert!(!Session { state, ..session() }.is_live(AT));
}

#[test]
fn a_session_of_an_earlier_epoch_ended_with_it_unless_it_had_before() {
    let of = |epoch| Session { epoch, ..session() };
    let current = Epoch { number: 3, since: AT };
    let ended = SessionState::Ended { at: AT, why: EndReason::Everybody };
    assert_eq!(of(2).in_epoch(current).state, ended);
    assert_eq!(of(3).in_epoch(current).state, SessionState::Open);
    let before = SessionState::Ended { at: Timestamp::from_secs(1), why: EndReason::LoggedOut };
    assert_eq!(Session { state: before, ..of(2) }.in_epoch(current).state, before);
}

/// A late access token still finds that its session was ended, and is told so; and whoever signs after a weekend is.
#[test]
fn a_session_that_is_over_is_kept_as_long_as_somebody_may_come_with_it() {
    let week = Duration::from_secs(7 * 86_400);
    for (proof, kept) in [(Proof::Bearer, KEEP_REVOCATIONS), (Proof::Key, week)] {
        let session = Session { proof, ..session() };
        let ended = Session { state: SessionState::Open.ended(AT, EndReason::LoggedOut), ..session.clone() };
        for (session, over) in [(&session, session.expires), (&ended, AT)] {
            let last = over.saturating_add(kept);
            assert!(!session.is_past(last), "{proof:?}");
            assert!(session.is_past(last.saturating_add(Duration::from_millis(1))), "{proof:?}");
        }
    }
}

#[test]
fn the_first_end_counts() {
    let first = SessionState::Open.ended(AT, EndReason::LoggedOut);
    assert_eq!(first.ended(Timestamp::from_secs(1), EndReason::Revoked), first);
}

#[test]
fn every_reason_reads_back_as_written() {
    for reason in EndReason::ALL {
        assert_eq!(reason.as_str().parse(), Ok(*reason));
    }
    assert_eq!("".parse::<EndReason>(), Err(UnknownReason));
}

#[test]
fn what_is_too_long_is_cut_between_letters() {
    assert_eq!(&*cut("aäb", 2), "a");
    assert_eq!(&*cut("aäb", 3), "aä");
    assert_eq!(&*cut("aäb", 9), "aäb");
}

/// `printf %s abc | sha256sum`
#[test]
fn the_hash_of_a_token_is_sha_256() {
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(crate::encoding::hex(&TokenHash::of("abc").0), hash);
}
