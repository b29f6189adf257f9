//! A guard before an API that counts what it does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState};
use countersign_core::id::{KeyId, SessionRef, UserId};
use countersign_core::idempotency::{Attempt, Fingerprint, Outcome, OutcomeId, RunId, Start};
use countersign_core::secret::{Root, Sealed, Secret32};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::whole::{Answer, Person, Signed, Whole, now};

/// An API that counts what it does, and answers as its path says.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    pub(crate) acted: Arc<AtomicUsize>,
    /// `/slow` takes one of these before it answers.
    pub(crate) go_on: Arc<Semaphore>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acted, go_on) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(0)));
        let (counted, gate) = (acted.clone(), go_on.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, counted.clone(), gate.clone()));
            }
        });
        Self { address, acted, go_on }
    }

    pub(crate) fn acted(&self) -> usize {
        self.acted.load(Ordering::SeqCst)
    }

    pub(crate) async fn has_acted(&self, times: usize) {
        while self.acted() < times {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

pub(crate) async fn serve(mut stream: TcpStream, acted: Arc<AtomicUsize>, go_on: Arc<Semaphore>) {
    let mut octets = Vec::new();
    while !octets.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut octets).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&octets).into_owned();
    let count = acted.fetch_add(1, Ordering::SeqCst) + 1;
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let ok = |fields: &str, body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 201 Created\r\nx-count: {count}\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    };
    let answer = match path.as_str() {
        "/slow" => {
            go_on.acquire().await.unwrap().forget();
            ok("", "done slowly")
        }
        "/large" => ok("", &"x".repeat(64 * 1_024)),
        "/cookie" => ok("set-cookie: session=1\r\n", "done"),
        "/hangs-up" => return,
        "/breaks-off" => ok("", "done").replace("content-length: 4", "content-length: 9"),
        _ => match path.strip_prefix("/status/") {
            Some(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
            None => ok("date: Sat, 22 Nov 2025 00:00:00 GMT\r\netag: \"1\"\r\n", "done"),
        },
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A guard before such an API, and somebody with a key.
pub(crate) async fn scene(toml: &str) -> (Whole, Api, Person) {
    let api = Api::start().await;
    let whole = Whole::start(Some(api.address), toml).await;
    let alice = whole.confirmed("alice").await;
    (whole, api, alice)
}

pub(crate) fn keyed(person: &Person, path: &str, key: &str) -> Signed {
    person.request("POST", path, &[("idempotency-key", key)], b"25 to bob")
}

pub(crate) async fn post(whole: &Whole, person: &Person, path: &str, key: &str) -> Answer {
    let request = keyed(person, path, key);
    let answer = whole.call(&request).await;
    assert!(request.is_answered_by(&answer), "{}", answer.text());
    answer
}

/// The same person in a session that their key has opened.
pub(crate) fn in_session(person: &Person, session: SessionRef) -> Person {
    let root = person.root.session_root(session);
    let (keys, envelope_keys) = (root.key_pair(&session.keyid()), root.envelope_pair(&session.keyid()));
    let (authority, keyid) = (person.authority.clone(), person.keyid.clone());
    Person { authority, keyid, session: Some(session), root, keys, envelope_keys }
}

/// A second device of somebody.
pub(crate) async fn another_key_of(whole: &Whole, person: &Person) -> Person {
    let accounts = &whole.app.accounts;
    let user = user_of(whole, person);
    let user = accounts.stores.users.find(user).await.unwrap().unwrap();
    let (keyid, root) = (KeyId::from_random([200; _]), Root::new(Secret32::new([200; 32])));
    let keys = root.key_pair(keyid.as_str());
    let sealed = accounts.secrets.kek.seal(keyid.as_str(), user.username.as_str(), root.secret().expose(), [1; _]);
    let record = KeyRecord {
        id: keyid.clone(),
        user: user.id,
        device: String::new(),
        root: sealed.unwrap(),
        origin: KeyOrigin::GroupCard,
        state: KeyState::Active,
        created: now(),
    };
    accounts.keyring.put(&user, record).unwrap();
    let envelope_keys = root.envelope_pair(keyid.as_str());
    Person { authority: person.authority.clone(), keyid, session: None, root, keys, envelope_keys }
}

pub(crate) fn user_of(whole: &Whole, person: &Person) -> UserId {
    whole.app.accounts.keyring.find(person.keyid.as_str()).unwrap().unwrap().principal().user
}

/// Keeps an answer of this length for somebody.
pub(crate) async fn keep_for(whole: &Whole, person: &Person, number: u8, length: usize) {
    let id = OutcomeId { user: user_of(whole, person), name: [number; 32] };
    let attempt = Attempt { run: RunId([9; 16]), number: 1 };
    let start = Start { id, fingerprint: Fingerprint([1; 32]), at: now(), attempt };
    let outcomes = &whole.app.accounts.stores.outcomes;
    outcomes.begin(&start, u64::MAX).await.unwrap();
    let answer = Outcome::Answered(Sealed { version: 1, octets: vec![7; length] });
    outcomes.settle(&id, attempt, &answer).await.unwrap();
}

pub(crate) fn code(answer: &Answer) -> (u16, String) {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let urn = body["type"].as_str().unwrap_or_default();
    (answer.status, urn.trim_start_matches("urn:countersign:").to_owned())
}

pub(crate) const CONFLICT: (u16, &str) = (409, "conflict");
pub(crate) const IN_FLIGHT: (u16, &str) = (409, "in-flight");
pub(crate) const OUTCOME_UNKNOWN: (u16, &str) = (409, "outcome-unknown");

pub(crate) fn is(answer: &Answer, (status, name): (u16, &str)) -> bool {
    code(answer) == (status, name.to_owned())
}
