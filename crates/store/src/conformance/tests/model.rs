//! Random operations: SQLite answers as memory does, whatever the order.

mod sessions;

use countersign_core::account::{Credentials, KeyOrigin, KeyRecord, Role, Ticket, UserState};
use countersign_core::event::EventKind;
use countersign_core::idempotency::{Attempt, Fingerprint, Outcome, OutcomeId, RETENTION, RunId, Start};
use countersign_core::secret::Sealed;
use proptest::prelude::*;

use crate::Stores;
use crate::conformance::sample::{
    accept_mark, at, by_group, by_ticket, code, event, hash, key, key_id, name, recovery_card, successor, ticket,
    ticket_id, user, user_id,
};
use crate::port::{BurntNonce, Reseal, Resealed, StoreError};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const DAY: u64 = RETENTION.as_millis() as u64;

/// An operation on a small world: few names, few ids, few points in time, so that they often meet.
#[derive(Clone, Debug)]
enum Operation {
    Issue { ticket: u8, good_for: u64 },
    RevokeTicket { ticket: u8, time: u64 },
    Confirm { number: u8, name: usize, ticket: Option<u8>, time: u64 },
    SetState { number: u8, state: UserState, time: u64 },
    Add { number: u8, name: usize, password: Option<u8> },
    SetPassword { number: u8, generation: u32, password: u8 },
    Rehash { number: u8, former: u8, fresh: u8 },
    SetRole { number: u8, role: Role },
    Permit { number: u8, permissions: &'static str },
    RevokeKey { number: u8, time: u64 },
    Succeed { number: u8, predecessor: u8, user: u8, time: u64 },
    Hasten { number: u8, time: u64 },
    End { number: u8, days: u64 },
    TakeBack { target: u8, signer: u8, user: u8, time: u64 },
    IssueRecovery { ticket: u8, user: u8 },
    Recover { number: u8, user: u8, ticket: u8, time: u64 },
    ReplaceCodes { ticket: u8, user: u8, time: u64 },
    Note { hash: u8, keep_until: u64 },
    ForgetNotes { now: u64 },
    Burn { key: u8, nonce: u8, keep_until: u64 },
    ForgetNonces { now: u64 },
    KeepMark { run: u8, time: u64 },
    Begin { user: u8, name: u8, fingerprint: u8, run: u8, days: u64 },
    Settle { user: u8, name: u8, run: u8, outcome: Option<usize>, is_known: bool },
    ForgetOutcomes { run: u8, days: u64 },
    Reseal { version: u32, limit: u32 },
    Retire { version: u32 },
    OfSessions(sessions::Operation),
}

fn operation() -> impl Strategy<Value = Operation> {
    let state = prop_oneof![Just(UserState::Enabled), Just(UserState::Disabled), Just(UserState::Deleted)];
    let role = prop_oneof![Just(Role::User), Just(Role::Admin), Just(Role::Service)];
    let (few, time) = (1..5_u8, 0..8_u64);
    prop_oneof![
        2 => (few.clone(), time.clone()).prop_map(|(ticket, good_for)| Operation::Issue { ticket, good_for }),
        1 => (few.clone(), time.clone()).prop_map(|(ticket, time)| Operation::RevokeTicket { ticket, time }),
        4 => (few.clone(), 0..NAMES.len(), proptest::option::of(few.clone()), time.clone())
            .prop_map(|(number, name, ticket, time)| Operation::Confirm { number, name, ticket, time }),
        3 => (few.clone(), state, time.clone())
            .prop_map(|(number, state, time)| Operation::SetState { number, state, time }),
        2 => (few.clone(), 0..NAMES.len(), proptest::option::of(0..3_u8))
            .prop_map(|(number, name, password)| Operation::Add { number, name, password }),
        3 => (few.clone(), 0..4_u32, 0..3_u8)
            .prop_map(|(number, generation, password)| Operation::SetPassword { number, generation, password }),
        1 => (few.clone(), 0..3_u8, 0..3_u8)
            .prop_map(|(number, former, fresh)| Operation::Rehash { number, former, fresh }),
        1 => (few.clone(), role).prop_map(|(number, role)| Operation::SetRole { number, role }),
        1 => (few.clone(), prop_oneof![Just(""), Just("a"), Just("a b")])
            .prop_map(|(number, permissions)| Operation::Permit { number, permissions }),
        1 => (few.clone(), time.clone()).prop_map(|(number, time)| Operation::RevokeKey { number, time }),
        3 => (5..9_u8, 1..9_u8, few.clone(), time.clone())
            .prop_map(|(number, predecessor, user, time)| Operation::Succeed { number, predecessor, user, time }),
        1 => (1..9_u8, time.clone()).prop_map(|(number, time)| Operation::Hasten { number, time }),
        1 => (1..9_u8, 0..3_u64).prop_map(|(number, days)| Operation::End { number, days }),
        2 => (1..9_u8, 1..9_u8, few.clone(), time.clone())
            .prop_map(|(target, signer, user, time)| Operation::TakeBack { target, signer, user, time }),
        1 => (few.clone(), few.clone()).prop_map(|(ticket, user)| Operation::IssueRecovery { ticket, user }),
        2 => (5..9_u8, few.clone(), few.clone(), time.clone())
            .prop_map(|(number, user, ticket, time)| Operation::Recover { number, user, ticket, time }),
        1 => (few.clone(), few.clone(), time.clone())
            .prop_map(|(ticket, user, time)| Operation::ReplaceCodes { ticket, user, time }),
        1 => (few.clone(), time.clone()).prop_map(|(hash, keep_until)| Operation::Note { hash, keep_until }),
        1 => time.clone().prop_map(|now| Operation::ForgetNotes { now }),
        2 => (1..3_u8, few, time.clone())
            .prop_map(|(key, nonce, keep_until)| Operation::Burn { key, nonce, keep_until }),
        1 => time.clone().prop_map(|now| Operation::ForgetNonces { now }),
        1 => (0..3_u8, time).prop_map(|(run, time)| Operation::KeepMark { run, time }),
        6 => (1..3_u8, 1..4_u8, 1..3_u8, 0..2_u8, 0..4_u64)
            .prop_map(|(user, name, fingerprint, run, days)| Operation::Begin { user, name, fingerprint, run, days }),
        4 => (1..3_u8, 1..4_u8, 0..2_u8, proptest::option::of(0..900_usize), any::<bool>())
            .prop_map(|(user, name, run, outcome, is_known)| Operation::Settle { user, name, run, outcome, is_known }),
        1 => (0..2_u8, 0..4_u64).prop_map(|(run, days)| Operation::ForgetOutcomes { run, days }),
        1 => (1..3_u32, 1..4_u32).prop_map(|(version, limit)| Operation::Reseal { version, limit }),
        1 => (1..3_u32).prop_map(|version| Operation::Retire { version }),
        20 => sessions::operation().prop_map(Operation::OfSessions),
    ]
}

/// The answer as text, in which any error is the same: the causes differ, the reaction does not.
async fn answer(stores: &Stores, operation: &Operation) -> String {
    match operation.clone() {
        Operation::OfSessions(operation) => sessions::answer(stores, &operation).await,
        Operation::Issue { ticket: number, good_for } => {
            let ticket = Ticket { not_after: at(good_for), ..ticket(number) };
            told(stores.tickets.issue(&ticket, &event(EventKind::TicketIssued, at(0))).await)
        }
        Operation::RevokeTicket { ticket, time } => {
            told(stores.tickets.revoke(ticket_id(ticket), &event(EventKind::TicketRevoked, at(time))).await)
        }
        Operation::Confirm { number, name, ticket, time } => {
            let confirmation = match ticket {
                None => by_group(number, NAMES[name]),
                Some(ticket) => by_ticket(number, NAMES[name], ticket_id(ticket)),
            };
            told(stores.enrolments.confirm(&confirmation, &event(EventKind::Enrolled, at(time))).await)
        }
        Operation::RevokeKey { number, time } => {
            told(stores.keys.revoke(&key_id(number), &event(EventKind::KeyRevoked, at(time))).await)
        }
        Operation::IssueRecovery { ticket, user } => {
            told(stores.tickets.issue(&recovery_card(ticket, user), &event(EventKind::RecoveryCardIssued, at(0))).await)
        }
        Operation::SetState { .. }
        | Operation::Add { .. }
        | Operation::SetPassword { .. }
        | Operation::Rehash { .. }
        | Operation::SetRole { .. }
        | Operation::Permit { .. } => change_of_user(stores, operation).await,
        Operation::Succeed { .. }
        | Operation::Hasten { .. }
        | Operation::End { .. }
        | Operation::TakeBack { .. }
        | Operation::Recover { .. }
        | Operation::ReplaceCodes { .. } => succession(stores, operation).await,
        Operation::Note { hash, keep_until } => told(stores.enrolments.note([hash; 32], at(keep_until)).await),
        Operation::ForgetNotes { now } => told(stores.enrolments.forget_notes(at(now)).await),
        Operation::Burn { key, nonce, keep_until } => {
            let nonce = BurntNonce { keyid: format!("k{key}"), nonce: vec![nonce; 16], keep_until: at(keep_until) };
            told(stores.burnt_nonces.burn(&nonce, 2).await)
        }
        Operation::ForgetNonces { now } => told(stores.burnt_nonces.forget(at(now)).await),
        Operation::Reseal { version, limit } => told(reseal(stores, version, limit).await),
        Operation::Retire { version } => told(stores.sealings.retire(version).await),
        Operation::KeepMark { run, time } => told(stores.accept_marks.keep(&accept_mark(run, time)).await),
        Operation::Begin { user, name, fingerprint, run, days } => {
            let (id, fingerprint) = (outcome_id(user, name), Fingerprint([fingerprint; 32]));
            let start = Start { id, fingerprint, at: at(days * DAY), attempt: attempt(run) };
            told(stores.outcomes.begin(&start, 1_400).await)
        }
        Operation::Settle { user, name, run, outcome, is_known } => {
            let outcome = outcome_of(outcome, is_known);
            told(stores.outcomes.settle(&outcome_id(user, name), attempt(run), &outcome).await)
        }
        Operation::ForgetOutcomes { run, days } => told(stores.outcomes.forget(at(days * DAY), RunId([run; 16])).await),
    }
}

fn outcome_of(length: Option<usize>, is_known: bool) -> Outcome {
    match length {
        Some(length) => Outcome::Answered(Sealed { version: 1, octets: vec![7; length] }),
        None if is_known => Outcome::NotCarriedOut,
        None => Outcome::Unknown,
    }
}

/// The part of [`answer`] that is about users.
async fn change_of_user(stores: &Stores, operation: &Operation) -> String {
    let (users, told_of) = (&stores.users, event(EventKind::UserRevoked, at(0)));
    let password = |number: u8| hash(&number.to_string());
    match *operation {
        Operation::SetState { number, state, time } => {
            told(users.set_state(user_id(number), state, &event(EventKind::UserDisabled, at(time))).await)
        }
        Operation::Add { number, name, password: number_of } => {
            let credentials = Credentials::new(user(number, NAMES[name]), number_of.map(password));
            told(users.add(&credentials, &told_of).await)
        }
        Operation::SetPassword { number, generation, password: number_of } => {
            told(users.set_password(user_id(number), generation, &password(number_of), &told_of).await)
        }
        Operation::Rehash { number, former, fresh } => {
            told(users.rehash(user_id(number), &password(former), &password(fresh)).await)
        }
        Operation::SetRole { number, role } => told(users.set_role(user_id(number), role, &told_of).await),
        Operation::Permit { number, permissions } => {
            told(users.set_permissions(user_id(number), &permissions.parse().unwrap(), &told_of).await)
        }
        _ => String::new(),
    }
}

/// The part of [`answer`] that is about how keys follow one another.
async fn succession(stores: &Stores, operation: &Operation) -> String {
    let successions = &stores.successions;
    match *operation {
        Operation::Succeed { number, predecessor, user, time } => {
            let key = successor(number, predecessor, user);
            told(successions.succeed(&key, &event(EventKind::KeyRotated, at(time))).await)
        }
        Operation::Hasten { number, time } => {
            told(successions.hasten(&key_id(number), at(time), &event(EventKind::KeyEnding, at(time))).await)
        }
        Operation::End { number, days } => {
            told(successions.end(&key_id(number), &event(EventKind::KeyEnded, at(days * 86_400_000))).await)
        }
        Operation::TakeBack { target, signer, user, time } => {
            let told_of = event(EventKind::KeyTakenBack, at(time));
            told(successions.take_back(user_id(user), &key_id(target), &key_id(signer), &told_of).await)
        }
        Operation::Recover { number, user, ticket, time } => {
            let key = KeyRecord { user: user_id(user), ..key(number, KeyOrigin::Recovery(ticket_id(ticket))) };
            told(successions.recover(&key, &event(EventKind::Recovered, at(time))).await)
        }
        Operation::ReplaceCodes { ticket, user, time } => {
            let told_of = event(EventKind::RecoveryCodesMade, at(time));
            told(successions.replace_codes(user_id(user), &[code(ticket, user)], &told_of).await)
        }
        _ => String::new(),
    }
}

fn outcome_id(user: u8, name: u8) -> OutcomeId {
    OutcomeId { user: user_id(user), name: [name; 32] }
}

fn attempt(run: u8) -> Attempt {
    Attempt { run: RunId([run; 16]), number: u64::MAX }
}

/// Seals the first few values under this version that are sealed under another.
async fn reseal(stores: &Stores, version: u32, limit: u32) -> Result<Vec<Resealed>, StoreError> {
    let page = stores.sealings.sealed_otherwise(version, None, limit).await?;
    let batch = page.sealings.into_iter().map(|sealing| Reseal {
        fresh: Sealed { version, ..sealing.sealed.clone() },
        place: sealing.place,
        former: sealing.sealed,
    });
    stores.sealings.reseal(batch.collect()).await
}

fn told<T: core::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    answer.map_or_else(|_| "error".to_owned(), |answer| format!("{answer:?}"))
}

