//! Passwords, checked and changed on a whole guard.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by them")]

mod whole;

use core::time::Duration;
use std::net::IpAddr;

use countersign_core::account::{Credentials, User};
use countersign_core::event::EventKind;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::password::Password;
use countersign_core::time::Timestamp;
use countersign_server::hashing::{Cost, Hasher};
use countersign_server::service::control::{
    AddUser, Asked, DisableUser, HashText, Operation as _, SetPassword, SetRole,
};
use countersign_server::service::password::{Changed, Checked, PasswordChange, change, check};
use whole::Whole;
use zeroize::Zeroizing;

/// Below what may be configured: these tests are not about the cost.
const CHEAP: Cost = Cost { memory: 64, iterations: 2, lanes: 1 };

/// In which a password is changed.
const SESSION: SessionRef = SessionRef([7; 16]);

const HOME: &str = "192.0.2.1";

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_763_780_400 + seconds)
}

fn password(text: &str) -> Password {
    Password::new(Zeroizing::new(text.to_owned())).unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn asked() -> Asked {
    Asked { actor: "uid 0".to_owned(), session: None, at: at(0) }
}

fn hash(text: &str) -> HashText {
    HashText::from(&Hasher::new(CHEAP).hash(&password(text), &[7; 16]).unwrap())
}

async fn add(guard: &Whole, name: &str, text: &str) {
    let add =
        AddUser { username: name.to_owned(), role: "user".to_owned(), permissions: Vec::new(), password: hash(text) };
    add.run(&guard.app.accounts, &asked()).await.unwrap();
}

async fn try_from(guard: &Whole, (name, text): (&str, &str), from: &str, now: Timestamp) -> Checked {
    check(&guard.app, name, &password(text), address(from), now).await.unwrap()
}

async fn found(guard: &Whole, name: &str) -> Credentials {
    guard.app.accounts.stores.users.credentials(&name.parse().unwrap()).await.unwrap().unwrap()
}

/// How many events of this kind there are, once those are written that come after the answer.
async fn told(guard: &Whole, kind: EventKind) -> usize {
    while !guard.app.lasting.is_empty() {
        tokio::task::yield_now().await;
    }
    let events = guard.app.accounts.stores.events.list(0, 1_000).await.unwrap();
    events.iter().filter(|event| event.event.kind == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_of_an_enabled_user_is_granted_and_nothing_else() {
    let guard = Whole::start(None, "").await;
    add(&guard, "alice", "correct horse").await;
    add(&guard, "dave", "correct horse").await;
    DisableUser { username: "dave".to_owned() }.run(&guard.app.accounts, &asked()).await.unwrap();
    guard.confirmed("erin").await;
    let granted = try_from(&guard, ("Alice", "correct horse"), HOME, at(0)).await;
    let Checked::Granted(alice) = granted else { panic!("{granted:?}") };
    assert_eq!(alice.username.as_str(), "alice");
    for (name, text) in [
        ("alice", "wrong horse"),
        ("alice", "correct horse "),
        ("dave", "correct horse"),
        ("erin", "correct horse"),
        ("nobody", "correct horse"),
        ("al ice", "correct horse"),
        ("", "correct horse"),
    ] {
        assert_eq!(try_from(&guard, (name, text), "192.0.2.2", at(0)).await, Checked::Denied, "{name:?} {text:?}");
    }
    assert_eq!(told(&guard, EventKind::LoginFailed).await, 4, "alice, dave, erin, and nobody once");
    assert_eq!(told(&guard, EventKind::UserAdded).await, 2);
}

/// Row J01 of the attack corpus. The right password waits like any other, or the wait would tell which one it is.
#[tokio::test(flavor = "multi_thread")]
async fn the_101st_failure_waits_and_so_does_the_right_password() {
    let guard = Whole::start(None, "").await;
    add(&guard, "alice", "correct horse").await;
    for _ in 0..100 {
        assert_eq!(try_from(&guard, ("alice", "wrong horse"), "127.0.0.1", at(0)).await, Checked::Denied);
    }
    let wait = Checked::Wait(Duration::from_secs(30));
    assert_eq!(try_from(&guard, ("alice", "correct horse"), "127.0.0.1", at(0)).await, wait);
    assert_eq!(told(&guard, EventKind::Throttled).await, 1);
    assert!(matches!(try_from(&guard, ("alice", "correct horse"), "127.0.0.1", at(30)).await, Checked::Granted(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_waits_as_a_known_one_does() {
    let guard = Whole::start(None, "").await;
    add(&guard, "alice", "correct horse").await;
    for name in ["alice", "nobody"] {
        let from = if name == "alice" { HOME } else { "203.0.113.1" };
        for _ in 0..20 {
            assert_eq!(try_from(&guard, (name, "wrong horse"), from, at(0)).await, Checked::Denied);
        }
        assert_eq!(try_from(&guard, (name, "wrong horse"), from, at(0)).await, Checked::Wait(Duration::from_secs(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_that_costs_too_little_is_made_anew_when_its_user_logs_in() {
    let guard = Whole::start(None, "").await;
    add(&guard, "alice", "correct horse").await;
    try_from(&guard, ("alice", "wrong horse"), HOME, at(0)).await;
    assert_eq!(Cost::of(found(&guard, "alice").await.password().unwrap()), Ok(CHEAP));
    assert!(matches!(try_from(&guard, ("alice", "correct horse"), HOME, at(0)).await, Checked::Granted(_)));
    let after = found(&guard, "alice").await;
    assert_eq!(Cost::of(after.password().unwrap()), Ok(Cost::LEAST));
    assert_eq!(after.user().generation, 0);
    assert!(matches!(try_from(&guard, ("alice", "correct horse"), HOME, at(0)).await, Checked::Granted(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_whoever_knows_it() {
    let guard = Whole::start(None, "").await;
    add(&guard, "alice", "correct horse").await;
    let alice = found(&guard, "alice").await.into_user();
    let asked_for = |current: Option<&str>| PasswordChange {
        user: alice.id,
        session: SESSION,
        username: alice.username.clone(),
        current: current.map(password),
        new: password("battery staple"),
    };
    let change = |asked| change(&guard.app, asked, address(HOME), at(1));
    assert_eq!(change(asked_for(None)).await.unwrap(), Changed::Denied);
    assert_eq!(change(asked_for(Some("wrong horse"))).await.unwrap(), Changed::Denied);
    let other = PasswordChange { user: UserId::from_random([9; 16]), ..asked_for(Some("correct horse")) };
    assert_eq!(change(other).await.unwrap(), Changed::Denied);
    let done = change(asked_for(Some("correct horse"))).await.unwrap();
    assert_eq!(done, Changed::Done(User { generation: 1, ..alice.clone() }));
    assert_eq!(change(asked_for(Some("correct horse"))).await.unwrap(), Changed::Denied);
    assert!(matches!(try_from(&guard, ("alice", "battery staple"), HOME, at(2)).await, Checked::Granted(_)));
    assert_eq!(told(&guard, EventKind::PasswordChanged).await, 1);
}

/// Whoever signs with a key may set the first; a program never.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_password_needs_none_before_it_and_a_program_gets_none() {
    let guard = Whole::start(None, "").await;
    guard.confirmed("alice").await;
    let ask = |user: &User| PasswordChange {
        user: user.id,
        session: SESSION,
        username: user.username.clone(),
        current: None,
        new: password("correct horse"),
    };
    let accounts = &guard.app.accounts;
    SetRole { username: "alice".to_owned(), role: "user".to_owned() }.run(accounts, &asked()).await.unwrap();
    let alice = found(&guard, "alice").await.into_user();
    assert!(matches!(change(&guard.app, ask(&alice), address(HOME), at(0)).await.unwrap(), Changed::Done(_)));
    SetRole { username: "alice".to_owned(), role: "service".to_owned() }.run(accounts, &asked()).await.unwrap();
    assert_eq!(try_from(&guard, ("alice", "correct horse"), HOME, at(0)).await, Checked::Denied);
    assert_eq!(change(&guard.app, ask(&alice), address(HOME), at(0)).await.unwrap(), Changed::Denied);
    let set = SetPassword { username: "alice".to_owned(), password: hash("correct horse") };
    let refused = set.run(accounts, &asked()).await.unwrap_err();
    assert!(refused.to_string().contains("a program has no password"), "{refused}");
}

/// More than may wait are told so at once, and that is no failure of theirs.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_at_once_are_overloaded_and_not_counted() {
    let guard = Whole::start(None, "password.at_once = 1\npassword.waiting = 1").await;
    let attempts = (0..40).map(|_| {
        let app = guard.app.clone();
        tokio::spawn(async move { check(&app, "nobody", &password("wrong horse"), address("127.0.0.1"), at(0)).await })
    });
    let mut overloaded = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        overloaded += usize::from(attempt.await.unwrap().is_err());
    }
    assert!(overloaded > 0);
    let tried = 40 - overloaded;
    for _ in tried..100 {
        assert_eq!(try_from(&guard, ("nobody", "wrong horse"), "127.0.0.1", at(0)).await, Checked::Denied);
    }
    assert!(matches!(try_from(&guard, ("nobody", "wrong horse"), "127.0.0.1", at(0)).await, Checked::Wait(_)));
}
