//! The rules of the verifier, to the millisecond.

use core::time::Duration;

use countersign_core::id::SessionRef;
use countersign_core::session::{Proof, Revoked};
use countersign_core::token::{AccessClaims, TokenFault};

use super::checker::Looked;
use super::page::Entry;
use super::samples::{ISSUER, at, claims, entry, jwks, page, signing_key, time, token};
use super::{Checker, Doubt, Evidence, Page, Progress, Refused, Revocation, Settings};
use crate::conversation::Reading;

/// A checker that has the public key 1 and whose feed was read to its end by a poll that was sent at noon.
fn checker() -> Checker {
    let mut checker = Checker::new(&Settings::new(ISSUER));
    assert_eq!(poll(&mut checker, 0, &page(vec![], 0)), Progress::Complete);
    checker.learn_keys(jwks(&[1]).as_bytes()).unwrap();
    checker
}

/// A poll that is sent so many milliseconds after noon and answered by a guard whose clock runs like ours.
fn poll(checker: &mut Checker, millis: u64, page: &Page) -> Progress {
    let poll = checker.poll(at(millis));
    checker.receive(&poll, page, time(millis))
}

fn verdict(checker: &Checker, claims: &AccessClaims, now: Reading) -> Result<(), Refused> {
    checker.verify(&token(claims, 1), now).map(drop)
}

fn session_of(claims: &AccessClaims, sequence: u64) -> Entry {
    entry(sequence, Revoked::Session(claims.session))
}

fn another(sequence: u64) -> Entry {
    entry(sequence, Revoked::Session(SessionRef([0x77; 16])))
}

const UNAVAILABLE: fn(Doubt) -> Result<(), Refused> = |doubt| Err(Refused::Unavailable(doubt));

#[test]
fn everything_is_refused_until_the_feed_was_read_to_its_end() {
    let mut checker = Checker::new(&Settings::new(ISSUER));
    assert_eq!(verdict(&checker, &claims(), at(0)), UNAVAILABLE(Doubt::Starting));
    let first = Page { more: true, ..page(vec![another(1)], 2) };
    assert_eq!(poll(&mut checker, 0, &first), Progress::More);
    assert_eq!(verdict(&checker, &claims(), at(1)), UNAVAILABLE(Doubt::Starting), "there is more to read");
    checker.learn_keys(jwks(&[1]).as_bytes()).unwrap();
    let of_a_session_that_signs = AccessClaims { proof: Proof::Key, ..claims() };
    let expired = AccessClaims { expires: time(0), ..claims() };
    for claims in [claims(), of_a_session_that_signs, expired] {
        assert_eq!(verdict(&checker, &claims, at(1)), UNAVAILABLE(Doubt::Starting), "whatever it is");
        let looked = checker.look(&token(&claims, 1), at(1), |_| false);
        assert!(matches!(looked, Looked::Certain(Err(_))), "and nobody is asked");
    }
    assert_eq!(checker.poll(at(2)).after(), 1);
    assert_eq!(poll(&mut checker, 2, &page(vec![another(2)], 2)), Progress::Complete);
    assert_eq!(verdict(&checker, &claims(), at(3)), Ok(()));
}

#[test]
fn what_is_known_is_as_old_as_the_poll_and_not_as_its_answer() {
    let mut checker = checker();
    let sent = checker.poll(at(10));
    // The answer takes 900 ms, and was written by the guard at their end.
    checker.receive(&sent, &page(vec![], 0), time(910));
    let Ok(accepted) = checker.verify(&token(&claims(), 1), at(1_009)) else { panic!("999 ms after it was sent") };
    assert_eq!(accepted.by, Evidence::Feed { age: Duration::from_millis(999) });
    assert_eq!(verdict(&checker, &claims(), at(1_010)), UNAVAILABLE(Doubt::Silent));
}

