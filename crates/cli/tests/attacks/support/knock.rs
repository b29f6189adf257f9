//! Enrolling by hand, so that a message can be sent twice, late, or with a name that no client would send.

use std::net::SocketAddr;

use countersign_core::enrolment::{Card, ClientHandshake, EnrolError, Introduction};
use countersign_core::secret::Secret32;
use countersign_server::edge;

use super::signing::Key;
use super::wire::{Answer, Wire};

/// A first message that was written once and can be sent any number of times.
pub(crate) struct Knocker {
    handshake: Option<ClientHandshake>,
    authority: String,
    message: Vec<u8>,
    /// What came back when the message was sent for the first time.
    pub(crate) answer: Vec<u8>,
    /// From 127.0.0.`last`: a source may not enrol too often.
    last: u8,
}

/// What came of a knock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Inside the handshake, by this code.
    Inside(&'static str),
    /// Outside, unsigned, by this status and code.
    Outside(u16, &'static str),
}

impl Knocker {
    pub(crate) fn new(card: &Card, username: &str) -> Self {
        let c_rand = Secret32::new(edge::random());
        let introduction = Introduction { username, device: "", c_rand, now: edge::now().wall };
        let (handshake, message) = ClientHandshake::start(card, &introduction, &Secret32::new(edge::random())).unwrap();
        Self {
            handshake: Some(handshake),
            authority: card.authority().to_owned(),
            message,
            answer: Vec::new(),
            last: 1,
        }
    }

    pub(crate) fn from(self, last: u8) -> Self {
        Self { last, ..self }
    }

    /// The request.
    pub(crate) fn octets(&self) -> Vec<u8> {
        post(&self.authority, "application/octet-stream", &self.message)
    }

    /// The body of the request.
    pub(crate) fn message(&self) -> &[u8] {
        &self.message
    }

    /// Sends the message; the answer as it came.
    pub(crate) async fn send(&self, address: SocketAddr) -> Answer {
        enrol(self.last, address, &self.octets()).await
    }

    /// Sends the message for the first time and reads the answer: a key that is pending.
    pub(crate) async fn knock(&mut self, address: SocketAddr) -> Result<Key, Refused> {
        let answer = self.send(address).await;
        self.answer.clone_from(&answer.body);
        if answer.status != 200 {
            return Err(Refused::Outside(answer.status, answer.code()));
        }
        self.read(&answer.body)
    }

    /// Reads the answer to the message: a key that is pending.
    pub(crate) fn read(&mut self, answer: &[u8]) -> Result<Key, Refused> {
        match self.handshake.take().expect("read once").finish(answer) {
            Ok(enrolled) => Ok(Key::new(enrolled.keyid.as_str(), enrolled.root)),
            Err(EnrolError::Refused(refusal)) => Err(Refused::Inside(refusal.code())),
            Err(error) => panic!("{error}"),
        }
    }
}

/// An enrolment of this type.
pub(crate) fn post(authority: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /api/auth/enrol HTTP/1.1\r\nHost: {authority}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends an enrolment from 127.0.0.`last`.
pub(crate) async fn enrol(last: u8, address: SocketAddr, octets: &[u8]) -> Answer {
    let mut wire = Wire::connect_from(last, address).await;
    wire.send(octets).await;
    wire.answer().await.expect("an answer")
}