/// Everything that can be read.
async fn everything(stores: &Stores) -> Vec<String> {
    let mut read = vec![
        told(stores.users.list(None, 100).await),
        told(stores.users.list(Some(&name("alice")), 1).await),
        told(stores.keys.list(None, 100).await),
        told(stores.keys.list(Some(&key_id(2)), 1).await),
        told(stores.tickets.list(None, 100).await),
        told(stores.tickets.list(Some(ticket_id(2)), 1).await),
        told(stores.events.list(0, 1_000).await),
        told(stores.events.list(3, 2).await),
        told(stores.events.latest(3).await),
        told(stores.burnt_nonces.all().await),
        told(stores.accept_marks.load().await),
        told(stores.outcomes.unsettled(RunId([0; 16])).await),
        told(stores.outcomes.unsettled(RunId([9; 16])).await),
        told(stores.sealings.sealed_otherwise(1, None, 100).await.map(|page| page.sealings)),
        told(stores.sealings.sealed_otherwise(2, None, 100).await.map(|page| page.sealings)),
    ];
    for number in 1..9 {
        read.push(told(stores.users.find(user_id(number)).await));
        read.push(told(stores.keys.find(&key_id(number)).await));
        read.push(told(stores.keys.of_user(user_id(number)).await));
        read.push(told(stores.tickets.find(ticket_id(number)).await));
    }
    read.extend(sessions::everything(stores).await);
    for known in NAMES {
        read.push(told(stores.users.named(&name(known)).await));
        let credentials = stores.users.credentials(&name(known)).await;
        read.push(told(credentials.map(|found| found.and_then(|found| Some(found.password()?.expose().to_owned())))));
    }
    read
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_as_memory_does(operations in proptest::collection::vec(operation(), 1..60)) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let memory = Stores::in_memory();
            let directory = tempfile::tempdir().unwrap();
            let sqlite = super::open(directory.path()).await;
            for operation in &operations {
                prop_assert_eq!(answer(&memory, operation).await, answer(&sqlite, operation).await, "{:?}", operation);
            }
            // One after the other, so that a difference is short enough to be read.
            for (one, other) in everything(&memory).await.into_iter().zip(everything(&sqlite).await) {
                prop_assert_eq!(one, other);
            }
            drop(sqlite);
            // And once more from the file.
            prop_assert_eq!(everything(&memory).await, everything(&super::open(directory.path()).await).await);
            Ok(())
        })?;
    }
}

