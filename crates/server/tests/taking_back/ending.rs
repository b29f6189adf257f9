//! What an end ends, and when.

use std::time::Duration;

use countersign_core::account::Role;
use countersign_core::event::EventKind;
use countersign_core::id::SessionRef;
use countersign_core::secret::{Root, Sealed, Secret32};
use countersign_core::session::{EndReason, OpenedBy, Proof, Scope, SessionState};
use countersign_server::keyring::Admission;
use countersign_server::service::admin::{WhichSessions, sessions};
use countersign_server::service::control::{Asked, dispatch};
use countersign_server::service::end_sessions::{end, end_everything};
use countersign_server::sessions::Standing;
use countersign_server::worker::sessions::tell_of_uses;
use countersign_store::port::{Touched, UsedToken};
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use tokio::io::AsyncWriteExt as _;

use crate::scene::{PASSWORD, Signer, add, code, count, guard, hash_of, json, login, login_with_key, user_id};
use crate::signed_in::{logged_in, person};
use crate::whole::{Answer, Whole, api, now};
use crate::wire::{ELSEWHERE, authorized};

fn asked() -> Asked {
    Asked { actor: "test".to_owned(), session: None, at: now() }
}

async fn sql(guard: &Whole, text: &'static str) {
    let mut connection = SqliteConnection::connect(guard.database().to_str().unwrap()).await.unwrap();
    sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// The one who asked is not told that it is done, and may try again; whoever has stolen the token gains nothing by that.
#[tokio::test]
async fn a_session_that_the_store_could_not_end_has_ended_all_the_same() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    sql(&guard, "CREATE TRIGGER broken BEFORE UPDATE ON active_sessions BEGIN SELECT RAISE(ABORT, 'broken'); END")
        .await;
    let scope = Scope::Session(held.reference);
    assert!(end(&guard.app, scope.clone(), EndReason::Revoked, asked()).await.is_err());
    assert_eq!(code(&held.bring(&guard, "GET", "/api/auth/whoami").await), "token-revoked");
    sql(&guard, "DROP TRIGGER broken").await;
    assert_eq!(end(&guard.app, scope, EndReason::Revoked, asked()).await.unwrap(), [held.reference]);
}

/// It may be kept all the same, and the one who was told of a failure changes it because of somebody who is in already.
#[tokio::test]
async fn a_password_that_the_store_could_not_change_ends_the_sessions_of_the_former_one() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let (thief, alice) = (login(&guard, "alice").await, login(&guard, "alice").await);
    let wanted = |current| json!({ "current_password": current, "new_password": "another battery" }).to_string();
    let denied = alice.bring_body(&guard, "POST", "/api/auth/password", wanted("wrong horse").as_bytes()).await;
    assert_eq!((denied.status, thief.whoami(&guard).await), (422, 200), "nothing was changed, and nothing ends");
    sql(&guard, "CREATE TRIGGER broken BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'broken'); END").await;
    let failed = alice.bring_body(&guard, "POST", "/api/auth/password", wanted(PASSWORD).as_bytes()).await;
    assert_eq!(failed.status, 503, "{}", failed.text());
    assert_eq!(code(&thief.bring(&guard, "GET", "/api/auth/whoami").await), "token-revoked");
}

/// Keys end one by one in the store, and sessions after them.
#[tokio::test]
async fn everything_of_a_user_is_taken_back_although_the_store_fails_on_the_way() {
    let guard = guard("").await;
    add(&guard, "olga", "admin").await;
    let admin = login(&guard, "olga").await;
    let thief = Signer::enrolled(&guard, "alice", Role::User).await;
    guard.operate("set-password", json!({ "username": "alice", "password": hash_of(PASSWORD) })).await;
    let session = login(&guard, "alice").await;
    sql(&guard, "CREATE TRIGGER broken BEFORE UPDATE ON keys BEGIN SELECT RAISE(ABORT, 'broken'); END").await;
    let target = format!("/api/auth/revoke-user/{}?keys=true", user_id(&guard, "alice").await);
    assert_eq!(admin.bring(&guard, "POST", &target).await.status, 503, "it is not done, and is to be tried again");
    assert_eq!(guard.app.accounts.keyring.find(&thief.keyid).unwrap().unwrap().admission(now()), Admission::Tombstone);
    assert_eq!(code(&session.bring(&guard, "GET", "/api/auth/whoami").await), "token-revoked");
}

