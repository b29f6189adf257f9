//! `countersign session`, `logout` and `whoami`: where a user is signed in, and taking that back.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use countersign_client::session::SessionRow;
use countersign_client::{SessionApi as _, SessionError};
use countersign_core::id::{SessionRef, UserId};
use serde_json::json;

use crate::exit::Exit;
use crate::print::{self, moment, table};
use crate::profile::{Kept, ProfileName, Shelf};
use crate::voice::{self, Voice};
use crate::{key_rotate, say};

mod operator;

pub(crate) use operator::Operator;

/// Sessions: where a user is signed in, and taking that back
///
/// Without --data these are your own, asked for in the session of a profile. With --data they are an operator's commands, for
/// all sessions of the guard whose data directory that is.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(ListArgs),
    Show(ShowArgs),
    Revoke(RevokeArgs),
    RevokeOthers(OthersArgs),
    RevokeUser(UserArgs),
}

/// List the sessions that are open, with address, device and times; "this one" is the one that asks
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Whose session to ask in
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// Only those of this user; an operator's (with --data)
    #[arg(long, value_name = "NAME", requires = "data")]
    user: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Show everything that is known of a session
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The session, as `countersign session list` shows it
    #[arg(value_name = "REF", allow_hyphen_values = true)]
    session: SessionRef,
    /// Whose session to ask in
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    #[command(flatten)]
    operator: Operator,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// End a session for ever: its next request is refused, and what is under way in it is cut
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign session revoke Zr4u7x_WQyqVfZb5kQm1pA
  countersign session revoke Zr4u7x_WQyqVfZb5kQm1pA --data ./countersign-data"#)]
pub(crate) struct RevokeArgs {
    /// The session, as `countersign session list` shows it
    #[arg(value_name = "REF", allow_hyphen_values = true)]
    session: SessionRef,
    /// Whose session to ask in
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    #[command(flatten)]
    operator: Operator,
}

/// End all of your sessions but the one that asks
#[derive(Debug, clap::Args)]
pub(crate) struct OthersArgs {
    /// Whose session to ask in, which goes on
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
}

/// Take back everything that a user was issued: as an operator (with --data), or as an administrator in a session
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign session revoke-user alice --data ./countersign-data
  countersign session revoke-user 0b6f1f3e-7a55-4d0c-9a3e-3f0a4c2e9b11 --keys"#)]
pub(crate) struct UserArgs {
    /// The user: with --data the name, else the user_id, as whoami and `countersign user show` print it
    #[arg(value_name = "USER")]
    user: String,
    /// End the user's keys, too: they have to be enrolled or recovered anew
    #[arg(long)]
    keys: bool,
    /// Whose session to ask in
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    #[command(flatten)]
    operator: Operator,
}

/// Log out: end the session of a profile
///
/// The profile keeps its key, and opens no other session until you log in again.
#[derive(Debug, clap::Args)]
pub(crate) struct LogoutArgs {
    /// Whose session to end
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
}

/// Ask the server who it takes you for
#[derive(Debug, clap::Args)]
pub(crate) struct WhoamiArgs {
    /// Whose session or key to ask with
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// Print the JSON that the server answered
    #[arg(long)]
    json: bool,
}

/// Runs `countersign session …`.
pub(crate) async fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List(args) => list(&args).await,
        Command::Show(args) => show(&args).await,
        Command::Revoke(args) => revoke(&args).await,
        Command::RevokeOthers(args) => revoke_others(&args).await,
        Command::RevokeUser(args) => revoke_user(args).await,
    }
}

async fn asking(profile: &ProfileName) -> anyhow::Result<Voice> {
    voice::in_session(&Shelf::of_this_user()?, profile).await
}

async fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    if let Some(guard) = args.operator.guard() {
        operator::list(&guard, args.user.clone(), args.json).await?;
        return Ok(Exit::Done);
    }
    let voice = asking(&args.profile).await?;
    match voice.sessions().await {
        Ok(rows) if args.json => print::json_lines(&rows.iter().map(json_of).collect::<Vec<_>>())?,
        Ok(rows) => table(HEADINGS, rows.iter().map(cells))?,
        Err(error) => return Ok(voice::failed(&args.profile, &error)),
    }
    say_that_nobody_signed(&voice);
    Ok(Exit::Done)
}

const HEADINGS: [&str; 7] = ["session", "", "address", "device", "opened by", "since", "last used"];

fn cells(row: &SessionRow) -> [String; 7] {
    let this = if row.current { "this one" } else { "" };
    [
        row.reference.clone(),
        this.to_owned(),
        row.ip_address.clone(),
        device(&row.device, row.user_agent.as_deref()),
        row.opened_by.clone(),
        moment(row.created_ms),
        moment(row.last_used_ms),
    ]
}

/// What its user calls it, else what the program calls itself.
fn device(device: &str, user_agent: Option<&str>) -> String {
    if device.is_empty() { user_agent.unwrap_or_default() } else { device }.to_owned()
}

fn json_of(row: &SessionRow) -> serde_json::Value {
    let SessionRow { reference, username, device, ip_address, user_agent, proof, opened_by, .. } = row;
    json!({
        "ref": reference, "username": username, "device": device, "ip_address": ip_address, "user_agent": user_agent,
        "proof": proof, "opened_by": opened_by, "created_ms": row.created_ms, "last_used_ms": row.last_used_ms,
        "auth_time_ms": row.auth_time_ms, "expires_ms": row.expires_ms, "current": row.current,
    })
}

async fn show(args: &ShowArgs) -> anyhow::Result<Exit> {
    if let Some(guard) = args.operator.guard() {
        operator::show(&guard, args.session, args.json).await?;
        return Ok(Exit::Done);
    }
    let voice = asking(&args.profile).await?;
    let rows = match voice.sessions().await {
        Ok(rows) => rows,
        Err(error) => return Ok(voice::failed(&args.profile, &error)),
    };
    let Some(row) = rows.iter().find(|row| row.reference == args.session.to_string()) else {
        return Ok(no_such_session());
    };
    if args.json {
        say::line(json_of(row))?;
    } else {
        say::result(lines(row).as_bytes())?;
    }
    say_that_nobody_signed(&voice);
    Ok(Exit::Done)
}

fn lines(row: &SessionRow) -> String {
    let agent = row.user_agent.as_deref().unwrap_or_default();
    let fields = [
        ("session", row.reference.as_str()),
        ("user", &row.username),
        ("device", &row.device),
        ("program", agent),
        ("address", &row.ip_address),
        ("proof", &row.proof),
        ("opened by", &row.opened_by),
        ("since", &moment(row.created_ms)),
        ("last used", &moment(row.last_used_ms)),
        ("logged in", &moment(row.auth_time_ms)),
        ("until", &moment(row.expires_ms)),
    ];
    fields.iter().map(|(name, value)| format!("{name:<10} {}\n", print::printable(value))).collect()
}

async fn revoke(args: &RevokeArgs) -> anyhow::Result<Exit> {
    if let Some(guard) = args.operator.guard() {
        operator::revoke(&guard, args.session).await?;
    } else {
        match asking(&args.profile).await?.revoke(args.session).await {
            Ok(true) => {}
            Ok(false) => return Ok(no_such_session()),
            Err(error) => return Ok(voice::failed(&args.profile, &error)),
        }
    }
    say::line(format_args!("session {} is revoked", args.session))?;
    Ok(Exit::Done)
}

fn no_such_session() -> Exit {
    say::note("you have no open session of this name; see countersign session list");
    Exit::Refused
}

async fn revoke_others(args: &OthersArgs) -> anyhow::Result<Exit> {
    match asking(&args.profile).await?.revoke_others().await {
        Ok(()) => say::line("all other sessions are revoked")?,
        Err(error) => return Ok(voice::failed(&args.profile, &error)),
    }
    Ok(Exit::Done)
}

