//! The event log over HTTP: who may read it, and how it is asked.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod whole;

use countersign_core::account::Role;
use countersign_core::event::EventKind;
use countersign_server::service::event_log::{HEADS_FILE, look_over, seal};
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use whole::{Answer, Person, Whole, now};

/// Somebody whose key is confirmed, and who speaks to the administration listener from then on.
async fn at_the_admin_door(whole: &Whole, username: &str, role: Role) -> Person {
    let person = whole.signed_in(username, role).await;
    let authority = whole.app.accounts.config.admin_listen.to_string();
    Person { authority, ..person }
}

async fn ask(whole: &Whole, octets: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(whole.app.accounts.config.admin_listen).await.unwrap();
    stream.write_all(octets).await.unwrap();
    Answer::read(&mut stream).await
}

async fn get(whole: &Whole, person: &Person, target: &str) -> Answer {
    let request = person.get(target);
    let answer = ask(whole, &request.octets).await;
    assert!(request.is_answered_by(&answer), "signed: {}", answer.text());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_reads_the_log_page_by_page() {
    let whole = Whole::start(None, "").await;
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    let answer = get(&whole, &admin, "/api/admin/events?after=0&limit=1").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(page["events"][0]["event"], "started");
    assert_eq!(page["next"], 1);
    let answer = get(&whole, &admin, "/api/admin/events?after=1&kind=enrolled").await;
    let page: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(page["events"][0]["keyid"], admin.keyid.as_str());
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_an_administrator_reads_the_log() {
    // A route of the API that lets anybody in says nothing of this listener.
    let whole = Whole::start(None, "[[route]]\npath = \"/api\"\naccept = \"danger-anyone\"\n").await;
    let host = whole.app.accounts.config.admin_listen;
    for target in ["/api/admin/events", "/api/admin/events/stream", "/api/admin", "/api/admin/nothing"] {
        let unsigned = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(ask(&whole, unsigned.as_bytes()).await.status, 401, "{target}");
    }
    for (name, role) in [("bob", Role::User), ("robot", Role::Service)] {
        let person = at_the_admin_door(&whole, name, role).await;
        for target in ["/api/admin/events", "/api/admin/events/stream"] {
            assert_eq!(get(&whole, &person, target).await.status, 403, "{name} {target}");
        }
    }
}

/// Whoever redirects a request that was signed for the API finds no door.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_one_listener_is_none_for_the_other() {
    let whole = Whole::start(None, "").await;
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    let for_the_main = Person { authority: whole.address.to_string(), keys: admin.keys.clone(), ..whole.enrolled("x") };
    let for_the_main = Person { keyid: admin.keyid.clone(), session: admin.session, ..for_the_main };
    assert_eq!(ask(&whole, &for_the_main.get("/api/admin/events").octets).await.status, 421);
    assert_eq!(whole.call(&admin.get("/api/auth/whoami")).await.status, 421);
    let echoed = whole.call(&for_the_main.get("/api/admin/events")).await;
    assert!(echoed.text().contains("\"path\":\"/api/admin/events\""), "the address is the API's there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_cursor_or_a_limit_without_measure_is_refused() {
    let whole = Whole::start(None, "").await;
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    for query in ["limit=1e9", "limit=1001", "after=1x", "after=-1", "after=1&after=2", "kind=%00", "order=desc"] {
        let answer = get(&whole, &admin, &format!("/api/admin/events?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    let answer = ask(&whole, &admin.post("/api/admin/events", b"").octets).await;
    assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")));
    let answer = get(&whole, &admin, "/api/admin/events/stream").await;
    assert_eq!(answer.status, 422, "what has no end can be signed as a stream only");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_streamed_as_it_is_recorded() {
    let whole = Whole::start(None, "").await;
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    let target = "/api/admin/events/stream?after=0&kind=group_rotated";
    let request = admin.request("GET", target, &[("countersign-accept-stream", "1")], b"");
    let mut stream = TcpStream::connect(whole.app.accounts.config.admin_listen).await.unwrap();
    stream.write_all(&request.octets).await.unwrap();
    let mut received = Vec::new();
    while !received.windows(4).any(|four| four == b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
    }
    assert!(received.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&received));
    whole.operate("rotate-group", serde_json::json!({})).await;
    let told =
        |received: &[u8]| String::from_utf8_lossy(received).contains("event: group_rotated\ndata: {\"sequence\":");
    while !told(&received) {
        assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_one_session_are_asked_for_by_its_name() {
    let whole = Whole::start(None, "").await;
    let admin = at_the_admin_door(&whole, "alice", Role::Admin).await;
    whole.signed_in("bob", Role::User).await;
    let all = whole.app.accounts.stores.events.list(0, 1_000).await.unwrap();
    let opened = all.iter().find(|told| told.event.kind == EventKind::SessionOpened).unwrap();
    let session = opened.event.session.unwrap();
    let answer = get(&whole, &admin, &format!("/api/admin/events?session={session}")).await;
    let page: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(page["events"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(page["events"][0]["session"], session.to_string());
    assert_eq!(page["events"][0]["sequence"], opened.sequence);
    for query in
        ["session=", "session=alice", &format!("session=s.{session}"), &format!("session={session}&session={session}")]
    {
        assert_eq!(get(&whole, &admin, &format!("/api/admin/events?{query}")).await.status, 400, "{query}");
    }
}

/// The head of the empty log, too, and one that was kept and did not get to the file: that is what heads are looked for in.
#[tokio::test(flavor = "multi_thread")]
async fn every_head_gets_into_its_file() {
    let whole = Whole::start(None, "").await;
    let accounts = &whole.app.accounts;
    let file = whole.database().with_file_name(HEADS_FILE);
    let first = accounts.stores.event_chain.heads(None, 1).await.unwrap()[0];
    assert_eq!(
        (first.sequence, std::fs::read_to_string(&file).unwrap().lines().next().unwrap()),
        (0, &*first.to_string())
    );
    let head = seal(accounts, now()).await.unwrap();
    std::fs::write(&file, "").unwrap();
    assert_eq!(seal(accounts, now()).await.unwrap(), head);
    assert_eq!(seal(accounts, now()).await.unwrap(), head);
    // The guard itself may have been about to write there what the file was emptied of.
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| *line == head.to_string()), "{text}");
}

/// Without its heads a log could be written anew from its beginning, rows from before the chain and all.
#[tokio::test(flavor = "multi_thread")]
async fn a_guard_whose_heads_were_taken_out_of_the_database_tells_of_it() {
    let whole = Whole::start(None, "").await;
    seal(&whole.app.accounts, now()).await.unwrap();
    let mut intruder = SqliteConnection::connect(whole.database().to_str().unwrap()).await.unwrap();
    for sql in ["DROP TRIGGER event_heads_are_kept", "DELETE FROM event_heads"] {
        sqlx::query(sql).execute(&mut intruder).await.unwrap();
    }
    let whole = whole.restarted().await;
    assert!(!look_over(&whole.app.accounts, None, now()).await.unwrap().holds());
    let events = whole.app.accounts.stores.events.list(0, 1_000).await.unwrap();
    let told =
        events.iter().map(|recorded| &recorded.event).find(|event| event.kind == EventKind::LogTampered).unwrap();
    assert!(told.detail.starts_with("the head that was sealed at event 0 is gone from the database"), "{told:?}");
}