/// The store has failed, so that nothing of it stands there: what is shown is what counts.
#[tokio::test]
async fn the_sessions_of_a_key_that_has_ended_are_shown_as_ended_and_whoever_follows_is_told() {
    let guard = guard("").await;
    let thief = Signer::enrolled(&guard, "alice", Role::User).await;
    guard.operate("set-password", json!({ "username": "alice", "password": hash_of(PASSWORD) })).await;
    let ((stolen, _), alice) = (thief.session(&guard).await, login(&guard, "alice").await);
    let shown = json!({ "reference": stolen.reference.to_string() });
    assert_eq!(guard.operate("show-session", shown.clone()).await["state"], "open");
    guard.app.accounts.keyring.revoke(&thief.key()).unwrap();
    assert_eq!(guard.operate("show-session", shown.clone()).await["state"], "ended", "it needs its key");

    let arguments = json!({ "keyid": thief.keyid });
    let question = json!({ "operation": "revoke-key", "arguments": arguments });
    sql(&guard, "CREATE TRIGGER broken BEFORE UPDATE ON keys BEGIN SELECT RAISE(ABORT, 'broken'); END").await;
    dispatch(&guard.app.accounts, &asked(), question).await.unwrap_err();
    let entry = guard.app.accounts.sessions.find(stolen.reference).unwrap().unwrap();
    assert_eq!(guard.app.accounts.sessions.standing(&entry, now()), Standing::Ended);
    assert_eq!(guard.operate("show-session", shown).await["state"], "ended");
    assert_eq!(guard.operate("show-user", json!({ "username": "alice" })).await["sessions"], 1);
    let which = WhichSessions { limit: 10, state: Some(Standing::Ended), ..WhichSessions::default() };
    assert_eq!(sessions(&guard.app.accounts, &which, None, now()).await.unwrap().sessions.len(), 1);
    let own = json(&alice.bring(&guard, "GET", "/api/auth/sessions").await);
    assert_eq!(own["sessions"].as_array().unwrap().len(), 1, "{own}");

    sql(&guard, "DROP TRIGGER broken").await;
    let mut log = guard.app.accounts.sessions.log();
    log.mark_unchanged();
    guard.operate("revoke-key", arguments).await;
    assert!(log.has_changed().unwrap());
}

/// The store is slow, and the operator quicker than its answer to the login: it has opened what is void by then.
#[tokio::test]
async fn a_login_that_waits_for_the_store_is_over_once_its_user_was_denied() {
    let guard = guard("").await;
    let alice = person(&guard, "alice", Role::User, &[]).await;
    let mut connection = SqliteConnection::connect(guard.database().to_str().unwrap()).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    let deny = async {
        // All tasks of this test share a thread: the login has come as far as the store by then.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        guard.app.accounts.sessions.deny(&Scope::User(alice.id), now()).unwrap();
        sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
    };
    let (signed_in, ()) = tokio::join!(logged_in(&guard, &alice, Proof::Bearer, now()), deny);
    let entry = guard.app.accounts.sessions.find(signed_in.session).unwrap().unwrap();
    assert_eq!(guard.app.accounts.sessions.standing(&entry, now()), Standing::Ended);
}

