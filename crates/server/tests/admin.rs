//! What administrators see over HTTP: who there is, who is signed in, how the guard is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod signed_in;
mod whole;

use countersign_core::account::Role;
use countersign_core::session::{EndReason, Proof, Scope};
use serde_json::Value;
use signed_in::{ended, logged_in, person};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use whole::{Answer, Person, Whole, now};

async fn at_the_admin_door(whole: &Whole, username: &str, role: Role) -> Person {
    let person = whole.signed_in(username, role).await;
    Person { authority: whole.app.accounts.config.admin_listen.to_string(), ..person }
}

async fn sent(whole: &Whole, octets: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(whole.app.accounts.config.admin_listen).await.unwrap();
    stream.write_all(octets).await.unwrap();
    Answer::read(&mut stream).await
}

async fn get(whole: &Whole, person: &Person, target: &str) -> Answer {
    let request = person.get(target);
    let answer = sent(whole, &request.octets).await;
    assert!(request.is_answered_by(&answer), "signed: {}", answer.text());
    answer
}

async fn page(whole: &Whole, person: &Person, target: &str) -> Value {
    let answer = get(whole, person, target).await;
    assert_eq!((answer.status, answer.field("cache-control")), (200, Some("no-store")), "{target} {}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

fn names(page: &Value, list: &str, member: &str) -> Vec<String> {
    page[list].as_array().unwrap().iter().map(|row| row[member].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_who_there_is_page_by_page() {
    let whole = Whole::start(None, "").await;
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    for name in ["bob", "j\u{fc}rgen", "zoe"] {
        person(&whole, name, Role::User, &["orders:read"]).await;
    }
    whole.operate("disable-user", serde_json::json!({ "username": "bob" })).await;
    let first = page(&whole, &admin, "/api/admin/users?limit=3").await;
    assert_eq!(names(&first, "users", "username"), ["alice", "bob", "j\u{fc}rgen"]);
    assert_eq!(first["next"], "j\u{fc}rgen");
    assert_eq!(
        (&first["users"][1]["state"], &first["users"][2]["permissions"][0]),
        (&"disabled".into(), &"orders:read".into())
    );
    let second = page(&whole, &admin, "/api/admin/users?limit=3&after=j%C3%BCrgen").await;
    assert_eq!((names(&second, "users", "username"), &second["next"]), (vec!["zoe".to_owned()], &Value::Null));
    let disabled = page(&whole, &admin, "/api/admin/users?state=disabled&role=user").await;
    assert_eq!(names(&disabled, "users", "username"), ["bob"]);
    // Nobody matches among the two that are looked at, and there is more.
    let none = page(&whole, &admin, "/api/admin/users?limit=1&role=service").await;
    assert_eq!((names(&none, "users", "username").len(), &none["next"]), (0, &"alice".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_who_is_signed_in_and_what_has_ended() {
    let whole = Whole::start(None, "").await;
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    let (bob, carol) = (person(&whole, "bob", Role::User, &[]).await, person(&whole, "carol", Role::User, &[]).await);
    let mut sessions = Vec::new();
    for user in [&bob, &bob, &carol] {
        sessions.push(logged_in(&whole, user, Proof::Bearer, now()).await.session);
    }
    ended(&whole, Scope::Session(sessions[0]), EndReason::Revoked).await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = page(&whole, &admin, &format!("/api/admin/sessions?limit=2{after}")).await;
        seen.extend(names(&page, "sessions", "ref"));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    seen.sort();
    let mut expected: Vec<_> = sessions.iter().chain(&admin.session).map(ToString::to_string).collect();
    expected.sort();
    assert_eq!(seen, expected, "each once");
    let of_bob = page(&whole, &admin, &format!("/api/admin/sessions?user={}&state=ended", bob.id)).await;
    assert_eq!(names(&of_bob, "sessions", "ref"), [sessions[0].to_string()]);
    assert_eq!((&of_bob["sessions"][0]["why"], &of_bob["sessions"][0]["username"]), (&"revoked".into(), &"bob".into()));
    // Memory is ahead of the store: all that carol was issued is void, whatever the rows say yet.
    whole.app.accounts.sessions.deny(&Scope::User(carol.id), now()).unwrap();
    let open = page(&whole, &admin, "/api/admin/sessions?state=open").await;
    let mut expected = vec![sessions[1].to_string(), admin.session.unwrap().to_string()];
    expected.sort();
    let mut listed = names(&open, "sessions", "ref");
    listed.sort();
    assert_eq!(listed, expected);
    let current = open["sessions"].as_array().unwrap().iter().find(|row| row["current"] == true).unwrap();
    assert_eq!(current["ref"], admin.session.unwrap().to_string(), "the one that asks");
    assert!(!open.to_string().contains("token"), "no hash is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_how_the_guard_is() {
    let whole = Whole::start(None, "").await;
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    let bob = person(&whole, "bob", Role::User, &[]).await;
    let session = logged_in(&whole, &bob, Proof::Bearer, now()).await.session;
    ended(&whole, Scope::Session(session), EndReason::Revoked).await;
    let status = page(&whole, &admin, "/api/admin/status").await;
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&status["clock"]["is_trusted"], &status["clock"]["window_ms"]), (&true.into(), &5_000.into()));
    assert_eq!(status["counts"]["active_keys"], 1);
    assert_eq!(status["counts"]["sessions"], 2, "hers, and the one that has ended");
    let last = whole.app.accounts.stores.events.latest(1).await.unwrap()[0].sequence;
    assert_eq!(status["heads"], serde_json::json!({ "events": last, "revocations": 1, "epoch": 0 }));
    assert!(status["started_ms"].as_u64().unwrap() <= status["clock"]["now_ms"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_an_administrator_sees_any_of_it() {
    let whole = Whole::start(None, "").await;
    let host = whole.app.accounts.config.admin_listen;
    let targets = ["/api/admin/users", "/api/admin/sessions", "/api/admin/status"];
    for target in targets {
        let unsigned = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(sent(&whole, unsigned.as_bytes()).await.status, 401, "{target}");
    }
    for (name, role) in [("bob", Role::User), ("robot", Role::Service)] {
        let person = at_the_admin_door(&whole, name, role).await;
        for target in targets {
            assert_eq!(get(&whole, &person, target).await.status, 403, "{name} {target}");
        }
    }
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    for target in ["/api/admin/users?limit=0", "/api/admin/sessions?after=x", "/api/admin/status?verbose=1"] {
        assert_eq!(get(&whole, &admin, target).await.status, 400, "{target}");
    }
    for target in targets {
        let answer = sent(&whole, &admin.post(target, b"").octets).await;
        assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")), "{target}");
    }
}
