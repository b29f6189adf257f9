//! The key of a fake guard, and messages as it sees them.

use countersign_client::{Credentials, Signer as Name};
use countersign_core::id::{KeyId, SessionRef};
use countersign_core::problem::Problem;
use countersign_core::secret::{KeyPair, Root, Secret32};
use countersign_core::signature::{
    AnswerHead, Authentication, Field, PathForm, Received, RequestHead, StreamHead, sha256_digest_field,
};
use countersign_core::stream::{FrameReader, FrameSigner};
use countersign_core::time::{Freshness, Timestamp};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Heard {
    pub method: String,
    pub target: String,
    pub fields: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.0 == name).map(|field| str::from_utf8(&field.1).unwrap())
    }

    /// What the strict parser of the server makes of it.
    pub fn read(&self) -> Received {
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| Field { name, value }).collect();
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let authority = self.field("host").unwrap();
        let head = RequestHead { method: &self.method, authority, path, query, fields: &fields };
        Received::read(&head, PathForm::Raw).unwrap()
    }

    pub fn nonce(&self) -> String {
        let input = self.field("signature-input").unwrap();
        input.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }
}

/// An answer that can still be tampered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, media_type: &str, body: &[u8]) -> Self {
        let fields = vec![("content-type".to_owned(), media_type.to_owned())];
        Self { status, fields, body: body.to_vec() }
    }

    pub fn json(body: &str) -> Self {
        Self::new(200, "application/json", body.as_bytes())
    }

    pub fn problem(problem: &Problem) -> Self {
        Self::new(problem.status, "application/problem+json", problem.json().as_bytes())
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn set(&mut self, name: &str, value: &str) {
        let field = self.fields.iter_mut().find(|field| field.0 == name).unwrap();
        value.clone_into(&mut field.1);
    }

    pub fn without(mut self, names: &[&str]) -> Self {
        self.fields.retain(|field| !names.contains(&field.0.as_str()));
        self
    }

    /// As it goes over the wire.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = format!("HTTP/1.1 {} Whatever\r\nconnection: close\r\n", self.status).into_bytes();
        if !matches!(self.status, 204 | 304) {
            octets.extend(format!("content-length: {}\r\n", self.body.len()).into_bytes());
        }
        for (name, value) in &self.fields {
            octets.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        octets.extend(b"\r\n");
        octets.extend(&self.body);
        octets
    }
}

/// A key that client and guard share.
#[derive(Clone)]
pub struct Signer {
    pub keyid: Name,
    pub root: Root,
    keys: KeyPair,
}

impl Signer {
    pub fn new(seed: u8) -> Self {
        Self::with("k7f3a9c2d4e5b6a1c".parse::<KeyId>().unwrap(), Root::new(Secret32::new([seed; 32])))
    }

    pub fn with(keyid: impl Into<Name>, root: Root) -> Self {
        let keyid = keyid.into();
        let keys = root.key_pair(keyid.as_str());
        Self { keyid, root, keys }
    }

    pub fn credentials(&self, authority: &str) -> Credentials {
        Credentials::new(authority.parse().unwrap(), self.keyid.clone(), &self.root)
    }

    /// The same for a session that this key has opened.
    pub fn in_session(&self, session: SessionRef) -> Self {
        Self::with(session, self.root.session_root(session))
    }

    /// Whether a request authenticates, its body included.
    pub fn admits(&self, heard: &Heard, now: Timestamp) -> bool {
        let received = heard.read();
        let mut check = received.content_digest().check();
        check.update(&heard.body);
        let authentic =
            matches!(received.authenticate(&self.keys.c2s, Freshness::DEFAULT, now), Authentication::Authentic(_));
        authentic && check.matches()
    }

    /// Signs an answer to a request.
    pub fn sign(&self, heard: &Heard, reply: Reply, now: Timestamp) -> Reply {
        let bodyless = heard.method == "HEAD" || matches!(reply.status, 204 | 304);
        let content_digest = sha256_digest_field(if bodyless { b"" } else { &reply.body });
        let reply = reply.with("cache-control", "no-store");
        let fields: Vec<_> = reply.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let head = AnswerHead { status: reply.status, fields: &fields, content_digest: &content_digest };
        let added = heard.read().sign_answer(&self.keys.s2c, &head, now);
        reply
            .with("content-digest", &content_digest)
            .with("countersign-time", &added.countersign_time)
            .with("countersign-request", &added.countersign_request)
            .with("signature-input", &added.signature_input)
            .with("signature", &added.signature)
    }

    /// Signs the head of an answer whose body will be a stream, and gives what signs its frames.
    pub fn sign_stream(&self, heard: &Heard, reply: Reply, now: Timestamp) -> (Reply, FrameSigner) {
        let fields: Vec<_> = reply.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let added =
            heard.read().sign_stream_answer(&self.keys.s2c, &StreamHead { status: reply.status, fields: &fields }, now);
        let reply = reply
            .with("countersign-stream", "1")
            .with("countersign-time", &added.countersign_time)
            .with("countersign-request", &added.countersign_request)
            .with("signature-input", &added.signature_input)
            .with("signature", &added.signature);
        (reply, FrameSigner::new(self.root.stream_pair(self.keyid.as_str()).s2c, added.mac))
    }

    /// What a streamed request body says, if it is whole.
    pub fn uploaded(&self, heard: &Heard) -> Option<Vec<u8>> {
        let key = self.root.stream_pair(self.keyid.as_str()).c2s;
        let mut reader = FrameReader::new(key, heard.read().mac());
        let (mut body, mut data) = (heard.body.as_slice(), Vec::new());
        while let Some(piece) = reader.next(&mut body).ok()? {
            data.extend(piece);
        }
        reader.end().ok().map(|()| data)
    }

    /// What an honest guard would say whose clock is at `now`.
    pub fn judge(&self, heard: &Heard, reply: Reply, now: Timestamp) -> Reply {
        let received = heard.read();
        let judged = received.authenticate(&self.keys.c2s, Freshness::DEFAULT, now);
        let reply = match judged {
            Authentication::Authentic(_) => reply,
            Authentication::FutureDated(_) | Authentication::Stale => Reply::problem(&Problem::CLOCK_SKEW),
            Authentication::BadSignature => Reply::problem(&Problem::UNAUTHORIZED),
        };
        self.sign(heard, reply, now)
    }
}
