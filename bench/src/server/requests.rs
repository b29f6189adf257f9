//! Requests as octets, signed before they are sent.

use std::fmt::Write as _;
use std::net::SocketAddr;

use countersign_core::signature::{Field, RequestHead, SignatureParams, sha256_digest_field, sign_request};
use countersign_server::edge;

use super::account::Account;
use super::guard::OPEN;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Unsigned, where everybody may.
    OpenGet,
    /// Signed.
    SignedGet,
    /// Unsigned, with a body of 4 KiB.
    OpenPost,
    /// The same, signed.
    SignedPost,
}

impl Kind {
    const fn method(self) -> &'static str {
        match self {
            Self::OpenGet | Self::SignedGet => "GET",
            Self::OpenPost | Self::SignedPost => "POST",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::OpenGet | Self::OpenPost => OPEN,
            Self::SignedGet | Self::SignedPost => "/guarded",
        }
    }

    const fn body(self) -> &'static [u8] {
        match self {
            Self::OpenGet | Self::SignedGet => b"",
            Self::OpenPost | Self::SignedPost => &[b'x'; 4_096],
        }
    }
}

/// A request to `authority`, signed now if there is an account.
pub(crate) fn request(kind: Kind, authority: SocketAddr, account: Option<&Account>) -> anyhow::Result<Vec<u8>> {
    let authority = authority.to_string();
    let mut fields = vec![("host", authority.clone()), ("user-agent", "countersign-bench/1".to_owned())];
    if !kind.body().is_empty() {
        fields.push(("content-type", "application/octet-stream".to_owned()));
        fields.push(("content-length", kind.body().len().to_string()));
    }
    if let Some(account) = account {
        fields.push(("content-digest", sha256_digest_field(kind.body())));
        let (input, signature) = sign(kind, &authority, &fields, account)?;
        fields.push(("signature-input", input));
        fields.push(("signature", signature));
    }
    let mut head = format!("{} {} HTTP/1.1\r\n", kind.method(), kind.path());
    for (name, value) in fields {
        write!(head, "{name}: {value}\r\n")?;
    }
    Ok([head.as_bytes(), b"\r\n", kind.body()].concat())
}

fn sign(kind: Kind, authority: &str, fields: &[(&str, String)], account: &Account) -> anyhow::Result<(String, String)> {
    let fields: Vec<_> = fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
    let head = RequestHead { method: kind.method(), authority, path: kind.path(), query: None, fields: &fields };
    let params = SignatureParams {
        keyid: &account.keyid,
        nonce: edge::random(),
        created_secs: edge::now().wall.as_secs(),
        expires_secs: None,
    };
    let signed = sign_request(&account.keys.c2s, &params, &head)?;
    Ok((signed.signature_input().to_owned(), signed.signature()))
}
