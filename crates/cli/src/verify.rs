//! `countersign verify`: why does this signature not verify?

use std::path::PathBuf;

use anyhow::Context as _;
use countersign_core::encoding::unhex;
use countersign_core::secret::Secret32;
use countersign_core::signature::explain::{self, Explanation, Finding as Mac};
use countersign_core::signature::{PathForm, Received, Unreadable};
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::exit::Exit;
use crate::{input, say};
use finding::{Finding, findings};
use raw::RawRequest;

mod finding;
mod raw;

/// Verify the signature of a request in a file, and say which component is at fault
///
/// It reads as a guard does, but for the time and the nonce, which a request in a file cannot keep. Exits with 0 when
/// the signature holds, 22 when it doesn't, 1 when there was nothing to verify.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  umask 077; countersign key show --danger-secret --json > key
  countersign verify --explain --key-file key --request request.http
  countersign verify --key-file key --request request.http --base base.txt"#)]
pub(crate) struct Args {
    /// Show the signature base (RFC 9421 section 2.5), too: the very text that the MAC has to cover
    #[arg(long)]
    explain: bool,
    /// The key: what countersign key show --danger-secret --json prints, or c2s alone as 64 hex digits
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// The request as raw HTTP/1.1: request line, headers, empty line, body
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The signature base that the signer has built, to compare line by line
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
}

/// The secrets in a key file, by what they are.
pub(crate) struct Keys {
    keyid: Option<String>,
    c2s: Secret32,
    s2c: Option<Secret32>,
    root: Option<Secret32>,
}

/// Verifies, and explains.
pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let keys = Keys::read(&Zeroizing::new(input::of_file(&args.key_file)?))
        .with_context(|| format!("{} is no key", args.key_file.display()))?;
    let request = RawRequest::read(&input::of_file(&args.request)?)
        .with_context(|| format!("{} is no request", args.request.display()))?;
    let theirs = args.base.as_deref().map(input::of_file).transpose()?;
    let theirs = theirs.map(String::from_utf8).transpose().context("the signer's base is no text")?;
    let (text, holds) = explain(args.explain, &keys, &request, theirs.as_deref());
    say::result(text.as_bytes())?;
    Ok(if holds { Exit::Done } else { Exit::Refused })
}

/// What to say, and whether the signature holds.
fn explain(with_base: bool, keys: &Keys, request: &RawRequest, theirs: Option<&str>) -> (String, bool) {
    let (received, explanation) = match look(keys, request, theirs) {
        Ok(seen) => seen,
        Err(unreadable) => return (format!("the signature cannot be read: {}\n", why(unreadable)), false),
    };
    let mut text = String::new();
    if with_base {
        text += "the signature base:\n\n";
        text += explanation.base.as_str();
        text += "\n\n";
    }
    let found = findings(keys, request, &received, &explanation);
    for finding in &found {
        text += &format!("{finding}\n");
    }
    let holds = !found.iter().any(Finding::is_fault);
    text += match (&explanation.mac, holds) {
        (Mac::Holds, true) => "the signature holds; time and nonce are not judged here\n",
        (Mac::Holds, false) => "the MAC holds, but the guard refuses the request all the same\n",
        _ => "the signature does not hold\n",
    };
    (text, holds)
}

fn look(keys: &Keys, request: &RawRequest, theirs: Option<&str>) -> Result<(Received, Explanation), Unreadable> {
    let fields = request.fields();
    let head = request.head(&fields);
    let received = Received::read(&head, PathForm::Raw)?;
    // A line end at the end of the file is the editor's; one that was signed shows in the MAC.
    let theirs = theirs.map(|theirs| theirs.trim_end_matches(['\r', '\n']));
    let keys = explain::Keys { c2s: &keys.c2s, s2c: keys.s2c.as_ref(), root: keys.root.as_ref() };
    Ok((received, explain::explain(&head, request.body(), &keys, theirs)?))
}

fn why(unreadable: Unreadable) -> String {
    match unreadable {
        Unreadable::Unsigned => {
            "the request carries no Signature and Signature-Input with the tag countersign-req-1".into()
        }
        Unreadable::Malformed(rule) => rule.into(),
        Unreadable::TooLarge(what) => format!("too large ({what})"),
    }
}

impl Keys {
    fn read(file: &[u8]) -> anyhow::Result<Self> {
        #[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
        struct Shown {
            keyid: Option<String>,
            c2s: String,
            s2c: Option<String>,
            root: Option<String>,
        }
        let text = str::from_utf8(file).context("it is no text")?.trim();
        if !text.starts_with('{') {
            return Ok(Self { keyid: None, c2s: secret("c2s", text)?, s2c: None, root: None });
        }
        // What serde says about a wrong value may hold the value.
        let shown: Shown = serde_json::from_str(text)
            .ok()
            .context("it is neither 64 hex digits nor what countersign key show --danger-secret --json prints")?;
        Ok(Self {
            keyid: shown.keyid.clone(),
            c2s: secret("c2s", &shown.c2s)?,
            s2c: shown.s2c.as_deref().map(|hex| secret("s2c", hex)).transpose()?,
            root: shown.root.as_deref().map(|hex| secret("root", hex)).transpose()?,
        })
    }
}

fn secret(name: &str, hex: &str) -> anyhow::Result<Secret32> {
    let octets = unhex(hex).map(Zeroizing::new).and_then(|octets| octets.as_slice().try_into().ok());
    octets.map(Secret32::new).with_context(|| format!("{name} is not 64 lower-case hex digits"))
}

#[cfg(test)]
mod tests;
