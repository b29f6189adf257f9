//! `countersign user`

use clap::{Args, Subcommand, ValueEnum};
use countersign_server::service::control::{
    DeleteUser, DisableUser, EnableUser, Invitation, Invite, InviteBack, InviteKind, ListTickets, ListUsers,
    RevokeTicket, RotateGroup, TicketRow, UserRow,
};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::print::{self, moment, table};
use crate::say;

/// Users, and the cards that let new ones in.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a card to hand over in person, alone on its first line.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Invite(InviteArgs),
    /// List the users.
    List(ListArgs),
    /// From now on accept none of this user's keys, until the user is enabled again.
    Disable(NameArgs),
    /// Accept a disabled user's keys again.
    Enable(NameArgs),
    /// End all keys of this user for ever and free the name.
    Delete(NameArgs),
}

/// Which card to print.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  countersign user invite --data ./countersign-data --qr
  countersign user invite --role admin | head -1 > card
  countersign user invite --recovery alice
  countersign user invite revoke 0f3a9c2d4e5b6a1c"#)]
pub(crate) struct InviteArgs {
    #[command(subcommand)]
    command: Option<InviteCommand>,
    #[command(flatten)]
    guard: Guard,
    /// A card for one person, used once, that expires (this is the default).
    #[arg(long, conflicts_with = "group")]
    ticket: bool,
    /// A card for this user, who has lost every key: it gives them a new one and ends all others. Used once, it expires.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ticket", "group", "role"])]
    recovery: Option<String>,
    /// The card of the group: it lets in whoever holds it, as a user, until it is rotated.
    #[arg(long)]
    group: bool,
    /// What the bearer becomes.
    #[arg(long, value_enum, default_value_t = RoleName::User)]
    role: RoleName,
    /// Also draw the card as a QR code.
    #[arg(long)]
    qr: bool,
    /// Print JSON instead.
    #[arg(long, conflicts_with = "qr")]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    User,
    Admin,
    Service,
}

#[derive(Debug, Subcommand)]
enum InviteCommand {
    /// List the tickets that were issued.
    List(ListArgs),
    /// Take a ticket back before it is used.
    Revoke {
        /// The ticket's id, 16 hex digits.
        ticket: String,
        #[command(flatten)]
        guard: Guard,
    },
    /// Replace the shared key of the group: cards that carry the old one are void. Prints the new card.
    RotateGroup {
        #[command(flatten)]
        guard: Guard,
        /// Also draw the card as a QR code.
        #[arg(long)]
        qr: bool,
    },
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
        Command::Invite(args) => return invite(args).await,
        Command::List(args) => list(args).await?,
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
            say::line(format_args!("{username} is deleted, with all keys"))?;
        }
    }
    Ok(Exit::Done)
}

async fn invite(args: InviteArgs) -> anyhow::Result<Exit> {
    match args.command {
        None => {
            let kind = if args.group { InviteKind::Group } else { InviteKind::Ticket };
            let role = args.role.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            let invitation = match args.recovery.clone() {
                Some(username) => args.guard.operate(InviteBack { username }).await?,
                None => args.guard.operate_or_begin(Invite { kind, role }).await?,
            };
            if args.json {
                say::line(serde_json::to_string(&invitation)?)?;
            } else {
                print_card(&invitation, args.recovery.as_deref(), args.qr)?;
            }
        }
        Some(InviteCommand::List(args)) => list_tickets(args).await?,
        Some(InviteCommand::Revoke { ticket, guard }) => {
            guard.operate(RevokeTicket { ticket: ticket.clone() }).await?;
            say::line(format_args!("ticket {ticket} is void"))?;
        }
        Some(InviteCommand::RotateGroup { guard, qr }) => print_card(&guard.operate(RotateGroup {}).await?, None, qr)?,
    }
    Ok(Exit::Done)
}

/// The card alone on its first line, so that a script can take it; then what a person should know.
fn print_card(invitation: &Invitation, recovers: Option<&str>, qr: bool) -> anyhow::Result<()> {
    say::line(&invitation.card)?;
    if qr {
        say::line(print::qr(&invitation.card)?)?;
    }
    if let (Some(ticket), Some(not_after), Some(name)) = (&invitation.ticket, invitation.not_after, recovers) {
        let until = moment(not_after * 1_000);
        say::line(format_args!(
            "recovery card {ticket} for {name}, until {until}; using it ends all other keys of {name}"
        ))?;
        say::line("Hand it over in person, to nobody else: whoever uses it is that user (countersign key recover).")?;
        return Ok(());
    }
    match (&invitation.ticket, invitation.not_after) {
        (Some(ticket), Some(not_after)) => {
            say::line(format_args!(
                "ticket {ticket} for one {}, until {}",
                invitation.role,
                moment(not_after * 1_000)
            ))?;
        }
        _ => say::line(
            "the card of the group, for any number of users; `countersign user invite rotate-group` voids it",
        )?,
    }
    say::line("Hand it over in person: whoever holds it can enrol.")?;
    Ok(())
}

async fn list(args: ListArgs) -> anyhow::Result<()> {
    let mut rows: Vec<UserRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.username.clone());
        let page = args.guard.operate(ListUsers { after }).await?;
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    if args.json {
        return print::json_lines(&rows);
    }
    let lines = rows.into_iter().map(|row| [row.username, row.role, row.state, moment(row.created_ms), row.user_id]);
    table(["username", "role", "state", "since", "id"], lines)
}

async fn list_tickets(args: ListArgs) -> anyhow::Result<()> {
    let mut rows: Vec<TicketRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.ticket.clone());
        let page = args.guard.operate(ListTickets { after }).await?;
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    if args.json {
        return print::json_lines(&rows);
    }
    let lines = rows.into_iter().map(|row| {
        [
            row.ticket,
            row.kind,
            row.username.unwrap_or_default(),
            row.role,
            row.state,
            moment(row.created_ms),
            until(row.not_after),
            row.key.unwrap_or_default(),
        ]
    });
    table(["ticket", "kind", "recovers", "role", "state", "made", "until", "key"], lines)
}

/// Nothing for what has no end.
fn until(seconds: u64) -> String {
    if seconds >= u64::MAX / 1_000 { String::new() } else { moment(seconds * 1_000) }
}
