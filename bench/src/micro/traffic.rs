//! Signed requests: those of the published vectors, each time by another key and with another nonce.

use std::hint::black_box;

use anyhow::{Context as _, anyhow};
use countersign_core::id::KeyId;
use countersign_core::signature::{
    Field, PathForm, Received, RequestHead, SignatureParams, sha256_digest_field, sign_request,
};
use countersign_core::time::Timestamp;
use serde_json::Value;

use super::crowd::{Crowd, octets};

/// Requests to be verified in one round: few enough for the cache nearest but one, because a server verifies what it has
/// read a moment ago.
pub(crate) const BATCH: usize = 64;

/// What all requests have in common.
pub(crate) struct Traffic {
    method: String,
    path: String,
    query: Option<String>,
    authority: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    keys: usize,
    series: usize,
    sent: usize,
}

/// The requests of one round.
pub(crate) struct Batch {
    /// They.
    pub(crate) calls: Vec<Call>,
    /// The body of each of them.
    pub(crate) body: Vec<u8>,
    /// When they were signed.
    pub(crate) now: Timestamp,
}

/// A request as it was received.
pub(crate) struct Call {
    /// The target, and the fields by name and value.
    pub(crate) message: Message,
    /// Who signed.
    pub(crate) key: KeyId,
    /// The number of the key in the crowd.
    pub(crate) member: usize,
    /// Its nonce.
    pub(crate) nonce: [u8; 32],
    /// What the MAC covers.
    pub(crate) base: String,
}

/// The head of a request.
#[derive(Clone)]
pub(crate) struct Message {
    method: String,
    path: String,
    query: Option<String>,
    authority: String,
    fields: Vec<(String, String)>,
}

impl Traffic {
    /// The request of this name in the vectors, with this body, by so many keys in turn. No two of different `series` have
    /// a nonce in common.
    pub(crate) fn of_the_vectors(name: &str, body: &[u8], keys: usize, series: usize) -> anyhow::Result<Self> {
        let vectors: Value = serde_json::from_str(include_str!("../../../vectors/countersign.json"))?;
        let lines = vectors.pointer(&format!("/{name}/http")).and_then(Value::as_array).context("no request")?;
        let mut lines = lines.iter().filter_map(Value::as_str);
        let mut start = lines.next().context("no start line")?.split(' ');
        let mut word = || start.next().map(str::to_owned).context("a short start line");
        let (method, target) = (word()?, word()?);
        let (path, query) = target.split_once('?').map_or((target.as_str(), None), |(path, query)| (path, Some(query)));
        let fields = lines.filter_map(|line| line.split_once(": "));
        let mut fields: Vec<_> = fields.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let authority = fields.iter().find(|(name, _)| name == "host").context("no host")?.1.clone();
        fields.retain(|(name, _)| !name.starts_with("signature"));
        for (name, value) in &mut fields {
            match name.as_str() {
                "content-digest" => *value = sha256_digest_field(body),
                "content-length" => *value = body.len().to_string(),
                _ => {}
            }
        }
        let (path, query) = (path.to_owned(), query.map(str::to_owned));
        Ok(Self { method, path, query, authority, fields, body: body.to_owned(), keys, series, sent: 0 })
    }

    /// Signs the next requests, as of `now`.
    pub(crate) fn sign(&mut self, crowd: &Crowd, now: Timestamp) -> anyhow::Result<Batch> {
        let calls = (0..BATCH).map(|_| self.next(crowd, now)).collect::<anyhow::Result<_>>()?;
        Ok(Batch { calls, body: self.body.clone(), now })
    }

    fn next(&mut self, crowd: &Crowd, now: Timestamp) -> anyhow::Result<Call> {
        let (number, member) = (self.sent, self.sent % self.keys);
        self.sent += 1;
        let mut message = Message {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            authority: self.authority.clone(),
            fields: self.fields.clone(),
        };
        let (key, keys) = crowd.member(member)?;
        let mut nonce = [0; 32];
        let random = [octets(number), octets(self.series)].concat();
        nonce.iter_mut().zip(random).for_each(|(place, octet)| *place = octet);
        let params = SignatureParams { keyid: key.as_str(), nonce, created_secs: now.as_secs(), expires_secs: None };
        let signed = sign_request(&keys.c2s, &params, &message.head(&message.fields()))?;
        message.fields.push(("signature-input".to_owned(), signed.signature_input().to_owned()));
        message.fields.push(("signature".to_owned(), signed.signature()));
        let base = read(&message.head(&message.fields()))?.signature_base().as_str().to_owned();
        Ok(Call { message, key: key.clone(), member, nonce, base })
    }
}

/// Reads a request as the server does.
pub(crate) fn read(head: &RequestHead<'_>) -> anyhow::Result<Received> {
    Received::read(head, PathForm::Canonical).map_err(|why| anyhow!("a request of our own cannot be read: {why:?}"))
}

impl Batch {
    /// The fields of each request, and their octets in the cache, as when they have just been received.
    pub(crate) fn received(&self) -> Vec<Vec<Field<'_>>> {
        let fields: Vec<_> = self.calls.iter().map(|call| call.message.fields()).collect();
        let octets = fields.iter().flatten().flat_map(|field| field.name.as_bytes().iter().chain(field.value));
        black_box(octets.fold(0, |sum: u8, octet| sum.wrapping_add(*octet)));
        fields
    }
}

impl Message {
    /// The fields, as the server gets them from its HTTP library.
    pub(crate) fn fields(&self) -> Vec<Field<'_>> {
        self.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect()
    }

    /// Whether all octets of the fields are as `so` says.
    pub(crate) fn fields_seen(&self, so: impl Fn(&[u8]) -> bool) -> bool {
        self.fields.iter().fold(true, |all, (name, value)| all & so(name.as_bytes()) & so(value.as_bytes()))
    }

    /// The head with these fields.
    pub(crate) fn head<'a>(&'a self, fields: &'a [Field<'a>]) -> RequestHead<'a> {
        RequestHead {
            method: &self.method,
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            fields,
        }
    }
}
