//! [`Outcomes`](crate::port::Outcomes).

use countersign_core::idempotency::{Attempt, Begun, Fingerprint, Outcome, OutcomeId, RETENTION, RunId, Start};
use countersign_core::secret::Sealed;

use super::sample::{at, eight_at_once, user_id};
use crate::Stores;

const RUN: RunId = RunId([1; 16]);
const NEXT_RUN: RunId = RunId([2; 16]);
const QUOTA: u64 = 1 << 20;
const DAY: u64 = RETENTION.as_millis() as u64;

/// What one record without an answer counts for.
const RECORD: u64 = 512;

const fn first_of(run: RunId) -> Attempt {
    Attempt { run, number: 1 }
}

fn id(user: u8, name: u8) -> OutcomeId {
    OutcomeId { user: user_id(user), name: [name; 32] }
}

fn start(id: OutcomeId, fingerprint: u8, millis: u64) -> Start {
    Start { id, fingerprint: Fingerprint([fingerprint; 32]), at: at(millis), attempt: first_of(RUN) }
}

fn in_the_next_run(start: Start) -> Start {
    Start { attempt: first_of(NEXT_RUN), ..start }
}

fn sealed(length: usize) -> Sealed {
    Sealed { version: 3, octets: (0..length).map(|place| (place % 251) as u8).collect() }
}

async fn begin(stores: &Stores, start: &Start) -> Begun {
    stores.outcomes.begin(start, QUOTA).await.expect("begin")
}

async fn settle(stores: &Stores, id: OutcomeId, run: RunId, outcome: Outcome) {
    stores.outcomes.settle(&id, first_of(run), &outcome).await.expect("settle");
}

async fn forget(stores: &Stores, millis: u64, run: RunId) {
    stores.outcomes.forget(at(millis), run).await.expect("forget");
}

/// Racing callers are told apart.
pub async fn of_eight_beginning_at_once_one_is_first(stores: &Stores) {
    let told = eight_at_once(|_| {
        let outcomes = stores.outcomes.clone();
        async move { outcomes.begin(&start(id(1, 1), 1, 0), QUOTA).await.expect("begin") }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Begun::First).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|told| **told == Begun::InFlight).count(), 7, "{told:?}");
}

/// Whatever octets it has.
pub async fn an_answer_comes_back_as_it_was_kept(stores: &Stores) {
    begin(stores, &start(id(1, 1), 1, 0)).await;
    settle(stores, id(1, 1), RUN, Outcome::Answered(sealed(70_000))).await;
    let answered = Begun::Answered(sealed(70_000));
    assert_eq!(begin(stores, &start(id(1, 1), 1, 1)).await, answered);
    assert_eq!(begin(stores, &in_the_next_run(start(id(1, 1), 1, 2))).await, answered);
}

/// Not the answer, nor that it is under way.
pub async fn another_request_under_the_key_is_told_nothing_of_the_first(stores: &Stores) {
    begin(stores, &start(id(1, 1), 1, 0)).await;
    assert_eq!(begin(stores, &start(id(1, 1), 2, 0)).await, Begun::Different);
    settle(stores, id(1, 1), RUN, Outcome::Answered(sealed(9))).await;
    assert_eq!(begin(stores, &start(id(1, 1), 2, 0)).await, Begun::Different);
}

/// Neither the name of the key nor the user alone is the key.
pub async fn the_same_name_of_another_user_is_another_key(stores: &Stores) {
    assert_eq!(begin(stores, &start(id(1, 1), 1, 0)).await, Begun::First);
    assert_eq!(begin(stores, &start(id(2, 1), 1, 0)).await, Begun::First);
    assert_eq!(begin(stores, &start(id(1, 2), 1, 0)).await, Begun::First);
}

/// It had been handed on, and nobody will ever tell its outcome.
pub async fn what_another_run_started_never_runs_again(stores: &Stores) {
    begin(stores, &start(id(1, 1), 1, 0)).await;
    assert_eq!(stores.outcomes.unsettled(RUN).await.expect("unsettled"), 0);
    assert_eq!(stores.outcomes.unsettled(NEXT_RUN).await.expect("unsettled"), 1);
    for millis in [1, DAY] {
        assert_eq!(begin(stores, &in_the_next_run(start(id(1, 1), 1, millis))).await, Begun::OutcomeUnknown);
    }
}

