//! `countersign key recover`: a recovery card or code becomes the only key of its user.

use std::path::PathBuf;

use countersign_client::{Person, Server};

use crate::enrol::{read_card, refused};
use crate::exit::Exit;
use crate::key_rotate::{Settled, settle, take_over};
use crate::profile::{Profile, ProfileName, Shelf};
use crate::{input, print, say};

/// Get a new key with a recovery card or code, when every key is lost; all other keys of yours end
///
/// The card is what the operator handed over (countersign user invite --recovery NAME), or a code that you printed
/// yourself (countersign key recovery-codes). Either is good once.
///
/// Exits with 0 when the new key is confirmed, 22 when the server refused, 3 when what answered isn't the server of the
/// card, 2 when nothing answered or nothing that proves itself, 1 when nothing was sent.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign key recover --server https://api.example.com --card @card
  countersign key recover --server https://api.example.com --card countersign1:BA… --profile new-laptop"#)]
pub(crate) struct Args {
    /// Where the server is, such as `https://api.example.com` or `http://127.0.0.1:8470`
    #[arg(long, value_name = "URL")]
    server: String,
    /// The certificate authority of the server, a PEM file, if it is one of its own; the profile keeps it
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The recovery card or code, a text that begins with countersign1:; @FILE reads it from a file, @- from stdin
    #[arg(long, value_name = "CARD", alias = "code")]
    card: String,
    /// What you call this device, so that you can tell your keys apart
    #[arg(long, value_name = "LABEL", default_value = "")]
    device: String,
    /// The profile to keep the key in; one of the same user at the same server is replaced
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
}

/// Recovers.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Exit> {
    let card = read_card(&args.card)?;
    let holder = print::printable(card.holder());
    anyhow::ensure!(card.kind().recovers(), "this card enrols somebody new; use it with countersign enrol");
    let trusted = args.ca.as_deref().map(input::certificate_authorities).transpose()?;
    let server = Server::parse(&args.server)?.trusting(trusted);
    let shelf = Shelf::of_this_user()?;
    if let Settled::Promoted = settle(&shelf, &args.profile).await? {
        say::note(format_args!("profile {} has a key that is good; the card was not used", args.profile));
        return Ok(Exit::Done);
    }
    must_be_theirs(&shelf, &args.profile, (&holder, card.authority()))?;
    let enrolment =
        match countersign_client::enrol(&server, &card, &Person { username: "", device: &args.device }).await {
            Ok(enrolment) => enrolment,
            Err(error) => return Ok(refused(Some(&card), &error)),
        };
    take_over(&shelf, &args.profile, Profile::new(server, &holder, &enrolment)?).await
}

/// A profile is replaced only by one of the same user at the same server: it may hold the only copy of another key.
fn must_be_theirs(shelf: &Shelf, name: &ProfileName, (holder, authority): (&str, &str)) -> anyhow::Result<()> {
    if shelf.path(name).symlink_metadata().is_err() {
        return Ok(());
    }
    let present = shelf.open(name)?;
    anyhow::ensure!(
        present.username == holder && present.authority.as_str() == authority,
        "profile {name} is {} at {}, and this card is for {holder} at {authority}; choose another with --profile",
        present.username,
        present.authority
    );
    Ok(())
}
