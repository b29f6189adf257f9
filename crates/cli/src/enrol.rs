//! `countersign enrol`: a card becomes a key in a profile.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign_client::{CallError, Enrolment, EnrolmentError, Network, Person, Server};
use countersign_core::encoding::unhex;
use countersign_core::enrolment::Card;
use countersign_core::problem::Problem;
use countersign_core::secret::Secret32;
use countersign_core::username::Username;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::profile::{Profile, ProfileName, Shelf};
use crate::voice::{self, Voice};
use crate::{input, print, say};

/// Enrol at a server: make a key with the card that its operator gave you, and keep it in a profile
///
/// A person's key then opens a session, in which calls are signed; the key of a program signs them itself.
///
/// Exits with 0 when the key is confirmed, 22 when the server refused, 3 when what answered isn't the server of the
/// card, 2 when nothing answered or nothing that proves itself, 1 when nothing was sent.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign enrol --server https://api.example.com --card @card --username alice
  countersign enrol --server https://10.0.0.7:8470 --ca ca.pem --card @card --username alice
  countersign enrol --server http://127.0.0.1:8470 --card @- --username alice --profile work < card"#)]
pub(crate) struct Args {
    /// Where the server is, such as `https://api.example.com` or `http://127.0.0.1:8470`
    #[arg(long, value_name = "URL")]
    server: String,
    /// The certificate authority that vouches for the server, a file in PEM, in the place of those that this system
    /// trusts; it is kept in the profile
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The card, a text that begins with countersign1:; @FILE reads it from a file, @- from stdin
    #[arg(long, value_name = "CARD", required_unless_present = "seed_mode", conflicts_with = "seed_mode")]
    card: Option<String>,
    /// The name that you wish for
    #[arg(long, value_name = "NAME")]
    username: String,
    /// What you call this device, so that you can tell your keys apart
    #[arg(long, value_name = "LABEL", default_value = "")]
    device: String,
    /// The profile to keep the key in; there must be none of this name yet
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// Enrol without a card, by the shared key of a server that runs in seed mode. Every holder of that key who
    /// records this can compute yours: enrol again by a card when you can
    #[arg(long, requires = "shared_key")]
    seed_mode: bool,
    /// The shared key of a server in seed mode, 64 hex digits; @FILE reads it from a file, @- from stdin
    #[arg(long, value_name = "HEX", requires = "seed_mode")]
    shared_key: Option<String>,
}

/// Enrols, keeps the key, confirms it.
pub(crate) async fn run(args: Args) -> anyhow::Result<Exit> {
    let shelf = Shelf::of_this_user()?;
    shelf.must_be_free(&args.profile)?;
    let trusted = args.ca.as_deref().map(input::certificate_authorities).transpose()?;
    let server = Server::parse(&args.server)?.trusting(trusted);
    let card = args.card.as_deref().map(read_card).transpose()?;
    if let Some(card) = card.as_ref().filter(|card| card.kind().recovers()) {
        let holder = print::printable(card.holder());
        anyhow::bail!("this card recovers {holder}, who is enrolled; use it with countersign key recover");
    }
    let enrolment = match enrol(&args, &server, card.as_ref()).await? {
        Ok(enrolment) => enrolment,
        Err(error) => return Ok(refused(card.as_ref(), &error)),
    };
    // In the one spelling in which the server knows it.
    let username: Username = args.username.parse()?;
    let profile = Profile::new(server, username.as_str(), &enrolment)?;
    // Kept before it is confirmed: afterwards there is no other copy of it, and the ticket is spent.
    shelf.create(&args.profile, &profile)?;
    confirm(&args, &shelf, profile).await
}

async fn enrol(args: &Args, server: &Server, card: Option<&Card>) -> anyhow::Result<Result<Enrolment, EnrolmentError>> {
    let person = Person { username: &args.username, device: &args.device };
    Ok(match (card, &args.shared_key) {
        (Some(card), _) => countersign_client::enrol(server, card, &person).await,
        (None, Some(shared_key)) => {
            let octets = unhex(&input::line(shared_key)?).and_then(|octets| octets.try_into().ok());
            let shared = Secret32::new(octets.context("the shared key is 64 lower-case hex digits")?);
            countersign_client::enrol_in_seed_mode(server, &shared, &person).await
        }
        (None, None) => anyhow::bail!("give the card with --card"),
    })
}

