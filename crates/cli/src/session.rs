//! `countersign session`, `logout` and `whoami`: where a user is signed in, and taking that back.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use countersign_client::session::{Asking, Refusal, SessionRow, WhoAmI};
use countersign_client::{SessionApi as _, SessionError};
use countersign_core::id::{SessionRef, UserId};

use crate::exit::Exit;
use crate::print;
use crate::profile::{Kept, ProfileName, Shelf};
use crate::voice::Voice;
use crate::{key_rotate, say, voice};

mod everybody;
mod operator;
mod rows;

pub(crate) use operator::Operator;

/// Sessions: where a user is signed in, and taking that back
///
/// Without --data these are your own, asked for in the session of a profile. With --data they are an operator's commands, for
/// all sessions of the guard whose data directory that is. revoke-everybody is always an operator's; without --data it means
/// ./countersign-data.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(ListArgs),
    Show(ShowArgs),
    Revoke(RevokeArgs),
    RevokeOthers(OthersArgs),
    RevokeUser(UserArgs),
    RevokeEverybody(everybody::Args),
}

/// List the sessions that are open, with address, device and times; "this one" is the one that asks
///
/// The address is the one from which a session was opened, or refreshed since. With --data it lists those of everybody, and those that
/// have ended or expired for as long as they are kept, with how they ended.
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
        Command::RevokeEverybody(args) => everybody::run(args).await,
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
    let oldest_first = |mut rows: Vec<SessionRow>| {
        rows.sort_by_key(|row| row.created_ms);
        rows
    };
    match voice.sessions().await.map(oldest_first) {
        Ok(rows) if args.json => print::json_lines(&rows)?,
        Ok(rows) => rows::own(&rows)?,
        Err(error) => return Ok(voice.failed(&error)),
    }
    say_that_nobody_signed(&voice);
    Ok(Exit::Done)
}

async fn show(args: &ShowArgs) -> anyhow::Result<Exit> {
    if let Some(guard) = args.operator.guard() {
        operator::show(&guard, args.session, args.json).await?;
        return Ok(Exit::Done);
    }
    let voice = asking(&args.profile).await?;
    let rows = match voice.sessions().await {
        Ok(rows) => rows,
        Err(error) => return Ok(voice.failed(&error)),
    };
    let Some(row) = rows.iter().find(|row| row.reference == args.session.to_string()) else {
        return Ok(no_such_session());
    };
    rows::one(row, args.json)?;
    say_that_nobody_signed(&voice);
    Ok(Exit::Done)
}

async fn revoke(args: &RevokeArgs) -> anyhow::Result<Exit> {
    if let Some(guard) = args.operator.guard() {
        operator::revoke(&guard, args.session).await?;
    } else {
        let voice = asking(&args.profile).await?;
        match voice.revoke(args.session).await {
            Ok(true) => {}
            Ok(false) => return Ok(no_such_session()),
            Err(error) => return Ok(voice.failed(&error)),
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
    let voice = asking(&args.profile).await?;
    match voice.revoke_others().await {
        Ok(()) => say::line("all other sessions are revoked")?,
        Err(error) => return Ok(voice.failed(&error)),
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
        Err(error) => return Ok(voice.failed(&error)),
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
    let voice = Voice::of(&shelf, name, profile)?;
    match voice.logout().await {
        Ok(()) => {}
        // It was over before, which is what was wanted.
        Err(SessionError::Refused(refusal)) if refusal.is_revoked() || refusal.is_invalid() => {}
        Err(error) => {
            say::note("the session may still be open, and the profile keeps it: try again");
            return Ok(voice.failed(&error));
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
        Err(error) => return Ok(voice.failed(&error)),
    };
    if args.json {
        say::body(&body)?;
    } else {
        let answer: WhoAmI = serde_json::from_slice(&body)?;
        let WhoAmI { user_id, username, role, keyid, .. } = &answer;
        let what = keyid.strip_prefix("s.").map_or_else(|| format!("key {keyid}"), |named| format!("session {named}"));
        say::line(print::printable(&format!("{username}, {role}: {what}, user {user_id}")))?;
    }
    say_that_nobody_signed(&voice);
    Ok(Exit::Done)
}

async fn who(voice: &Voice) -> Result<bytes::Bytes, SessionError> {
    if voice.session().is_none() {
        let answer = voice.client()?.whoami().await?.verified;
        return if answer.status.is_success() { Ok(answer.body) } else { Err(Refusal::of(&answer).into()) };
    }
    let asking = Asking { method: http::Method::GET, target: "/api/auth/whoami", body: String::new().into() };
    Ok(voice.ask(asking).await?.body)
}

fn say_that_nobody_signed(voice: &Voice) {
    if voice.bearer().is_some() {
        say::note("this answer is not verified: nobody signed it, since the session has no key");
    }
}
