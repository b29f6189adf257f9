//! A guard with users who have passwords or keys, and the requests that they send.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::SocketAddr;
use std::sync::OnceLock;

use countersign_core::account::Role;
use countersign_core::encoding::unb64u;
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{KeyId, SessionRef};
use countersign_core::password::Password;
use countersign_core::secret::{KeyPair, Root, Secret32};
use countersign_core::signature::{
    Field, PathForm, Received, ReceivedAnswer, RequestHead, SignatureParams, SignedRequest, sha256_digest_field,
    sign_request,
};
use countersign_server::hashing::{Cost, Hasher};
use countersign_server::service::control::HashText;
use countersign_store::port::Selection;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use zeroize::Zeroizing;

use crate::whole::{Answer, Whole, now};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Below what may be configured: these tests are not about the cost.
const CHEAP: Cost = Cost { memory: 64, iterations: 2, lanes: 1 };

pub(crate) fn hash_of(text: &str) -> Value {
    let password = Password::new(Zeroizing::new(text.to_owned())).unwrap();
    let hash = HashText::from(&Hasher::new(CHEAP).hash(&password, &[7; 16]).unwrap());
    serde_json::to_value(hash).unwrap()
}

/// The hash of [`PASSWORD`], once for all tests of a process.
fn common_hash() -> Value {
    static HASH: OnceLock<Value> = OnceLock::new();
    HASH.get_or_init(|| hash_of(PASSWORD)).clone()
}

pub(crate) async fn guard(toml: &str) -> Whole {
    Whole::start(None, toml).await
}

/// Adds somebody with [`PASSWORD`]; gives their id.
pub(crate) async fn add(guard: &Whole, username: &str, role: &str) -> String {
    let arguments =
        json!({ "username": username, "role": role, "permissions": ["docs:read"], "password": common_hash() });
    guard.operate("add-user", arguments).await;
    user_id(guard, username).await
}

pub(crate) async fn user_id(guard: &Whole, username: &str) -> String {
    guard.app.accounts.stores.users.named(&username.parse().unwrap()).await.unwrap().unwrap().id.to_string()
}

/// An unsigned request.
pub(crate) async fn send(guard: &Whole, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
    send_to(guard, guard.address, method, target, (fields, body)).await
}

async fn send_to(
    guard: &Whole,
    authority: SocketAddr,
    method: &str,
    target: &str,
    (fields, body): (&[(&str, &str)], &[u8]),
) -> Answer {
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {authority}\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut stream = guard.connect().await;
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    Answer::read(&mut stream).await
}

pub(crate) async fn post(guard: &Whole, target: &str, body: &Value) -> Answer {
    send(guard, "POST", target, &[("content-type", "application/json")], body.to_string().as_bytes()).await
}

pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

/// The code of the problem that an answer is; empty for none.
pub(crate) fn code(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body["type"].as_str().unwrap_or_default().trim_start_matches("urn:countersign:").to_owned()
}

pub(crate) async fn login(guard: &Whole, username: &str) -> Held {
    logged_in(post(guard, "/api/auth/login", &json!({ "username": username, "password": PASSWORD })).await)
}

pub(crate) async fn login_with_key(guard: &Whole, username: &str) -> Held {
    let wanted = json!({ "username": username, "password": PASSWORD, "proof": "key" });
    logged_in(post(guard, "/api/auth/login", &wanted).await)
}

pub(crate) fn logged_in(answer: Answer) -> Held {
    assert_eq!(answer.status, 200, "{}", answer.text());
    Held::of(&json(&answer))
}

/// What a client holds of its session.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) reference: SessionRef,
    pub(crate) answer: Value,
}

impl Held {
    pub(crate) fn of(answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            access: text(&answer["access_token"]),
            refresh: text(&answer["refresh_token"]),
            reference: answer["session"]["ref"].as_str().unwrap().parse().unwrap(),
            answer: answer.clone(),
        }
    }

    /// The key of the session, where it was sent.
    pub(crate) fn signer(&self, guard: &Whole) -> Signer {
        let root = unb64u(self.answer["session_key"].as_str().unwrap()).unwrap();
        Signer::of_session(guard, &Root::new(Secret32::new(root.try_into().unwrap())), self.reference)
    }

    pub(crate) async fn bring(&self, guard: &Whole, method: &str, target: &str) -> Answer {
        self.bring_body(guard, method, target, b"").await
    }

    pub(crate) async fn bring_body(&self, guard: &Whole, method: &str, target: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.access);
        send(guard, method, target, &[("authorization", &bearer), ("content-type", "application/json")], body).await
    }

    pub(crate) async fn whoami(&self, guard: &Whole) -> u16 {
        self.bring(guard, "GET", "/api/auth/whoami").await.status
    }

    pub(crate) async fn refreshed(&self, guard: &Whole) -> Answer {
        refresh(guard, &self.refresh).await
    }
}