/// Whoever can write to the database can put a row back as it was, with its MAC; the log tells of the end all the same.
#[tokio::test]
async fn the_log_outranks_a_row_that_was_put_back() {
    let guard = guard("public_url = \"http://127.0.0.1:8470\"").await;
    add(&guard, "alice", "user").await;
    let (held, other) = (login(&guard, "alice").await, login(&guard, "alice").await);
    sql(&guard, "CREATE TABLE before AS SELECT * FROM active_sessions").await;
    assert_eq!(held.bring(&guard, "POST", "/api/auth/revoke").await.status, 204);
    sql(
        &guard,
        "PRAGMA foreign_keys = OFF; DELETE FROM active_sessions; INSERT INTO active_sessions SELECT * FROM before; \
         DROP TABLE before",
    )
    .await;
    let row = guard.app.accounts.stores.sessions.find(held.reference).await.unwrap().unwrap();
    assert_eq!(row.state, SessionState::Open, "the row is believed");
    let guard = guard.restarted().await;
    assert_eq!(code(&held.bring(&guard, "GET", "/api/auth/whoami").await), "token-revoked");
    assert_eq!(other.whoami(&guard).await, 200);
}

/// The same for everybody: the number of the epoch as it was, with its MAC.
#[tokio::test]
async fn the_log_outranks_an_epoch_that_was_put_back() {
    let guard = guard("public_url = \"http://127.0.0.1:8470\"").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    sql(&guard, "CREATE TABLE before AS SELECT * FROM epoch").await;
    end_everything(&guard.app.accounts, &asked()).await.unwrap();
    sql(
        &guard,
        "DROP TRIGGER epoch_only_rises; DROP TRIGGER epoch_is_kept; DELETE FROM epoch; \
         INSERT INTO epoch SELECT * FROM before; DROP TABLE before",
    )
    .await;
    let row = guard.app.accounts.stores.sessions.find(held.reference).await.unwrap().unwrap();
    assert_eq!(row.state, SessionState::Open, "the row is believed");
    let guard = guard.restarted().await;
    assert_eq!(code(&held.bring(&guard, "GET", "/api/auth/whoami").await), "token-revoked");
}

#[tokio::test]
async fn an_ended_session_still_proves_itself_and_is_told_so_once_for_each_nonce() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    let signer = held.signer(&guard);
    assert_eq!(signer.call(&guard, "GET", "/x", b"").await.status, 200);
    assert_eq!(signer.call(&guard, "POST", "/api/auth/revoke", b"").await.status, 204);
    let nonces = guard.app.replay.usage().unwrap().nonces;
    let answer = signer.call(&guard, "GET", "/x", b"").await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "token-revoked"), "signed by its own key");
    assert_eq!(guard.app.replay.usage().unwrap().nonces, nonces + 1);
    assert_eq!(count(&guard, EventKind::TokenRevoked).await, 1);
}

#[tokio::test]
async fn a_request_whose_body_is_still_coming_when_its_session_ends_does_not_run() {
    let (api, heads) = api(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    let toml = "[[route]]\npath = \"/open\"\naccept = \"signature-or-bearer\"\n";
    let guard = Whole::start(Some(api), toml).await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let head = format!(
        "POST /open HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: 10\r\n\r\n",
        guard.address, held.access
    );
    let before = guard.app.accounts.sessions.find(held.reference).unwrap().unwrap();
    let mut stream = guard.connect().await;
    stream.write_all(format!("{head}every").as_bytes()).await.unwrap();
    // Its token was looked at when it is noted as used.
    while before.is_untold(&UsedToken::Hash(before.last_token())) {
        tokio::task::yield_now().await;
    }
    end(&guard.app, Scope::Session(held.reference), EndReason::Revoked, asked()).await.unwrap();
    stream.write_all(b"thing").await.unwrap();
    let answer = Answer::read(&mut stream).await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "token-revoked"));
    assert!(heads.lock().unwrap().is_empty(), "the API was called");
}

