//! `countersign login`: a key or a password opens a session.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use countersign_client::{PasswordLogin, Server, Session, WantedProof, login_by_password};

use crate::exit::Exit;
use crate::print::moment;
use crate::profile::{Kept, Profile, ProfileName, Shelf};
use crate::voice::{self, USER_AGENT};
use crate::{input, key_rotate, password, say};

/// Log in: open a session with the key of a profile, or with a password
///
/// A session is what a person's requests are signed in; it can be taken back at any moment (countersign session revoke), and
/// calls renew it by themselves. enrol has opened one already. Without --username the key of the profile logs in, and nothing
/// secret is sent. The session that the profile had before is ended.
///
/// With --username a password does, and the profile need not have a key. The session gets a key of its own, so answers are
/// verified as ever; with --bearer it gets none: each request shows a token, which whoever sees it can use, and no answer is
/// verified.
///
/// Exits with 0 when the session is open, 22 when the server refused and signed that, 3 for interference, 2 when there was no
/// answer or none that anybody signed (a wrong password is answered so), 1 when nothing was sent.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign login
  countersign login --device 'laptop in the office'
  countersign login --server https://api.example.com --username alice --profile phone
  pass show alice | countersign login --username alice --password-stdin --bearer"#)]
pub(crate) struct Args {
    /// The profile to keep the session in; with --username and --server it is made
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// Log in with the password of this user
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from the first line of stdin, verbatim, instead of asking for it
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Where the server is, such as `https://api.example.com`; a profile that is there knows its own
    #[arg(long, value_name = "URL", requires = "username")]
    server: Option<String>,
    /// The certificate authority that vouches for the server, a file in PEM; it is kept in the profile
    #[arg(long, value_name = "FILE", requires = "server")]
    ca: Option<PathBuf>,
    /// What you call this device, so that you can tell your sessions apart
    #[arg(long, value_name = "NAME", default_value = "")]
    device: String,
    /// Open a session without a key: its requests show a token, and no answer is verified
    #[arg(long, requires = "username")]
    bearer: bool,
    /// Send the password in plain text over a network. Everybody on the way can take it
    #[arg(long, requires = "username")]
    danger_plain_password: bool,
}

/// Logs in.
pub(crate) async fn run(args: Args) -> anyhow::Result<Exit> {
    let shelf = Shelf::of_this_user()?;
    match &args.username {
        Some(username) => by_password(&shelf, &args, username).await,
        None => by_key(&shelf, &args).await,
    }
}

async fn by_key(shelf: &Shelf, args: &Args) -> anyhow::Result<Exit> {
    let profile = key_rotate::open(shelf, &args.profile).await?;
    // A device is called as it was before, unless its user says otherwise.
    let device = match shelf.session(&args.profile, &profile) {
        Ok(Kept::Open(session)) if args.device.is_empty() => session.device.clone(),
        Ok(Kept::Open(_) | Kept::Nothing | Kept::LoggedOut) | Err(_) => args.device.clone(),
    };
    let Some(key) = voice::login_key(&profile, &device) else {
        anyhow::bail!(
            "profile {} has no key; log in with a password: {}",
            args.profile,
            profile.login_command(&args.profile)
        );
    };
    match key.login().await {
        Ok(session) => {
            take_over(shelf, &args.profile, &profile, &session).await?;
            opened(&args.profile, &session)
        }
        Err(error) => Ok(voice::failed((&args.profile, &profile), &error)),
    }
}

async fn by_password(shelf: &Shelf, args: &Args, username: &str) -> anyhow::Result<Exit> {
    let present = shelf.path(&args.profile).symlink_metadata().is_ok();
    let profile = if present { present_profile(shelf, args, username)? } else { new_profile(args, username)? };
    let login = PasswordLogin {
        username: username.to_owned(),
        password: password::taken(args.password_stdin, "Password: ")?,
        device: args.device.clone(),
        proof: if args.bearer { WantedProof::Bearer } else { WantedProof::Key },
        user_agent: Some(USER_AGENT),
        danger_plain_text: args.danger_plain_password,
    };
    let session = match login_by_password(&profile.server, &profile.authority, &login).await {
        Ok(session) => session,
        Err(error) => {
            let exit = voice::failed((&args.profile, &profile), &error);
            password::explain(&error);
            return Ok(exit);
        }
    };
    if !present {
        let server = profile.server.clone();
        shelf.create(&args.profile, &Profile::without_key(server, &session.username))?;
    }
    take_over(shelf, &args.profile, &profile, &session).await?;
    if args.bearer {
        say::note("nothing that this session is answered is signed, and whoever sees its token can use it");
    }
    opened(&args.profile, &session)
}

fn present_profile(shelf: &Shelf, args: &Args, username: &str) -> anyhow::Result<Profile> {
    let profile = shelf.open(&args.profile)?;
    ensure!(
        profile.username == username.to_lowercase() || profile.username == username,
        "profile {} is {}'s; choose another with --profile",
        args.profile,
        profile.username
    );
    if let Some(server) = &args.server {
        ensure!(
            Server::parse(server)?.origin() == profile.server.origin(),
            "profile {} is for {}; choose another with --profile",
            args.profile,
            profile.server.origin()
        );
    }
    Ok(profile)
}

fn new_profile(args: &Args, username: &str) -> anyhow::Result<Profile> {
    let server = args.server.as_deref().with_context(|| {
        format!("there is no profile {}; to make one, say where the server is with --server", args.profile)
    })?;
    let trusted = args.ca.as_deref().map(input::certificate_authorities).transpose()?;
    Ok(Profile::without_key(Server::parse(server)?.trusting(trusted), username))
}

/// Keeps the session, and then ends the one that the profile had before: it would go on for weeks with nobody to use it. If
/// that does not succeed, nothing is lost.
async fn take_over(shelf: &Shelf, name: &ProfileName, profile: &Profile, session: &Session) -> anyhow::Result<()> {
    let before = shelf.session(name, profile);
    shelf.keep_session(name, session)?;
    if let Ok(Kept::Open(before)) = before {
        let _ = voice::end_former(profile, *before).await;
    }
    Ok(())
}

fn opened(name: &ProfileName, session: &Session) -> anyhow::Result<Exit> {
    let (username, reference) = (&session.username, session.reference);
    let proof = if session.root().is_some() { "signed" } else { "bearer" };
    let until = moment(session.expires.as_millis());
    say::line(format_args!("{username} is logged in: {proof} session {reference} in profile {name}, until {until}"))?;
    Ok(Exit::Done)
}
