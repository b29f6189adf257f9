//! A profile as it is written, in TOML.

use anyhow::Context as _;
use countersign_client::{CertificateAuthorities, Server};
use countersign_core::encoding::{hex, unhex};
use countersign_core::enrolment::Answers;
use countersign_core::secret::{Root, Secret32};
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Profile, ProfileKey};

const HEADING: &str = "# A profile of Countersign. Whoever reads this file can act as you: keep it, and to yourself.\n";

/// The members of the file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Written {
    server: String,
    authority: String,
    username: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_ms: Option<u64>,
    offset_ms: i64,
    answers: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
}

/// The text of the file.
pub(super) fn write(profile: &Profile) -> anyhow::Result<Zeroizing<String>> {
    let key = profile.key.as_ref();
    let written = Written {
        server: profile.server.origin().to_owned(),
        authority: profile.authority.as_str().to_owned(),
        username: profile.username.clone(),
        keyid: key.map(|key| key.keyid.as_str().to_owned()),
        root: key.map(|key| hex(key.root.secret().expose())),
        created_ms: key.map(|key| key.created.as_millis()),
        offset_ms: profile.offset_ms,
        answers: name_of(profile.answers).to_owned(),
        server_key: profile.server_key.map(|key| hex(&key)),
        ca: profile.server.trusted().map(|trusted| trusted.as_pem().to_owned()),
    };
    let body = Zeroizing::new(toml::to_string(&written)?);
    Ok(Zeroizing::new([HEADING, &body].concat()))
}

/// Reads the text of the file. What is wrong is named; what it holds is not.
pub(super) fn read(text: &str) -> anyhow::Result<Profile> {
    let written: Written = toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.message()))?;
    let server_key = match &written.server_key {
        None => None,
        Some(text) => Some(octets32(text).context("server_key is not 64 hex digits")?),
    };
    let trusted = written.ca.as_deref().map(CertificateAuthorities::from_pem).transpose().context("ca")?;
    Ok(Profile {
        server: Server::parse(&written.server).context("server")?.trusting(trusted),
        authority: written.authority.parse().context("authority")?,
        answers: answers(&written.answers).context("answers is neither all-signed nor refusals-only")?,
        username: written.username.clone(),
        key: key(&written)?,
        server_key,
        offset_ms: written.offset_ms,
    })
}

fn key(written: &Written) -> anyhow::Result<Option<ProfileKey>> {
    let (keyid, root, created) = match (&written.keyid, &written.root, written.created_ms) {
        (Some(keyid), Some(root), Some(created)) => (keyid, root, created),
        (None, None, None) => return Ok(None),
        _ => anyhow::bail!("keyid, root and created_ms stand together or not at all"),
    };
    let root = octets32(root).map(Secret32::new).context("root is not 64 hex digits")?;
    let created = Timestamp::from_millis(created);
    Ok(Some(ProfileKey { keyid: keyid.parse()?, root: Root::new(root), created }))
}

pub(super) fn octets32(text: &str) -> Option<[u8; 32]> {
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
