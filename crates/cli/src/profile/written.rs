//! A profile as it is written, in TOML.

use anyhow::Context as _;
use countersign_client::{CertificateAuthorities, Credentials, Server};
use countersign_core::encoding::{hex, unhex};
use countersign_core::enrolment::Answers;
use countersign_core::secret::{Root, Secret32};
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Profile;

const HEADING: &str =
    "# A signing key of Countersign. Whoever reads this file can act as you: keep it, and to yourself.\n";

/// The members of the file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Written {
    server: String,
    authority: String,
    username: String,
    keyid: String,
    root: String,
    created_ms: u64,
    offset_ms: i64,
    answers: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
}

/// The text of the file.
pub(super) fn write(profile: &Profile) -> anyhow::Result<Zeroizing<String>> {
    let written = Written {
        server: profile.server.origin().to_owned(),
        authority: profile.credentials.authority.as_str().to_owned(),
        username: profile.username.clone(),
        keyid: profile.credentials.keyid.as_str().to_owned(),
        root: hex(profile.root.secret().expose()),
        created_ms: profile.created.as_millis(),
        offset_ms: profile.offset_ms,
        answers: name_of(profile.credentials.answers).to_owned(),
        server_key: profile.server_key.map(|key| hex(&key)),
        ca: profile.server.trusted().map(|trusted| trusted.as_pem().to_owned()),
    };
    let body = Zeroizing::new(toml::to_string(&written)?);
    Ok(Zeroizing::new([HEADING, &body].concat()))
}

/// Reads the text of the file. What is wrong is named; what it holds is not.
pub(super) fn read(text: &str) -> anyhow::Result<Profile> {
    let written: Written = toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.message()))?;
    let keyid = written.keyid.parse()?;
    let root = octets32(&written.root).map(Secret32::new).context("root is not 64 hex digits")?;
    let root = Root::new(root);
    let mut credentials = Credentials::new(written.authority.parse().context("authority")?, keyid, &root);
    credentials.answers = answers(&written.answers).context("answers is neither all-signed nor refusals-only")?;
    let server_key = match &written.server_key {
        None => None,
        Some(text) => Some(octets32(text).context("server_key is not 64 hex digits")?),
    };
    let trusted = written.ca.as_deref().map(CertificateAuthorities::from_pem).transpose().context("ca")?;
    Ok(Profile {
        server: Server::parse(&written.server).context("server")?.trusting(trusted),
        username: written.username.clone(),
        credentials,
        root,
        server_key,
        created: Timestamp::from_millis(written.created_ms),
        offset_ms: written.offset_ms,
    })
}

fn octets32(text: &str) -> Option<[u8; 32]> {
    Zeroizing::new(unhex(text)?).as_slice().try_into().ok()
}

const fn name_of(answers: Answers) -> &'static str {
    match answers {
        Answers::AllSigned => "all-signed",
        Answers::RefusalsOnly => "refusals-only",
    }
}

fn answers(name: &str) -> Option<Answers> {
    [Answers::AllSigned, Answers::RefusalsOnly].into_iter().find(|answers| name_of(*answers) == name)
}