/// A world in which nothing ever succeeds would agree as well.
#[tokio::test]
async fn the_small_world_lets_operations_succeed() {
    let memory = Stores::in_memory();
    answer(&memory, &Operation::Issue { ticket: 1, good_for: 5 }).await;
    let confirmed = answer(&memory, &Operation::Confirm { number: 1, name: 0, ticket: Some(1), time: 5 }).await;
    assert_eq!(confirmed, "Done");
    let key = memory.keys.find(&key_id(1)).await.unwrap().unwrap();
    assert_eq!(key.origin, KeyOrigin::Ticket(ticket_id(1)));
}

/// The same for sessions: in a random world some are opened, refreshed, ended and evicted.
#[tokio::test]
async fn the_small_world_lets_sessions_succeed() {
    use sessions::Operation as Of;
    let memory = Stores::in_memory();
    answer(&memory, &Operation::Confirm { number: 1, name: 0, ticket: None, time: 0 }).await;
    let by = countersign_core::session::Presenter { signed: true, place: countersign_core::session::Place([1; 16]) };
    for (operation, answered) in [
        (
            Of::Open { number: 1, user: 1, kind: 0, generation: 1, epoch: 0, limit: None, time: 0 },
            "Done { evicted: [] }",
        ),
        (Of::Rotate { number: 1, sequence: 0, by, generation: 1, token: 1, time: 9_999 }, "Judged(Rotate)"),
        (Of::NoteToken { number: 1, used: crate::port::UsedToken::Issued(at(9_999)) }, "true"),
        (Of::Rotate { number: 1, sequence: 1, by, generation: 1, token: 1, time: 9_999 }, "Judged(Rotate)"),
        (Of::Rotate { number: 1, sequence: 0, by, generation: 1, token: 1, time: 9_999 }, "Judged(Reused)"),
    ] {
        assert_eq!(answer(&memory, &Operation::OfSessions(operation)).await, answered);
    }
}
