//! `countersign user invite`

use clap::{Args, Subcommand};
use countersign_server::service::control::{
    Invitation, Invite, InviteBack, InviteKind, ListTickets, RevokeTicket, RotateGroup, TicketRow,
};

use super::{ListArgs, RoleName};
use crate::exit::Exit;
use crate::operate::Guard;
use crate::print::{self, moment, table};
use crate::say;

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

/// Runs `countersign user invite …`.
pub(super) async fn run(args: InviteArgs) -> anyhow::Result<Exit> {
    match args.command {
        None => {
            let kind = if args.group { InviteKind::Group } else { InviteKind::Ticket };
            let role = args.role.as_str().to_owned();
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

async fn list_tickets(args: ListArgs) -> anyhow::Result<()> {
    let after = |row: &TicketRow| row.ticket.clone();
    let rows = args.guard.all(|last| ListTickets { after: last.map(after) }).await?;
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