#[test]
fn an_answer_that_comes_late_tells_what_was_taken_back_and_makes_nothing_fresh() {
    let mut checker = checker();
    let held_back = checker.poll(at(10));
    assert_eq!(checker.receive(&held_back, &page(vec![another(1)], 1), time(11)), Progress::Complete);
    assert_eq!(verdict(&checker, &claims(), at(5_000)), UNAVAILABLE(Doubt::Silent));

    let lost = checker.poll(at(5_000));
    assert_eq!(poll(&mut checker, 6_000, &page(vec![another(2)], 2)), Progress::Complete);
    let late = checker.receive(&lost, &page(vec![another(2), session_of(&claims(), 3)], 3), time(5_001));
    assert_eq!((late, checker.read_up_to()), (Progress::Late, 2), "the next poll asks for 3 again");
    assert_eq!(verdict(&checker, &claims(), at(6_100)), Err(Refused::Revoked(Revocation::Session)));
}

#[test]
fn what_is_revoked_between_sending_and_receiving_is_known_in_a_second_or_nothing_is_accepted() {
    let mut checker = checker();
    // Taken back at 101, after the guard had looked and before its answer came.
    let sent = checker.poll(at(100));
    checker.receive(&sent, &page(vec![], 0), time(100));
    assert_eq!(verdict(&checker, &claims(), at(1_099)), Ok(()), "nobody has told us");
    assert_eq!(verdict(&checker, &claims(), at(1_100)), UNAVAILABLE(Doubt::Silent), "999 ms after it was taken back");
    poll(&mut checker, 1_200, &page(vec![session_of(&claims(), 1)], 1));
    assert_eq!(verdict(&checker, &claims(), at(1_200)), Err(Refused::Revoked(Revocation::Session)));
}

#[test]
fn what_is_known_as_revoked_stays_so_while_the_feed_is_silent() {
    let mut checker = checker();
    poll(&mut checker, 100, &page(vec![session_of(&claims(), 1)], 1));
    assert_eq!(verdict(&checker, &claims(), at(60_000)), Err(Refused::Revoked(Revocation::Session)));
}

#[test]
fn a_machine_that_slept_or_whose_clock_was_set_trusts_nothing_from_before() {
    let checker = checker();
    let slept = Reading { wall: time(3_600_000), monotonic: Duration::from_millis(5) };
    let set_back = Reading { wall: time(0).saturating_sub(Duration::from_secs(3_600)), ..at(1_000) };
    assert_eq!(
        verdict(&checker, &AccessClaims { expires: time(3_599_000), ..claims() }, slept),
        Err(TokenFault::Expired.into())
    );
    assert_eq!(
        verdict(
            &checker,
            &AccessClaims { expires: time(3_600_000), issued: time(1_000), ..claims() },
            Reading { wall: time(2_000), ..slept }
        ),
        UNAVAILABLE(Doubt::Silent)
    );
    assert_eq!(verdict(&checker, &claims(), set_back), UNAVAILABLE(Doubt::Silent));
    assert_eq!(verdict(&checker, &claims(), Reading { monotonic: Duration::from_millis(999), ..set_back }), Ok(()));
}

#[test]
fn a_token_expires_by_the_guards_clock_whatever_this_machine_thinks() {
    let mut checker = checker();
    // The guard is ten minutes and half a second ahead less the two seconds that the poll takes.
    let sent = checker.poll(at(2_000));
    checker.receive(&sent, &page(vec![], 0), time(598_500));
    assert_eq!(verdict(&checker, &claims(), at(2_999)), Ok(()));
    let expired = verdict(&checker, &AccessClaims { expires: time(599_000), ..claims() }, at(2_500));
    assert_eq!(expired, Err(TokenFault::Expired.into()));
    assert_eq!(verdict(&checker, &AccessClaims { expires: time(599_000), ..claims() }, at(2_499)), Ok(()));
}

#[test]
fn a_gap_is_read_again_from_the_start_and_forgets_nothing() {
    let mut checker = checker();
    poll(&mut checker, 100, &page(vec![session_of(&claims(), 1)], 1));
    assert_eq!(poll(&mut checker, 200, &page(vec![another(3)], 3)), Progress::FromTheStart);
    assert_eq!(checker.poll(at(300)).after(), 0);
    assert_eq!(verdict(&checker, &claims(), at(300)), Err(Refused::Revoked(Revocation::Session)));
    // From the start gaps are what the guard has forgotten.
    assert_eq!(poll(&mut checker, 300, &page(vec![another(2), another(5)], 6)), Progress::Complete);
    assert_eq!(verdict(&checker, &claims(), at(300)), Err(Refused::Revoked(Revocation::Session)));
}

