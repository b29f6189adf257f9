//! `countersign key mine`, `key end`, `key recovery-codes`: one's own keys, from the client's side.

use anyhow::Context as _;
use countersign_client::session::Refusal;
use countersign_client::{Answer, CallError, KeyError, OwnKey, Verified};
use countersign_core::enrolment::Card;
use countersign_core::id::KeyId;
use countersign_core::username::Username;

use crate::exit::Exit;
use crate::key_rotate::{exit_of, exit_of_key};
use crate::print::{self, moment, table};
use crate::profile::{Profile, ProfileName, Shelf};
use crate::say;
use crate::voice::Voice;

/// List your own keys, as the server knows them
#[derive(Debug, clap::Args)]
pub(crate) struct MineArgs {
    /// Whose key to ask with
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// Print the JSON that the server answered
    #[arg(long)]
    json: bool,
}

/// End one of your own keys, and every key that came from it by rotation
///
/// With the key that was replaced it says "that was not me": the new key ends, and the old one has its place back. A key
/// cannot end the one that it has replaced; that one ends in its time.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign key end k7f3a9c2d4e5b6a1c"#)]
pub(crate) struct EndArgs {
    /// The keyid, as `countersign key mine` shows it
    keyid: KeyId,
    /// Whose key to ask with
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
}

/// Make recovery codes to print and keep in a safe place; the ones made before are void
///
/// They are shown once. Each is good once, for countersign key recover, and has no end. Whoever has one can have your
/// account: keep them like a key to your house.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign key recovery-codes | lp
  countersign key recovery-codes --count 2 --qr"#)]
pub(crate) struct CodesArgs {
    /// How many, 1 to 16
    #[arg(long, value_name = "COUNT", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=16))]
    count: u8,
    /// Also draw each as a QR code
    #[arg(long)]
    qr: bool,
    /// Whose key to ask with
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
}

/// Lists.
pub(crate) async fn mine(args: &MineArgs) -> anyhow::Result<Exit> {
    let voice = open(&args.profile).await?;
    let answer = match own_keys(&voice).await {
        Ok(answer) => answer.verified,
        Err(error) => {
            say::note(say::chain(&error));
            return Ok(exit_of(&error));
        }
    };
    if !answer.status.is_success() {
        return Ok(refused(&voice, &answer));
    }
    if args.json {
        say::body(&answer.body)?;
        return Ok(Exit::Done);
    }
    let keys = OwnKey::list(&answer).context("the server's list of keys is none that this version understands")?;
    table(["", "key", "device", "state", "came by", "since", "ends", "in the place of"], keys.into_iter().map(row))?;
    Ok(Exit::Done)
}

fn row(key: OwnKey) -> [String; 8] {
    let this = if key.this { "*" } else { "" };
    let ends = key.ends_at_ms.map(moment).unwrap_or_default();
    let since = moment(key.created_ms);
    [this.to_owned(), key.keyid, key.device, key.state, key.origin, since, ends, key.predecessor.unwrap_or_default()]
}

async fn own_keys(voice: &Voice) -> Result<Answer, CallError> {
    voice.client()?.own_keys().await
}

async fn end_key(voice: &Voice, keyid: &KeyId) -> Result<Answer, CallError> {
    voice.client()?.end_key(keyid).await
}

/// What asks: the session of a person, which is opened if there is none yet, or the key of a program.
async fn open(name: &ProfileName) -> anyhow::Result<Voice> {
    Voice::open(&Shelf::of_this_user()?, name).await?.in_session().await
}

/// Ends.
pub(crate) async fn end(args: &EndArgs) -> anyhow::Result<Exit> {
    let mut voice = open(&args.profile).await?;
    let mut ended = end_key(&voice, &args.keyid).await;
    if let Ok(answer) = &ended
        && voice.log_in_for(answer.verified.problem).await?
    {
        ended = end_key(&voice, &args.keyid).await;
    }
    match ended {
        Ok(answer) if answer.verified.status.is_success() => {
            say::line(format_args!("{} has ended, with every key that came from it", args.keyid))?;
            Ok(Exit::Done)
        }
        Ok(answer) if answer.verified.status.as_u16() == 409 => {
            say::note("your key came from that one, which therefore ends in its time and no sooner");
            Ok(Exit::Refused)
        }
        Ok(answer) => Ok(refused(&voice, &answer.verified)),
        Err(error) => {
            say::note(say::chain(&error));
            Ok(exit_of(&error))
        }
    }
}

/// Makes codes.
pub(crate) async fn codes(args: &CodesArgs) -> anyhow::Result<Exit> {
    let mut voice = open(&args.profile).await?;
    let mut made = make(&voice, args.count).await;
    if let Err(KeyError::Refused(refused)) = &made
        && voice.log_in_for(refused.problem).await?
    {
        made = make(&voice, args.count).await;
    }
    let cards = match made {
        Ok(cards) => cards,
        Err(error) => {
            say::note(say::chain(&error));
            say::note("no codes are shown; those from before may be void: run this again until it shows new ones");
            return Ok(exit_of_key(&error));
        }
    };
    let profile = &voice.profile;
    for card in &cards {
        let text = card.to_text();
        say::line(text.as_str())?;
        if args.qr {
            say::line(print::qr(&text)?)?;
        }
    }
    let (holder, authority) = (&profile.username, &profile.authority);
    say::note(format_args!(
        "{} recovery codes for {holder} at {authority}, shown once; those from before are void. Each gives whoever has it \
         your account, once: countersign key recover --server {} --card CODE",
        cards.len(),
        profile.server.origin()
    ));
    Ok(Exit::Done)
}

async fn make(voice: &Voice, count: u8) -> Result<Vec<Card>, KeyError> {
    let Profile { key, server_key, username, .. } = &voice.profile;
    let key = key.as_ref().ok_or(CallError::NoKey)?;
    let holder: Username = username.parse().map_err(|_| KeyError::NotUnderstood)?;
    let client = voice.client()?;
    countersign_client::recovery_codes(&client, (&key.keyid, &key.root), *server_key, (&holder, count)).await
}

fn refused(voice: &Voice, answer: &Verified) -> Exit {
    voice.failed(&Refusal::of(answer).into())
}