/// A late outcome of an earlier run is nobody's.
pub async fn only_the_run_that_started_a_request_settles_it(stores: &Stores) {
    begin(stores, &start(id(1, 1), 1, 0)).await;
    settle(stores, id(1, 1), NEXT_RUN, Outcome::NotCarriedOut).await;
    settle(stores, id(1, 1), NEXT_RUN, Outcome::Answered(sealed(9))).await;
    assert_eq!(begin(stores, &start(id(1, 1), 1, 0)).await, Begun::InFlight);
    settle(stores, id(1, 2), RUN, Outcome::Answered(sealed(9))).await;
    assert_eq!(begin(stores, &start(id(1, 2), 1, 0)).await, Begun::First);
}

/// A second attempt that lost the answer to its beginning must not take the key from the first.
pub async fn only_the_attempt_that_was_first_settles_it(stores: &Stores) {
    begin(stores, &start(id(1, 1), 1, 0)).await;
    let second = Attempt { run: RUN, number: 2 };
    stores.outcomes.settle(&id(1, 1), second, &Outcome::NotCarriedOut).await.expect("settle");
    assert_eq!(begin(stores, &start(id(1, 1), 1, 0)).await, Begun::InFlight);
}

/// What comes second changes nothing.
pub async fn an_outcome_is_settled_once(stores: &Stores) {
    begin(stores, &start(id(1, 1), 1, 0)).await;
    settle(stores, id(1, 1), RUN, Outcome::Unknown).await;
    settle(stores, id(1, 1), RUN, Outcome::Answered(sealed(9))).await;
    settle(stores, id(1, 1), RUN, Outcome::NotCarriedOut).await;
    assert_eq!(begin(stores, &start(id(1, 1), 1, 1)).await, Begun::OutcomeUnknown);
}

/// And under the key another request may come, too.
pub async fn what_was_not_carried_out_may_run(stores: &Stores) {
    begin(stores, &start(id(1, 1), 1, 0)).await;
    settle(stores, id(1, 1), RUN, Outcome::NotCarriedOut).await;
    assert_eq!(begin(stores, &start(id(1, 1), 2, 1)).await, Begun::First);
}

/// A day to the millisecond; then the key is free for anything.
pub async fn an_outcome_is_kept_for_a_day_from_its_beginning(stores: &Stores) {
    for name in [1, 2] {
        begin(stores, &start(id(1, name), 1, 0)).await;
        settle(stores, id(1, name), RUN, Outcome::Answered(sealed(9))).await;
    }
    forget(stores, DAY, RUN).await;
    assert_eq!(begin(stores, &start(id(1, 1), 1, DAY)).await, Begun::Answered(sealed(9)));
    assert_eq!(begin(stores, &start(id(1, 1), 2, DAY + 1)).await, Begun::First, "swept or not");
    forget(stores, DAY + 1, RUN).await;
    assert_eq!(begin(stores, &start(id(1, 2), 2, 0)).await, Begun::First);
}

/// Forgetting it would let the same thing run beside itself.
pub async fn what_is_under_way_is_not_forgotten(stores: &Stores) {
    begin(stores, &start(id(1, 1), 1, 0)).await;
    forget(stores, 9 * DAY, RUN).await;
    assert_eq!(begin(stores, &start(id(1, 1), 1, 9 * DAY)).await, Begun::InFlight);
    forget(stores, 9 * DAY, NEXT_RUN).await;
    assert_eq!(begin(stores, &start(id(1, 1), 1, 9 * DAY)).await, Begun::First);
}

/// Answers count for their octets. What is kept already is answered all the same, and what is forgotten makes room.
pub async fn a_user_begins_nothing_more_when_the_quota_is_used(stores: &Stores) {
    let quota = 2 * RECORD;
    let begin = async |start: &Start| stores.outcomes.begin(start, quota).await.expect("begin");
    assert_eq!(begin(&start(id(1, 1), 1, 0)).await, Begun::First);
    settle(stores, id(1, 1), RUN, Outcome::Answered(sealed(9))).await;
    assert_eq!(begin(&start(id(1, 2), 1, 1)).await, Begun::First);
    assert_eq!(begin(&start(id(1, 3), 1, 1)).await, Begun::TooMuch);
    assert_eq!(begin(&start(id(2, 3), 1, 1)).await, Begun::First, "another user has a quota of her own");
    assert_eq!(begin(&start(id(1, 1), 1, 1)).await, Begun::Answered(sealed(9)));
    settle(stores, id(1, 2), RUN, Outcome::NotCarriedOut).await;
    assert_eq!(begin(&start(id(1, 3), 1, 1)).await, Begun::First);
    assert_eq!(begin(&start(id(1, 4), 1, 1)).await, Begun::TooMuch);
    forget(stores, DAY + 1, RUN).await;
    assert_eq!(begin(&start(id(1, 4), 1, DAY + 1)).await, Begun::First, "the first was a day old");
    assert_eq!(begin(&start(id(1, 5), 1, DAY + 1)).await, Begun::TooMuch);
}
