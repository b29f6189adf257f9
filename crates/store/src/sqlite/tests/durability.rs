use countersign_core::account::{KeyState, UserState};
use countersign_core::event::EventKind;
use countersign_core::idempotency::{Attempt, Begun, Fingerprint, Outcome, OutcomeId, RunId, Start};
use countersign_core::secret::Sealed;

use super::{House, with_key};
use crate::Stores;
use crate::conformance::sample::{
    accept_mark, at, by_ticket, enrol, enrolled, event, issue, key, key_id, ticket_id, user, user_id,
};
use crate::port::{Burning, BurntNonce, Confirmed, Noted};
use crate::sqlite::{Migrations, Sqlite};

/// A change through every port.
async fn live(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    issue(stores, 9).await;
    let told = event(EventKind::KeyRevoked, at(1));
    stores.keys.revoke(&key_id(1), &told).await.unwrap();
    stores.users.set_state(user_id(2), UserState::Disabled, &told).await.unwrap();
    stores.accept_marks.keep(&accept_mark(1, 9)).await.unwrap();
    stores.burnt_nonces.burn(&nonce(), 64).await.unwrap();
    stores.enrolments.note([1; 32], at(9)).await.unwrap();
    for name in [1, 2] {
        assert_eq!(stores.outcomes.begin(&start(name, 1), 9_999).await.unwrap(), Begun::First);
    }
    stores.outcomes.settle(&start(1, 1).id, start(1, 1).attempt, &Outcome::Answered(answer())).await.unwrap();
    let confirmed = stores.enrolments.confirm(&by_ticket(3, "carol", ticket_id(9)), &enrolled()).await.unwrap();
    assert_eq!(confirmed, Confirmed::Done);
}

fn nonce() -> BurntNonce {
    BurntNonce { keyid: "k1".to_owned(), nonce: vec![1; 32], keep_until: at(9) }
}

/// A request under the key of this name, in this run.
fn start(name: u8, run: u8) -> Start {
    let id = OutcomeId { user: user_id(1), name: [name; 32] };
    Start { id, fingerprint: Fingerprint([1; 32]), at: at(9), attempt: Attempt { run: RunId([run; 16]), number: 1 } }
}

fn answer() -> Sealed {
    Sealed { version: 1, octets: vec![7; 99] }
}

/// It is all still so.
async fn remember(stores: &Stores) {
    let mut revoked = key(1, countersign_core::account::KeyOrigin::GroupCard);
    revoked.state = KeyState::Revoked { at: at(1) };
    assert_eq!(stores.keys.find(&key_id(1)).await.unwrap(), Some(revoked));
    let mut disabled = user(2, "bob");
    (disabled.state, disabled.generation) = (UserState::Disabled, 2);
    assert_eq!(stores.users.find(user_id(2)).await.unwrap(), Some(disabled));
    assert_eq!(stores.accept_marks.load().await.unwrap(), Some(accept_mark(1, 9)));
    assert_eq!(stores.burnt_nonces.burn(&nonce(), 64).await.unwrap(), Burning::Already);
    assert_eq!(stores.enrolments.note([1; 32], at(9)).await.unwrap(), Noted::Before);
    assert_eq!(stores.outcomes.begin(&start(1, 2), 9_999).await.unwrap(), Begun::Answered(answer()));
    assert_eq!(stores.outcomes.begin(&start(2, 2), 9_999).await.unwrap(), Begun::OutcomeUnknown);
    let again = stores.enrolments.confirm(&by_ticket(4, "dave", ticket_id(9)), &enrolled()).await.unwrap();
    assert_eq!(again, Confirmed::TicketSpent);
    assert_eq!(stores.events.list(0, 100).await.unwrap().len(), 6);
}

#[tokio::test]
async fn what_was_answered_is_there_after_closing_and_opening() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    live(&with_key(&sqlite, 7)).await;
    sqlite.close().await;
    remember(&house.stores().await).await;
}

#[tokio::test]
async fn what_was_answered_is_there_after_dropping_without_closing() {
    let house = House::new();
    live(&house.stores().await).await;
    remember(&house.stores().await).await;
}

/// The files as they stand at the moment of the last answer are what a killed process leaves behind.
#[tokio::test]
async fn what_was_answered_is_in_the_files_at_the_moment_of_the_answer() {
    let (house, after_the_kill) = (House::new(), House::new());
    let stores = house.stores().await;
    live(&stores).await;
    for file in ["countersign.db", "countersign.db-wal"] {
        std::fs::copy(house.directory.path().join(file), after_the_kill.directory.path().join(file)).unwrap();
    }
    remember(&after_the_kill.stores().await).await;
    drop(stores);
}

#[tokio::test]
async fn a_closed_store_takes_nothing_more_and_says_so() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    sqlite.close().await;
    assert!(stores.events.record(&enrolled()).await.is_err());
    assert!(stores.events.list(0, 1).await.is_err());
    assert!(Sqlite::open(&house.file(), Migrations::Refuse).await.is_ok());
}