#[test]
fn a_log_that_is_shorter_than_it_was_or_ends_elsewhere_is_read_again() {
    for doubtful in [page(vec![], 1), Page { next: 3, ..page(vec![], 3) }, Page { next: 1, ..page(vec![], 2) }] {
        let mut checker = checker();
        poll(&mut checker, 100, &page(vec![another(1), another(2)], 2));
        assert_eq!(poll(&mut checker, 200, &doubtful), Progress::FromTheStart, "{doubtful:?}");
        assert_eq!(verdict(&checker, &claims(), at(1_099)), Ok(()), "as of 100");
        assert_eq!(
            verdict(&checker, &claims(), at(1_100)),
            UNAVAILABLE(Doubt::Silent),
            "that answer counts for nothing"
        );
    }
}

#[test]
fn a_new_epoch_voids_everything_before_it_and_the_log_is_read_again() {
    let mut checker = checker();
    let raised = Page { epoch: 6, ..page(vec![Entry { epoch: 6, ..entry(1, Revoked::Everybody) }], 1) };
    assert_eq!(poll(&mut checker, 100, &raised), Progress::FromTheStart);
    assert_eq!(verdict(&checker, &claims(), at(101)), Err(Refused::Revoked(Revocation::Everybody)));
    assert_eq!(poll(&mut checker, 200, &raised), Progress::Complete);
    assert_eq!(verdict(&checker, &AccessClaims { epoch: 6, ..claims() }, at(201)), Ok(()));
    // A guard that was put back into an earlier epoch brings none of its tokens back.
    assert_eq!(poll(&mut checker, 300, &page(vec![], 1)), Progress::FromTheStart);
    assert_eq!(verdict(&checker, &claims(), at(301)), Err(Refused::Revoked(Revocation::Everybody)));
}

#[test]
fn an_answer_to_a_poll_from_before_the_start_does_not_move_us() {
    let mut checker = checker();
    poll(&mut checker, 100, &page(vec![another(1)], 1));
    let before = checker.poll(at(150));
    poll(&mut checker, 200, &page(vec![another(3)], 3));
    assert_eq!(checker.receive(&before, &page(vec![another(2)], 2), time(150)), Progress::Late);
    assert_eq!(checker.poll(at(300)).after(), 0);
}

#[test]
fn the_token_of_a_session_that_signs_is_worth_nothing_by_itself() {
    let checker = checker();
    let token = token(&AccessClaims { proof: Proof::Key, ..claims() }, 1);
    assert_eq!(checker.verify(&token, at(1)), Err(Refused::ProofRequired));
    assert_eq!(checker.verify_with_proof(&token, at(1), |_| false), Err(Refused::ProofRequired));
    let proven = checker.verify_with_proof(&token, at(1), |claims| claims.session == SessionRef([1; 16]));
    assert!(proven.is_ok(), "{proven:?}");
}

#[test]
fn a_token_of_another_guard_or_for_another_or_by_another_key_is_refused() {
    let checker = checker();
    assert_eq!(checker.verify(&token(&claims(), 2), at(1)), Err(TokenFault::UnknownKey.into()));
    let others = Checker::new(&Settings { issuer: "https://other.example".to_owned(), ..Settings::new(ISSUER) });
    let mut others = others;
    poll(&mut others, 0, &page(vec![], 0));
    others.learn_keys(jwks(&[1]).as_bytes()).unwrap();
    assert_eq!(verdict(&others, &claims(), at(1)), Err(TokenFault::Issuer.into()));
    let mut others = Checker::new(&Settings { audience: "https://other.example".to_owned(), ..Settings::new(ISSUER) });
    poll(&mut others, 0, &page(vec![], 0));
    others.learn_keys(jwks(&[1]).as_bytes()).unwrap();
    assert_eq!(verdict(&others, &claims(), at(1)), Err(TokenFault::Audience.into()));
}

#[test]
fn keys_count_that_signed_answers_vouch_for_however_the_set_was_come_by() {
    let mut checker = checker();
    // Somebody between puts a key of their own beside the guard's, and under the guard's name.
    checker.learn_keys(jwks(&[2, 1]).as_bytes()).unwrap();
    let renamed = jwks(&[2]).replace(signing_key(2).id().as_str(), signing_key(1).id().as_str());
    checker.learn_keys(renamed.as_bytes()).unwrap();
    assert_eq!(checker.verify(&token(&claims(), 2), at(1)), Err(TokenFault::UnknownKey.into()));
    assert_eq!(verdict(&checker, &claims(), at(1)), Ok(()));
}

