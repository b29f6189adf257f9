//! [`Revocations`](crate::port::Revocations).

use countersign_core::event::EventKind;
use countersign_core::session::{
    EndReason, Epoch, KEEP_REVOCATIONS, Revocation, Revoked, Scope, Session, SessionState,
};
use countersign_core::time::Timestamp;

use super::sample::{NOW, at, enrol, event, events, open, open_within, session, session_ref, user_id};
use crate::Stores;
use crate::port::{Head, Opened};

async fn end(stores: &Stores, number: u8, time: u64) {
    let told = event(EventKind::SessionEnded, at(time));
    let scope = Scope::Session(session_ref(number));
    assert_eq!(stores.sessions.end(&scope, EndReason::Revoked, &told).await.expect("end").len(), 1);
}

async fn raise(stores: &Stores, time: u64) -> Epoch {
    stores.revocations.raise_epoch(&event(EventKind::EpochRaised, at(time))).await.expect("raise_epoch")
}

/// From one, without gaps; each with the epoch in which it was made.
pub async fn the_log_is_read_by_cursor_from_its_beginning(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    assert_eq!(stores.revocations.head().await.expect("head"), Head::default());
    for number in 1..=2 {
        open(stores, &session(number, 1)).await;
        end(stores, number, u64::from(number)).await;
    }
    raise(stores, 3).await;
    let revoke = Scope::User(user_id(1));
    stores.sessions.end(&revoke, EndReason::UserRevoked, &event(EventKind::SessionEnded, at(4))).await.expect("end");
    let entries = [
        Revocation { sequence: 1, epoch: 0, at: at(1), what: Revoked::Session(session_ref(1)) },
        Revocation { sequence: 2, epoch: 0, at: at(2), what: Revoked::Session(session_ref(2)) },
        Revocation { sequence: 3, epoch: 1, at: at(3), what: Revoked::Everybody },
        Revocation { sequence: 4, epoch: 1, at: at(4), what: Revoked::User { id: user_id(1), generation: 2 } },
    ];
    let after = async |sequence, limit| stores.revocations.after(sequence, limit).await.expect("after");
    assert_eq!(after(0, 9).await, entries);
    assert_eq!(after(1, 2).await, entries[1..3]);
    assert!(after(4, 9).await.is_empty());
    let head = Head { epoch: Epoch { number: 1, since: at(3) }, sequence: 4 };
    assert_eq!(stores.revocations.head().await.expect("head"), head);
}

/// Without a look at a single row, however many there are.
pub async fn a_new_epoch_ends_everything_of_an_earlier_one(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for number in [1, 2] {
        open(stores, &session(number, 1)).await;
    }
    end(stores, 2, 5).await;
    let told = events(stores).await;
    assert_eq!(raise(stores, 7).await, Epoch { number: 1, since: at(7) });
    assert_eq!(events(stores).await, told + 1);
    let find = async |number| stores.sessions.find(session_ref(number)).await.expect("find").expect("a session");
    let by_epoch = SessionState::Ended { at: at(7), why: EndReason::Everybody };
    assert_eq!(find(1).await.state, by_epoch);
    assert_eq!(find(2).await.state, SessionState::Ended { at: at(5), why: EndReason::Revoked });
    for listed in [stores.sessions.list(None, 1).await, stores.sessions.of_user(user_id(1), None, 1).await] {
        assert_eq!(listed.expect("a list"), [Session { state: by_epoch, ..session(1, 1) }]);
    }
    // What has ended with its epoch does not end again.
    let again = event(EventKind::SessionEnded, at(9));
    for scope in [Scope::Session(session_ref(1)), Scope::Others { user: user_id(1), keep: session_ref(9) }] {
        assert!(stores.sessions.end(&scope, EndReason::Revoked, &again).await.expect("end").is_empty());
    }
    assert_eq!(find(1).await.state, by_epoch);
    assert_eq!(open_within(stores, &session(3, 1), None).await, Opened::Stale);
    open(stores, &Session { epoch: 1, ..session(3, 1) }).await;
    assert_eq!(raise(stores, 10).await, Epoch { number: 2, since: at(10) });
    assert_eq!(find(1).await.state, SessionState::Ended { at: at(10), why: EndReason::Everybody });
}

/// Until the last token that it could hit has expired. No number comes twice.
pub async fn an_entry_is_kept_until_no_token_needs_it(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for number in 1..=3 {
        open(stores, &session(number, 1)).await;
    }
    for number in 1..=2 {
        end(stores, number, u64::from(number) - 1).await;
    }
    let sequences = async || {
        let log = stores.revocations.after(0, 9).await.expect("after");
        log.into_iter().map(|entry| entry.sequence).collect::<Vec<_>>()
    };
    let kept = NOW.saturating_add(KEEP_REVOCATIONS);
    stores.revocations.forget(kept).await.expect("forget");
    assert_eq!(sequences().await, [1, 2]);
    stores.revocations.forget(Timestamp::from_millis(kept.as_millis() + 1)).await.expect("forget");
    assert_eq!(sequences().await, [2]);
    stores.revocations.forget(Timestamp::MAX).await.expect("forget");
    assert!(sequences().await.is_empty());
    assert_eq!(stores.revocations.head().await.expect("head").sequence, 2);
    end(stores, 3, 5).await;
    assert_eq!(sequences().await, [3]);
}
