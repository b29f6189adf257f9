//! A row of table B, and the request that it makes.

use countersign_core::encoding::b64;
use countersign_core::signature::sha256_digest_field;
use serde::Deserialize;

use crate::framing_table::written_out;
use crate::support::guard::Running;
use crate::support::signing::{Draft, Key, Sent, now_secs};

/// A row, as the head of the table describes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Row {
    pub(super) id: String,
    #[serde(rename = "why")]
    _why: String,
    pub(super) later: Option<String>,
    pub(super) test: Option<String>,
    pub(super) http2: Option<String>,
    pub(super) each: Option<Vec<String>>,
    pub(super) signers: Option<Vec<String>>,
    method: Option<String>,
    target: Option<String>,
    host: Option<String>,
    authority: Option<String>,
    fields: Vec<[String; 2]>,
    without: Vec<String>,
    cover: Option<Vec<String>>,
    cover_all_but: Option<String>,
    created: Option<String>,
    expires: Option<String>,
    nonce_text: Option<String>,
    keyid: Option<String>,
    alg: Option<String>,
    tag: Option<String>,
    uncovered: Vec<[String; 2]>,
    replace: Vec<[String; 2]>,
    sent_body: Option<String>,
    pub(super) flip: Option<String>,
    pub(super) answers: Vec<u16>,
    pub(super) code: Option<String>,
    pub(super) signed: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) heard: Vec<String>,
    pub(super) unheard: Vec<String>,
}

/// What the placeholders stand for.
pub(super) struct Text<'a> {
    pub(super) guard: &'a Running,
    pub(super) each: &'a str,
    pub(super) bob: &'a Key,
    pub(super) good: &'a Draft,
}

impl Text<'_> {
    /// The text that is meant.
    pub(super) fn of(&self, text: &str) -> String {
        let mut text = text.replace("{each}", self.each);
        for (name, value) in [
            ("{authority}", self.guard.authority()),
            ("{keyid}", self.good.keyid.clone()),
            ("{keyid of bob}", self.bob.keyid.clone()),
            ("{nonce}", self.good.nonce.clone()),
            ("{digest}", sha256_digest_field(&self.good.body)),
            ("{now}", self.good.created.clone()),
        ] {
            text = text.replace(name, &value);
        }
        for offset in [-7, -3, -2, -1, 60_i64] {
            text = text.replace(&format!("{{now{offset:+}}}"), &now_secs().saturating_add_signed(offset).to_string());
        }
        written_out(&text)
    }
}

impl Row {
    /// Whether the nonce cannot be used again afterwards.
    pub(super) fn uses_nonce(&self) -> bool {
        self.answers.contains(&200) || self.nonce.as_deref() == Some("used")
    }

    /// The request, with all that is different about it before it is signed.
    pub(super) fn draft(&self, text: &Text<'_>) -> Draft {
        let mut draft = text.good.clone();
        let put = |place: &mut String, written: &Option<String>| {
            if let Some(written) = written {
                *place = text.of(written);
            }
        };
        put(&mut draft.method, &self.method);
        put(&mut draft.target, &self.target);
        put(&mut draft.host, &self.host);
        put(&mut draft.authority, &self.authority.clone().or_else(|| self.host.clone()));
        put(&mut draft.created, &self.created);
        put(&mut draft.nonce, &self.nonce_text);
        put(&mut draft.keyid, &self.keyid);
        put(&mut draft.tag, &self.tag);
        if self.authority.is_some() && self.host.is_none() {
            draft.host = text.guard.authority();
        }
        draft.expires = self.expires.as_ref().map(|expires| text.of(expires));
        draft.alg = self.alg.as_ref().map(|alg| text.of(alg)).or(draft.alg);
        draft.fields.retain(|(name, _)| !self.without.contains(name));
        draft.fields.extend(pairs(&self.fields, text));
        draft.uncovered = pairs(&self.uncovered, text);
        draft.cover = self.cover.as_ref().map(|cover| cover.iter().map(|name| text.of(name)).collect());
        if let Some(left_away) = &self.cover_all_but {
            draft.cover = Some(draft.everything().into_iter().filter(|name| *name != text.of(left_away)).collect());
        }
        draft
    }

    /// The request, with all that happens to it after it was signed.
    pub(super) fn finish(&self, text: &Text<'_>, mut sent: Sent) -> Sent {
        for [find, put] in &self.replace {
            sent = sent.replaced(&text.of(find), &text.of(put));
        }
        if let Some(body) = &self.sent_body {
            sent.body = text.of(body).into_bytes();
        }
        match &self.flip {
            Some(part) => flip(&text.of(part).replace("{signature}", &b64(&sent.signature)), text.each, sent),
            None => sent,
        }
    }
}

fn pairs(written: &[[String; 2]], text: &Text<'_>) -> Vec<(String, String)> {
    written.iter().map(|[name, value]| (text.of(name), text.of(value))).collect()
}

/// Changes one bit of the part; `which` names the octet and the bit.
fn flip(part: &str, which: &str, mut sent: Sent) -> Sent {
    let (place, bit) = which.split_once(' ').unwrap();
    let (place, bit): (usize, u8) = (place.parse().unwrap(), bit.parse().unwrap());
    let flipped = |text: &str| {
        let mut octets = text.as_bytes().to_vec();
        let start = text.find(part)?;
        octets[start + place] ^= bit;
        Some(String::from_utf8(octets).unwrap())
    };
    match (flipped(&sent.head), flipped(str::from_utf8(&sent.body).unwrap())) {
        (Some(head), _) => sent.head = head,
        (None, Some(body)) => sent.body = body.into_bytes(),
        (None, None) => panic!("{part:?} is not in {}", sent.head),
    }
    sent
}