#[tokio::test]
async fn whatever_ends_a_key_or_changes_a_user_ends_their_sessions() {
    for (operation, arguments) in [
        ("disable-user", json!({ "username": "alice" })),
        ("delete-user", json!({ "username": "alice" })),
        ("set-role", json!({ "username": "alice", "role": "admin" })),
        ("set-permissions", json!({ "username": "alice", "permissions": ["docs:write"] })),
        ("set-password", json!({ "username": "alice", "password": crate::scene::hash_of("another horse") })),
    ] {
        let guard = guard("").await;
        add(&guard, "alice", "user").await;
        add(&guard, "bob", "user").await;
        let (alice, bob) = (login(&guard, "alice").await, login(&guard, "bob").await);
        guard.operate(operation, arguments).await;
        assert_eq!(code(&alice.bring(&guard, "GET", "/api/auth/whoami").await), "token-revoked", "{operation}");
        assert_eq!(bob.whoami(&guard).await, 200, "{operation}");
    }
    let guard = guard("").await;
    let alice = Signer::enrolled(&guard, "alice", Role::User).await;
    let (_, session) = alice.session(&guard).await;
    assert_eq!(session.call(&guard, "GET", "/x", b"").await.status, 200);
    guard.operate("revoke-key", json!({ "keyid": alice.keyid })).await;
    assert_eq!(code(&session.call(&guard, "GET", "/x", b"").await), "token-revoked", "with its key");
}

/// Else whoever can write into the database could make out which sessions there are, and the guard would seem to be broken.
#[tokio::test]
async fn a_session_that_has_ended_and_whose_root_does_not_open_is_refused_like_one_that_never_was() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    let signer = held.signer(&guard);
    let stores = &guard.app.accounts.stores;
    let mut row = stores.sessions.find(held.reference).await.unwrap().unwrap();
    let user = stores.users.find(row.user).await.unwrap().unwrap();
    row.opened_by = OpenedBy::Password { root: Some(Sealed { version: 1, octets: vec![7; 60] }) };
    guard.app.accounts.sessions.put(&row, &user).unwrap();
    assert_eq!(whoami_of(&guard, &signer).await, (503, "unavailable".to_owned()), "an open one should open");
    guard.app.accounts.sessions.deny(&Scope::Session(held.reference), now()).unwrap();
    assert_eq!(whoami_of(&guard, &signer).await, (401, "unauthorized".to_owned()));
    let root = Root::new(Secret32::new([7; 32]));
    let nobody = Signer::of_session(&guard, &root, SessionRef([9; 16]));
    assert_eq!(whoami_of(&guard, &nobody).await, (401, "unauthorized".to_owned()));
}

/// What a request is told, whoever has signed the answer.
async fn whoami_of(guard: &Whole, signer: &Signer) -> (u16, String) {
    let (octets, _) = signer.request("GET", "/api/auth/whoami", &[], b"");
    let mut stream = guard.connect().await;
    stream.write_all(&octets).await.unwrap();
    let answer = Answer::read(&mut stream).await;
    (answer.status, code(&answer))
}

#[tokio::test]
async fn a_persons_key_opens_sessions_and_signs_nothing_else() {
    let (api, heads) = api(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    let guard = Whole::start(Some(api), "").await;
    for role in [Role::User, Role::Admin] {
        let person = Signer::enrolled(&guard, &format!("a-{role}"), role).await;
        for target in ["/transfers", "/api/auth/keys", "/api/auth/sessions", "/api/auth/whoamix"] {
            let answer = person.call(&guard, "GET", target, b"").await;
            assert_eq!((answer.status, code(&answer).as_str()), (403, "session-required"), "{target}");
        }
        assert_eq!(person.call(&guard, "GET", "/api/auth/whoami", b"").await.status, 200);
    }
    assert!(heads.lock().unwrap().is_empty());
    let program = Signer::enrolled(&guard, "robot", Role::Service).await;
    assert_eq!(program.call(&guard, "GET", "/transfers", b"").await.status, 200);
}

#[tokio::test]
async fn a_session_that_is_used_from_elsewhere_ends_where_the_operator_says_so() {
    let guard = guard("[security]\non_network_change = \"revoke\"").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    assert_eq!(held.whoami(&guard).await, 200);
    let line = format!("Bearer {}", held.access);
    let answer = authorized(&guard, ELSEWHERE, "/api/auth/whoami", &[&line]).await;
    assert_eq!(code(&answer), "token-revoked");
    assert_eq!(code(&held.bring(&guard, "GET", "/api/auth/whoami").await), "token-revoked", "for its owner too");
}

#[tokio::test]
async fn the_store_is_told_when_and_where_a_session_was_used_once_in_ten_seconds() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let stores = &guard.app.accounts.stores;
    let row = async || stores.sessions.find(held.reference).await.unwrap().unwrap();
    let opened = row().await;
    assert_eq!(held.whoami(&guard).await, 200);
    tell_of_uses(&guard.app).await.unwrap();
    assert_eq!(row().await.last_used, opened.last_used, "it was opened a moment ago");
    let entry = guard.app.accounts.sessions.find(held.reference).unwrap().unwrap();
    let later = now().saturating_add(Duration::from_secs(20));
    guard.app.accounts.sessions.sweep(later).unwrap();
    assert_eq!(held.whoami(&guard).await, 200);
    assert_eq!(entry.last_used(), later);
    tell_of_uses(&guard.app).await.unwrap();
    assert_eq!(row().await.last_used, later);
}