async fn revoke_user(args: UserArgs) -> anyhow::Result<Exit> {
    if let Some(guard) = args.operator.guard() {
        operator::revoke_user(&guard, args.user, args.keys).await?;
        return Ok(Exit::Done);
    }
    let user: UserId = args.user.parse().ok().context(
        "without --data this takes the user_id, a UUID; the user sees it in countersign whoami, an operator in countersign \
         user show",
    )?;
    let mut voice = asking(&args.profile).await?;
    let mut revoked = voice.revoke_user(user, args.keys).await;
    if let Err(SessionError::Refused(refusal)) = &revoked
        && voice.log_in_for(refusal.problem).await?
    {
        revoked = voice.revoke_user(user, args.keys).await;
    }
    match revoked {
        Ok(()) => say::line(format_args!("everything that {user} was issued is taken back"))?,
        Err(error) => return Ok(voice::failed(&args.profile, &error)),
    }
    Ok(Exit::Done)
}

/// Logs out.
pub(crate) async fn logout(args: &LogoutArgs) -> anyhow::Result<Exit> {
    let (shelf, name) = (Shelf::of_this_user()?, &args.profile);
    let profile = key_rotate::open(&shelf, name).await?;
    let session = match shelf.session(name, &profile)? {
        Kept::Open(session) => session.reference,
        Kept::LoggedOut => bail!("profile {name} is logged out already"),
        Kept::Nothing => bail!("profile {name} has no session"),
    };
    match Voice::of(&shelf, name, profile)?.logout().await {
        Ok(()) => {}
        // It was over before, which is what was wanted.
        Err(SessionError::Refused(refusal)) if refusal.is_revoked() || refusal.is_invalid() => {}
        Err(error) => {
            say::note("the session may still be open, and the profile keeps it: try again");
            return Ok(voice::failed(name, &error));
        }
    }
    shelf.keep_logged_out(name)?;
    say::line(format_args!("session {session} is over"))?;
    Ok(Exit::Done)
}

/// Asks who we are.
pub(crate) async fn whoami(args: &WhoamiArgs) -> anyhow::Result<Exit> {
    let mut voice = Voice::open(&Shelf::of_this_user()?, &args.profile).await?;
    if voice.session().is_none() {
        voice = voice.in_session().await?;
    }
    let body = match who(&voice).await {
        Ok(body) => body,
        Err(error) => return Ok(voice::failed(&args.profile, &error)),
    };
    let answer: serde_json::Value = serde_json::from_slice(&body)?;
    if args.json {
        say::body(&body)?;
    } else {
        let text = |name: &str| print::printable(answer.get(name).and_then(|value| value.as_str()).unwrap_or_default());
        let (username, role, keyid) = (text("username"), text("role"), text("keyid"));
        let what = if keyid.starts_with("s.") { "session" } else { "key" };
        let named = keyid.strip_prefix("s.").unwrap_or(&keyid);
        say::line(format_args!("{username}, {role}: {what} {named}"))?;
    }
    say_that_nobody_signed(&voice);
    Ok(Exit::Done)
}

async fn who(voice: &Voice) -> Result<bytes::Bytes, SessionError> {
    use countersign_client::session::Asking;
    if voice.session().is_none() {
        let answer = voice.client().await?.whoami().await?.verified;
        return if answer.status.is_success() { Ok(answer.body) } else { Err(SessionError::NotUnderstood) };
    }
    let asking = Asking { method: http::Method::GET, target: "/api/auth/whoami", body: String::new().into() };
    Ok(voice.ask(asking).await?.body)
}

fn say_that_nobody_signed(voice: &Voice) {
    if voice.bearer().is_some() {
        say::note("this answer is not verified: nobody signed it, since the session has no key");
    }
}
