//! The description of the API on the administration listener, and whether the doors behave as it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use countersign_core::account::Role;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use whole::{Answer, Person, Whole};

/// One action, without which there are no envelopes.
const ENVELOPES: &str = "[[envelope.action]]\nname = \"me\"\nmethod = \"GET\"\npath = \"/v1/me\"\n";

/// Both wait for something, which `HEAD` would not be told of.
const WITHOUT_HEAD: [&str; 2] = ["/api/auth/revocations", "/api/auth/envelope"];

const KEPT: &str = include_str!("../../../docs/openapi.json");

async fn sent(address: SocketAddr, octets: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(octets).await.unwrap();
    Answer::read(&mut stream).await
}

async fn unsigned(address: SocketAddr, method: &str) -> Answer {
    let head = format!("{method} /openapi.json HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    sent(address, head.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_at_the_administration_listener_may_read_the_description() {
    let whole = Whole::start(None, "").await;
    let answer = unsigned(whole.app.accounts.config.admin_listen, "GET").await;
    assert_eq!((answer.status, answer.field("content-type")), (200, Some("application/json")));
    assert!(answer.text() == KEPT, "it is docs/openapi.json, letter for letter");
    let at_the_main_listener = unsigned(whole.address, "GET").await;
    assert_eq!(at_the_main_listener.status, 401, "there it is an address of the API behind");
}

/// A method that nobody takes is answered with those that the handler does.
#[tokio::test(flavor = "multi_thread")]
async fn each_address_takes_the_methods_that_are_described_and_no_others() {
    let whole = Whole::start(None, ENVELOPES).await;
    let mut admin = whole.signed_in("alice", Role::Admin).await;
    let at_the_admin_door = whole.app.accounts.config.admin_listen;
    let description: Value = serde_json::from_str(KEPT).unwrap();
    for (template, item) in description["paths"].as_object().unwrap() {
        let address = if item.get("servers").is_some() { at_the_admin_door } else { whole.address };
        admin = Person { authority: address.to_string(), ..admin };
        let request = admin.request("PATCH", &filled(template), &[], b"");
        let answer = sent(address, &request.octets).await;
        assert_eq!(answer.status, 405, "{template} {}", answer.text());
        assert_eq!(allowed(&answer), described(template, item), "{template}");
    }
}

/// The place of the address in which each parameter has a value.
fn filled(template: &str) -> String {
    template.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/")
}

fn allowed(answer: &Answer) -> BTreeSet<String> {
    answer.field("allow").unwrap().split(", ").map(str::to_owned).collect()
}

/// `HEAD` is not described: it is what `GET` is, except where the two differ.
fn described(template: &str, item: &Value) -> BTreeSet<String> {
    let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let mut described: BTreeSet<String> =
        methods.into_iter().filter(|method| item.get(method).is_some()).map(str::to_uppercase).collect();
    if described.contains("GET") && !WITHOUT_HEAD.contains(&template) {
        described.insert("HEAD".to_owned());
    }
    described
}
