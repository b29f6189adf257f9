//! The session of a profile, in a file of its own beside the key. It changes often; the key never does.

use anyhow::Context as _;
use countersign_client::Session;
use countersign_client::session::{Means, Tokens};
use countersign_core::encoding::hex;
use countersign_core::secret::{Root, Secret32};
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Profile;
use super::written::octets32;

const HEADING: &str = "# A session of Countersign. Whoever reads this file can act as you: keep it to yourself.\n";

/// What a profile knows of its session.
#[derive(Debug)]
pub(crate) enum Kept {
    /// There was none yet, or none that goes with the key.
    Nothing,
    /// Its user has logged out, and nothing logs in again behind their back.
    LoggedOut,
    /// It is open, as far as we know.
    Open(Box<Session>),
}

/// The members of the file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    logged_out: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<WrittenSession>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct WrittenSession {
    #[serde(rename = "ref")]
    reference: String,
    username: String,
    device: String,
    /// `password`, or the keyid.
    opened_by: String,
    /// `key` or `bearer`.
    proof: String,
    /// Of a session that a password opened; one that a key opened derives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    access_token: String,
    good_until_ms: u64,
    refresh_token: String,
    auth_time_ms: u64,
    expires_ms: u64,
}

/// The text of the file of an open session.
pub(super) fn write(session: &Session) -> anyhow::Result<Zeroizing<String>> {
    let root = session.root().filter(|_| session.opened_by.is_none());
    let open = WrittenSession {
        reference: session.reference.to_string(),
        username: session.username.clone(),
        device: session.device.clone(),
        opened_by: session.opened_by.as_ref().map_or_else(|| "password".to_owned(), ToString::to_string),
        proof: if session.root().is_some() { "key" } else { "bearer" }.to_owned(),
        root: root.map(|root| hex(root.secret().expose())),
        access_token: session.tokens.access.to_string(),
        good_until_ms: session.tokens.good_until.as_millis(),
        refresh_token: session.tokens.refresh.to_string(),
        auth_time_ms: session.auth_time.as_millis(),
        expires_ms: session.expires.as_millis(),
    };
    text(&Written { logged_out: false, open: Some(open) })
}

/// The text of the file of somebody who has logged out.
pub(super) fn write_logged_out() -> anyhow::Result<Zeroizing<String>> {
    text(&Written { logged_out: true, open: None })
}

fn text(written: &Written) -> anyhow::Result<Zeroizing<String>> {
    let body = Zeroizing::new(toml::to_string(written)?);
    Ok(Zeroizing::new([HEADING, &body].concat()))
}

/// Reads the text of the file. A session that another key than the profile's has opened is none of its: the key was
/// replaced meanwhile.
pub(super) fn read(text: &str, profile: &Profile) -> anyhow::Result<Kept> {
    let written: Written = toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.message()))?;
    let Some(open) = &written.open else {
        return Ok(if written.logged_out { Kept::LoggedOut } else { Kept::Nothing });
    };
    let reference = open.reference.parse().context("ref")?;
    let by_password = open.opened_by == "password";
    let key = profile.key.as_ref().filter(|key| key.keyid.as_str() == open.opened_by);
    let means = match (open.proof.as_str(), &open.root, key) {
        ("key", None, Some(key)) => Means::Key(key.root.session_root(reference)),
        ("key", Some(root), None) if by_password => {
            Means::Key(Root::new(Secret32::new(octets32(root).context("root is not 64 hex digits")?)))
        }
        ("bearer", None, None) if by_password => Means::Bearer,
        ("key", None, None) if !by_password => return Ok(Kept::Nothing),
        _ => anyhow::bail!("proof, root and opened_by contradict each other"),
    };
    Ok(Kept::Open(Box::new(Session {
        authority: profile.authority.clone(),
        answers: profile.answers,
        reference,
        username: open.username.clone(),
        device: open.device.clone(),
        opened_by: key.map(|key| key.keyid.clone()),
        means,
        tokens: Tokens {
            access: Zeroizing::new(open.access_token.clone()),
            good_until: Timestamp::from_millis(open.good_until_ms),
            refresh: Zeroizing::new(open.refresh_token.clone()),
        },
        auth_time: Timestamp::from_millis(open.auth_time_ms),
        expires: Timestamp::from_millis(open.expires_ms),
    })))
}