pub(crate) async fn refresh(guard: &Whole, token: &str) -> Answer {
    post(guard, "/api/auth/refresh", &json!({ "refresh_token": token })).await
}

/// Somebody who signs: with a key, or with that of a session.
pub(crate) struct Signer {
    authority: String,
    pub(crate) keyid: String,
    pub(crate) root: Root,
    keys: KeyPair,
}

impl Signer {
    pub(crate) fn of_session(guard: &Whole, root: &Root, session: SessionRef) -> Self {
        let keyid = session.keyid();
        Self { authority: guard.address.to_string(), keys: root.key_pair(&keyid), keyid, root: root.clone() }
    }

    /// A person who has enrolled and sent the first request.
    pub(crate) async fn enrolled(guard: &Whole, username: &str, role: Role) -> Self {
        let person = guard.enrolled_as(username, role);
        let signer = Self {
            authority: guard.address.to_string(),
            keyid: person.keyid.to_string(),
            root: person.root.clone(),
            keys: person.keys.clone(),
        };
        assert_eq!(signer.call(guard, "GET", "/api/auth/whoami", b"").await.status, 200);
        signer
    }

    pub(crate) fn key(&self) -> KeyId {
        self.keyid.parse().unwrap()
    }

    /// The session that this key opens, and its signer.
    pub(crate) async fn session(&self, guard: &Whole) -> (Held, Self) {
        let held = logged_in(self.call(guard, "POST", "/api/auth/login", b"{}").await);
        let root = self.root.session_root(held.reference);
        let signer = Self::of_session(guard, &root, held.reference);
        (held, signer)
    }

    /// Sends a signed request; its answer is signed by the same key.
    pub(crate) async fn call(&self, guard: &Whole, method: &str, target: &str, body: &[u8]) -> Answer {
        self.send(guard, self.request(method, target, &[], body)).await
    }

    /// A GET with these fields besides, which are covered.
    pub(crate) async fn call_with(&self, guard: &Whole, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(guard, self.request("GET", target, fields, b"")).await
    }

    async fn send(&self, guard: &Whole, (octets, sent): (Vec<u8>, SignedRequest)) -> Answer {
        let mut stream = guard.connect().await;
        stream.write_all(&octets).await.unwrap();
        let answer = Answer::read(&mut stream).await;
        let fields: Vec<_> =
            answer.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let received = ReceivedAnswer { status: answer.status, fields: &fields, body: &answer.body, bodyless: false };
        assert!(sent.verify_answer(&self.keys.s2c, &received).is_ok(), "not signed: {answer:?}");
        answer
    }

    pub(crate) async fn refresh(&self, guard: &Whole, token: &str) -> Answer {
        let body = json!({ "refresh_token": token }).to_string();
        self.call(guard, "POST", "/api/auth/refresh", body.as_bytes()).await
    }

    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        besides: &[(&str, &str)],
        body: &[u8],
    ) -> (Vec<u8>, SignedRequest) {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let mut lines =
            vec![("content-type", "application/json".to_owned()), ("content-digest", sha256_digest_field(body))];
        lines.extend(besides.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let nonce = countersign_server::edge::random();
        let params = SignatureParams { keyid: &self.keyid, nonce, created_secs: now().as_secs(), expires_secs: None };
        let fields: Vec<_> = lines.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let head = RequestHead { method, authority: &self.authority, path, query, fields: &fields };
        let sent = sign_request(&self.keys.c2s, &params, &head).unwrap();
        drop(fields);
        lines.push(("signature-input", sent.signature_input().to_owned()));
        lines.push(("signature", sent.signature()));
        let fields: Vec<_> = lines.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let head = RequestHead { method, authority: &self.authority, path, query, fields: &fields };
        Received::read(&head, PathForm::Canonical).unwrap();
        let mut octets = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.authority).into_bytes();
        for (name, value) in &lines {
            octets.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        octets.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        octets.extend_from_slice(body);
        (octets, sent)
    }
}

/// What the log tells, oldest first.
pub(crate) async fn events(guard: &Whole) -> Vec<(EventKind, String)> {
    let events = guard.app.accounts.stores.events.list(0, 1_000).await.unwrap();
    events.into_iter().map(|recorded| (recorded.event.kind, recorded.event.detail)).collect()
}

/// What the log tells of this session, oldest first.
pub(crate) async fn told_of(guard: &Whole, session: SessionRef) -> Vec<Event> {
    let selection = Selection { session: Some(session), limit: 1_000, ..Selection::default() };
    let events = guard.app.accounts.stores.events.select(&selection).await.unwrap();
    events.into_iter().map(|recorded| recorded.event).collect()
}

pub(crate) async fn count(guard: &Whole, kind: EventKind) -> usize {
    events(guard).await.into_iter().filter(|(other, _)| *other == kind).count()
}