/// However many sessions are used: neither does one transaction hold up everybody's requests, nor is the whole told again
/// because of a part of it.
#[tokio::test]
async fn uses_that_the_store_was_told_of_are_not_told_again_when_others_could_not_be_kept() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    sql(&guard, "CREATE TRIGGER broken BEFORE UPDATE ON active_sessions BEGIN SELECT RAISE(ABORT, 'broken'); END")
        .await;
    let sessions = &guard.app.accounts.sessions;
    let (used, address) = (now().saturating_add(Duration::from_secs(60)), [127, 0, 0, 1].into());
    let generation = sessions.find(held.reference).unwrap().unwrap().generation();
    let of = |session, last_used| Touched { session, generation, last_used, address, user_agent: None };
    let others = (0..600_u32).map(|number| {
        let reference = SessionRef([number.to_be_bytes(); 4].concat().try_into().unwrap());
        of(reference, now())
    });
    sessions.put_uses_back(others.chain([of(held.reference, used)]).collect()).unwrap();
    assert!(tell_of_uses(&guard.app).await.is_err());
    let untold = sessions.take_uses().unwrap();
    assert_eq!(untold.len(), 601 - 2 * 256);
    assert!(untold.iter().any(|touched| touched.session == held.reference));
    sessions.put_uses_back(untold).unwrap();
    sql(&guard, "DROP TRIGGER broken").await;
    tell_of_uses(&guard.app).await.unwrap();
    let row = guard.app.accounts.stores.sessions.find(held.reference).await.unwrap().unwrap();
    assert_eq!(row.last_used, used);
}

/// The clock by which sessions end only goes forward.
#[tokio::test]
async fn a_session_that_has_expired_does_not_come_back_when_a_clock_is_set_back() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    let week = Duration::from_secs(7 * 86_400);
    guard.app.accounts.sessions.sweep(now().saturating_add(week)).unwrap();
    let answer = held.signer(&guard).call(&guard, "GET", "/x", b"").await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "token-invalid"), "unused for a week, and signed");
}

/// Whoever it ended is among those whom the tables still have for open. A start loads both, and fails.
#[tokio::test]
async fn nothing_starts_on_a_log_with_an_entry_that_cannot_be_read() {
    let guard = guard("").await;
    guard.app.accounts.load().await.unwrap();
    sql(&guard, "INSERT INTO revocations (epoch, at_ms, generation) VALUES (0, 0, 1)").await;
    assert!(guard.app.accounts.load().await.is_err());
}

/// A laptop that was closed over the weekend: what nobody can sign to it, it has to take for somebody between.
#[tokio::test]
async fn whoever_signs_days_after_the_end_of_the_session_is_told_of_it_under_its_key() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    assert_eq!(held.signer(&guard).call(&guard, "POST", "/api/auth/revoke", b"").await.status, 204);
    let (sessions, stores) = (&guard.app.accounts.sessions, &guard.app.accounts.stores);
    let days_later = now().saturating_add(Duration::from_secs(6 * 86_400));
    (0..64).for_each(|_| sessions.sweep(days_later).unwrap());
    stores.sessions.forget_expired(days_later, 10).await.unwrap();
    let answer = held.signer(&guard).call(&guard, "GET", "/x", b"").await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "token-revoked"));
}
