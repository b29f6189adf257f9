//! Signed streams on the live guard: what reaches the API and the client, whatever is done to the frames.

mod api;
mod downloads;
mod long;
mod side_by_side;
mod uploads;

use countersign_client::conversation::Conversation;
use countersign_client::{Client, Credentials};
use countersign_core::stream::FrameSigner;

use crate::support::guard::Running;
use crate::support::signing::{Draft, Key, Sent};
use crate::support::transport::server;

/// Everything below `/s` may be a stream.
const ROUTE: &str = "[[route]]\npath = \"/s\"\nstream = true\n";

fn client(guard: &Running, key: &Key) -> Client {
    let authority = guard.authority().parse().unwrap();
    let credentials = Credentials::new(authority, key.keyid.parse().unwrap(), &key.root);
    Client::new(server(guard.address), Conversation::new(credentials, 0)).unwrap()
}

/// An upload by hand, whose body is still to come.
fn upload(guard: &Running, key: &Key, target: &str) -> Draft {
    guard.draft("PUT", target, key).with("Countersign-Stream", "1")
}

/// What signs the frames of a request.
fn frames_of(sent: &Sent, key: &Key) -> FrameSigner {
    let message = sent.signature.clone().try_into().unwrap();
    FrameSigner::new(key.root.stream_pair(&key.keyid).c2s, message)
}

/// The request with this body and its length.
fn with_body(sent: &Sent, body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    let head = sent.head.strip_suffix("\r\n").unwrap();
    [head.as_bytes(), length.as_bytes(), body].concat()
}
