//! `countersign key show`: the key of a profile, for use with any other RFC 9421 library.

use countersign_client::Session;
use countersign_core::encoding::hex;
use countersign_core::secret::Root;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::print::moment;
use crate::profile::{Kept, Profile, ProfileKey, ProfileName, Shelf};
use crate::say;

/// Show the key of a profile and its session: their names, and with --danger-secret what they sign with
///
/// A person's requests are signed by the session (keyid s.…); the key of a person signs logins only.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign key show
  umask 077; countersign key show --danger-secret --json > key"#)]
pub(crate) struct Args {
    /// Which profile
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// Show the secrets too: root, c2s (signs requests) and s2c (signs answers). Whoever sees them can act as you
    #[arg(long)]
    danger_secret: bool,
    /// Print one JSON object: keyid, created (seconds since 1970), and root, c2s, s2c in hex; in `session` the keyid of the
    /// session and the same of it
    #[arg(long)]
    json: bool,
}

/// What is shown, in this order.
#[derive(Serialize)]
struct Shown<'a> {
    keyid: &'a str,
    created: u64,
    #[serde(flatten)]
    secrets: Option<Secrets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<ShownSession>,
}

/// The session of the profile, which signs for a person.
#[derive(Serialize)]
struct ShownSession {
    keyid: String,
    #[serde(flatten)]
    secrets: Option<Secrets>,
}

/// The secrets of a key or a session in hex. This is the one place that writes them out, for their owner and at their word.
#[derive(Serialize)]
struct Secrets {
    root: String,
    c2s: String,
    s2c: String,
}

impl Secrets {
    fn of(root: &Root, keyid: &str) -> Self {
        let derived = |name| hex(root.derive(name, keyid.as_bytes()).expose());
        Self { root: hex(root.secret().expose()), c2s: derived("c2s mac"), s2c: derived("s2c mac") }
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        for secret in [&mut self.root, &mut self.c2s, &mut self.s2c] {
            secret.zeroize();
        }
    }
}

/// Shows it.
pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let shelf = Shelf::of_this_user()?;
    let profile = shelf.open(&args.profile)?;
    let session = match shelf.session(&args.profile, &profile)? {
        Kept::Open(session) => Some(session),
        Kept::Nothing | Kept::LoggedOut => None,
    };
    let session = session.as_deref().map(|session| shown_session(session, args.danger_secret));
    let shown = Shown { session, ..shown(profile.key()?, args.danger_secret) };
    let text = Zeroizing::new(if args.json { serde_json::to_string(&shown)? + "\n" } else { lines(&shown, &profile)? });
    say::result(text.as_bytes())?;
    Ok(Exit::Done)
}

fn shown(key: &ProfileKey, danger_secret: bool) -> Shown<'_> {
    let keyid = key.keyid.as_str();
    let secrets = danger_secret.then(|| Secrets::of(&key.root, keyid));
    Shown { keyid, created: key.created.as_secs(), secrets, session: None }
}

fn shown_session(session: &Session, danger_secret: bool) -> ShownSession {
    let keyid = session.reference.keyid();
    let secrets = session.root().filter(|_| danger_secret).map(|root| Secrets::of(root, &keyid));
    ShownSession { keyid, secrets }
}

fn lines(shown: &Shown<'_>, profile: &Profile) -> anyhow::Result<String> {
    let mut text = format!(
        "keyid    {}\ncreated  {}\nserver   {}\nsigns as {}\nusername {}\n",
        shown.keyid,
        moment(profile.key()?.created.as_millis()),
        profile.server.origin(),
        profile.authority,
        profile.username
    );
    let secrets = |secrets: &Secrets| {
        let Secrets { root, c2s, s2c } = secrets;
        format!("root     {root}\nc2s      {c2s}\ns2c      {s2c}\n")
    };
    text += &shown.secrets.as_ref().map(secrets).unwrap_or_default();
    if let Some(session) = &shown.session {
        text += &format!("session  {}\n", session.keyid);
        text += &session.secrets.as_ref().map(secrets).unwrap_or_default();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use countersign_core::secret::Secret32;

    use super::*;

    #[test]
    fn secrets_are_those_of_the_protocols_vectors_and_stand_in_the_order_of_the_contract() {
        let vectors = include_str!("../../../vectors/countersign.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        let text = |name: &str| vectors["keys"][name].as_str().unwrap();
        let octets = countersign_core::encoding::unhex(text("root")).unwrap();
        let root = Root::new(Secret32::new(octets.try_into().unwrap()));
        let secrets = Some(Secrets::of(&root, text("keyid")));
        let shown = Shown { keyid: text("keyid"), created: 1_763_780_000, secrets, session: None };
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            format!(
                r#"{{"keyid":"{}","created":1763780000,"root":"{}","c2s":"{}","s2c":"{}"}}"#,
                text("keyid"),
                text("root"),
                text("c2s"),
                text("s2c")
            )
        );
        let without = Shown { keyid: "k", created: 0, secrets: None, session: None };
        assert_eq!(serde_json::to_string(&without).unwrap(), r#"{"keyid":"k","created":0}"#);
    }
}