#[test]
fn a_key_that_is_vouched_for_is_fetched_and_one_that_is_no_more_is_gone_at_once() {
    let mut checker = checker();
    assert!(!checker.lacks_keys());
    let thumbprint = |seed| Box::<str>::from(signing_key(seed).id().as_str());
    poll(&mut checker, 100, &Page { token_keys: vec![thumbprint(1), thumbprint(2)], ..page(vec![], 0) });
    assert!(checker.lacks_keys());
    assert_eq!(checker.verify(&token(&claims(), 2), at(101)), Err(Refused::Unavailable(Doubt::KeyMissing)));
    assert!(checker.learn_keys(b"no JWK set").is_err());
    checker.learn_keys(jwks(&[1, 2]).as_bytes()).unwrap();
    assert!(!checker.lacks_keys());
    assert!(checker.verify(&token(&claims(), 2), at(101)).is_ok());
    poll(&mut checker, 200, &Page { token_keys: vec![thumbprint(2)], ..page(vec![], 0) });
    assert_eq!(verdict(&checker, &claims(), at(201)), Err(TokenFault::UnknownKey.into()));
}

#[test]
fn an_api_says_of_a_revoked_token_that_it_is_and_of_a_doubt_503() {
    let revoked = Refused::Revoked(Revocation::User);
    assert_eq!(revoked.status(), 401);
    assert_eq!(
        revoked.www_authenticate(),
        Some(r#"Bearer error="invalid_token", error_description="Token has been revoked""#)
    );
    let silent = Refused::Unavailable(Doubt::Silent);
    assert_eq!((silent.status(), silent.www_authenticate()), (503, None));
    for one in [TokenFault::Expired.into(), TokenFault::Signature.into(), Refused::ProofRequired] {
        assert_eq!((one.status(), one.www_authenticate()), (401, Some(r#"Bearer error="invalid_token""#)));
    }
}

#[test]
fn revocations_take_at_most_40_octets_each_and_are_forgotten_when_they_hit_nothing_any_more() {
    let mut checker = checker();
    let number = |sequence: u64| {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&(sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes());
        entry(sequence, Revoked::Session(SessionRef(octets)))
    };
    for first in (1..50_000).step_by(500) {
        poll(&mut checker, 100, &page((first..first + 500).map(number).collect(), 50_000));
    }
    let (known, octets) = checker.usage();
    assert_eq!(known, 50_000);
    assert!(octets / known <= 40, "{octets}");
    // Two hours and a second must have passed at the guard, and here too: a guard whose clock is set ahead for a while
    // would else have us forget what still hits tokens.
    for (here, there, left) in [
        (200, 7_202_000, 50_000),
        (7_201_000, 7_100_000, 50_000),
        (7_200_000, 7_202_000, 50_000),
        (7_202_000, 7_202_000, 0),
    ] {
        for _ in 0..256 {
            let poll = checker.poll(at(here));
            checker.receive(&poll, &page(vec![], 50_000), time(there));
        }
        assert_eq!(checker.usage().0, left, "{here} {there}");
    }
}

#[test]
fn only_what_was_not_known_before_is_news() {
    let mut checker = checker();
    let before = checker.learnt();
    poll(&mut checker, 100, &page(vec![], 0));
    assert_eq!(checker.learnt(), before, "an answer that says nothing");
    poll(&mut checker, 200, &page(vec![session_of(&claims(), 1)], 1));
    assert_eq!(checker.learnt(), before + 1);
    assert_eq!(poll(&mut checker, 300, &page(vec![another(3)], 3)), Progress::FromTheStart);
    assert_eq!(checker.learnt(), before + 2, "what an answer says that does not follow is known all the same");
    poll(&mut checker, 400, &page(vec![session_of(&claims(), 1), another(3)], 3));
    assert_eq!(checker.learnt(), before + 2, "what is read again");
    poll(&mut checker, 500, &Page { epoch: 6, ..page(vec![], 3) });
    assert_eq!(checker.learnt(), before + 3, "another epoch");
}