/// Reads a card from an argument, a file or stdin.
pub(crate) fn read_card(given: &str) -> anyhow::Result<Card> {
    // A card that was printed may come back in several lines.
    let text: Zeroizing<String> = Zeroizing::new(input::line(given)?.split_ascii_whitespace().collect());
    Ok(text.parse()?)
}

/// `card` is what was enrolled with; without one it was the seed mode.
pub(crate) fn refused(card: Option<&Card>, error: &EnrolmentError) -> Exit {
    say::note(say::chain(error));
    match error {
        EnrolmentError::Refused(_) | EnrolmentError::NotUnderstood => Exit::Refused,
        EnrolmentError::NotOurServer | EnrolmentError::Interference(_) => Exit::Interference,
        EnrolmentError::Unverified(answer) => {
            match answer.claimed_problem() {
                // The one answer for whatever doesn't open (protocol §3).
                Some(&Problem::UNAUTHORIZED) => say::note(
                    "it claims that the card opens nothing: it may be used, expired or taken back, or name a key of the \
                     server that has been replaced since; ask for a new one",
                ),
                Some(&Problem::UNSUPPORTED_TYPE) if card.is_none() => {
                    say::note("it claims not to run in seed mode; ask its operator for a card");
                }
                Some(problem) => say::note(format_args!("it claims: {}", problem.detail)),
                None => {}
            }
            if let Some(card) = card.filter(|_| answer.claimed_problem() == Some(&Problem::MISDIRECTED)) {
                let name = print::printable(card.authority());
                say::note(format_args!("the card is for {name}; use the --server that its operator named"));
            }
            Exit::Network
        }
        EnrolmentError::Network(error) => {
            say::remedy(error);
            Exit::Network
        }
        _ => Exit::Usage,
    }
}

/// The key's first signed request makes the account.
async fn confirm(args: &Args, shelf: &Shelf, profile: Profile) -> anyhow::Result<Exit> {
    let path = shelf.path(&args.profile);
    let client = profile.key_client()?;
    let confirmed = match client.whoami().await {
        Err(CallError::Network(Network::NoConnection(_) | Network::NoAnswer(_))) => client.whoami().await,
        answer => answer,
    };
    match confirmed {
        Ok(answer) if answer.verified.status.is_success() => {
            let (name, keyid) = (&profile.username, &profile.key()?.keyid);
            let place = format!("profile {} ({})", args.profile, path.display());
            say::result(format!("{name} is enrolled: key {keyid}, kept in {place}\n").as_bytes())?;
            if !voice::is_a_programs(&answer.verified) {
                open_session(shelf, args, profile).await?;
            }
            Ok(Exit::Done)
        }
        Ok(answer) => {
            let why = answer.verified.problem.map_or("the server did not confirm the key", |problem| problem.detail);
            say::note(format_args!("the key was not confirmed: {why}"));
            let never_will_be = matches!(answer.verified.status.as_u16(), 409 | 410 | 422);
            if never_will_be {
                shelf.remove(&args.profile).with_context(|| format!("cannot remove {}", path.display()))?;
            } else {
                say::note(unconfirmed(&args.profile, &path));
            }
            Ok(Exit::Refused)
        }
        Err(error) => {
            say::note(say::chain(&error));
            say::note(unconfirmed(&args.profile, &path));
            Ok(if matches!(error, CallError::Interference(_)) { Exit::Interference } else { Exit::Network })
        }
    }
}

/// Opens a session for a person, so that the next command has one. If that does not succeed, the next command does it.
async fn open_session(shelf: &Shelf, args: &Args, profile: Profile) -> anyhow::Result<()> {
    let mut voice = Voice::of(shelf, &args.profile, profile)?;
    match voice.log_in(&args.device).await {
        Ok(session) => say::line(format_args!("session {} is open", session.reference))?,
        Err(error) => {
            say::note(say::chain(&error));
            say::note("no session is open yet; the next command opens one");
        }
    }
    Ok(())
}

fn unconfirmed(name: &ProfileName, path: &Path) -> String {
    format!(
        "the key is kept in {} but may not be confirmed; try countersign call --profile {name} /api/auth/whoami, and \
         if it is unknown a minute later, remove that file and enrol again",
        path.display()
    )
}
