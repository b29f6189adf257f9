//! `countersign user`

mod add;
mod invite;
mod password;
mod rights;
mod show;

use clap::{Args, Subcommand, ValueEnum};
use countersign_server::service::control::{DeleteUser, DisableUser, EnableUser};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::say;

/// Users, and the cards that let new ones in.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a card to hand over in person, alone on its first line.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Invite(invite::InviteArgs),
    /// Add a person who logs in with a password. Without --password-stdin it is asked for, twice.
    Add(add::AddArgs),
    /// Give a person another password, or the first. Ends their sessions; their keys go on.
    Passwd(password::PasswdArgs),
    /// List the users.
    List(ListArgs),
    /// Show one user.
    Show(show::ShowArgs),
    /// Give a user another role. Ends their sessions; a program has no password.
    Role(rights::RoleArgs),
    /// Give a user these permissions and no others: without any, none. Ends their sessions.
    Permit(rights::PermitArgs),
    /// From now on accept no key, session or password of this user, until the user is enabled again.
    Disable(NameArgs),
    /// Accept a disabled user's keys and password again.
    Enable(NameArgs),
    /// End all keys and sessions of this user for ever and free the name.
    Delete(NameArgs),
}

/// A role, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    User,
    Admin,
    Service,
}

impl RoleName {
    /// As it is written everywhere else.
    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    guard: Guard,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Whom.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The username.
    username: String,
    #[command(flatten)]
    guard: Guard,
}

/// Runs `countersign user …`.
pub(crate) async fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Invite(args) => return invite::run(args).await,
        Command::Add(args) => add::run(args).await?,
        Command::Passwd(args) => password::run(args).await?,
        Command::List(args) => show::list(args).await?,
        Command::Show(args) => show::run(args).await?,
        Command::Role(args) => rights::role(args).await?,
        Command::Permit(args) => rights::permit(args).await?,
        Command::Disable(NameArgs { username, guard }) => {
            guard.operate(DisableUser { username: username.clone() }).await?;
            say::line(format_args!("{username} is disabled; `countersign user enable` undoes it"))?;
        }
        Command::Enable(NameArgs { username, guard }) => {
            guard.operate(EnableUser { username: username.clone() }).await?;
            say::line(format_args!("{username} is enabled"))?;
        }
        Command::Delete(NameArgs { username, guard }) => {
            guard.operate(DeleteUser { username: username.clone() }).await?;
            say::line(format_args!("{username} is deleted, with all keys and sessions"))?;
        }
    }
    Ok(Exit::Done)
}
