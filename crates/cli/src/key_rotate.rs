//! `countersign key rotate`: another key in the place of a profile's, and what an interrupted rotation has left.

use anyhow::Context as _;
use countersign_client::{CallError, Client, Enrolment, KeyError, Network, OwnKey, SessionApi as _};

use crate::exit::Exit;
use crate::profile::{Profile, ProfileName, Shelf};
use crate::say;
use crate::voice::Voice;

/// Replace the key of a profile by a new one
///
/// The new key is kept beside the old one, confirmed, and then takes its place; when this is interrupted, run it again.
/// The old key goes on for a day, or for five minutes once the new one has been used, so that other programs that hold it
/// can be told.
///
/// Exits with 0 when the profile has its new key, 22 when the server refused, 3 for interference, 2 when there was no
/// answer, 1 when nothing was sent. In every case the profile holds a key that is good.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign key rotate
  countersign key rotate --profile work --device "laptop, 2027""#)]
pub(crate) struct Args {
    /// Whose key to replace
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// What you call this device, so that you can tell your keys apart
    #[arg(long, value_name = "LABEL", default_value = "")]
    device: String,
}

/// Rotates.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Exit> {
    let shelf = Shelf::of_this_user()?;
    match settle(&shelf, &args.profile).await? {
        Settled::Nothing | Settled::Dropped => {}
        Settled::Promoted => return done(&shelf, &args.profile),
        Settled::Open(exit) => {
            say::note("an earlier rotation is not finished, and whether its key was confirmed is unknown; try again");
            return Ok(exit);
        }
    }
    let mut voice = Voice::of(&shelf, &args.profile, shelf.open(&args.profile)?)?.in_session().await?;
    let mut fresh = fresh(&voice, args).await;
    if let Err(KeyError::Refused(refused)) = &fresh
        && voice.log_in_for(refused.problem).await?
    {
        fresh = self::fresh(&voice, args).await;
    }
    match fresh {
        Ok(enrolment) => {
            let Profile { server, username, .. } = &voice.profile;
            let device = voice.session().map_or_else(|| args.device.clone(), |session| session.device);
            let next = Profile::new(server.clone(), username, &enrolment)?;
            let exit = take_over(&shelf, &args.profile, next, &device).await?;
            if exit == Exit::Done {
                // It would end with its key; until then nobody uses it. If this does not succeed, nothing is lost.
                let _ = voice.logout().await;
            }
            Ok(exit)
        }
        Err(error) => Ok(refused(&error)),
    }
}

async fn fresh(voice: &Voice, args: &Args) -> Result<Enrolment, KeyError> {
    let Profile { key, server_key, .. } = &voice.profile;
    let key = key.as_ref().ok_or(CallError::NoKey)?;
    countersign_client::rotate(&voice.client()?, (&key.keyid, &key.root), *server_key, &args.device).await
}

/// Keeps the profile of a new key, confirms the key, and puts the profile in its place. Whatever cuts this short, a
/// profile with a key that is good is there.
pub(crate) async fn take_over(shelf: &Shelf, name: &ProfileName, next: Profile, device: &str) -> anyhow::Result<Exit> {
    shelf.keep_next(name, &next)?;
    match confirm(&next).await? {
        Confirmed::Yes => {
            shelf.promote(name)?;
            go_on(shelf, name, next, device).await;
            done(shelf, name)
        }
        Confirmed::No(why) => {
            say::note(format_args!("the new key was not confirmed: {why}"));
            shelf.drop_next(name)?;
            Ok(Exit::Refused)
        }
        Confirmed::Unknown(exit) => {
            say::note(format_args!(
                "the new key is kept in {}, and may be confirmed or not; the next command with this profile finds out",
                shelf.next_path(name).display()
            ));
            Ok(exit)
        }
    }
}

/// Goes on in a session of the new key; those of the one before end with it. If that does not succeed now, the next command
/// opens one.
async fn go_on(shelf: &Shelf, name: &ProfileName, next: Profile, device: &str) {
    let Ok(voice) = Voice::of(shelf, name, next) else { return };
    if let Err(error) = voice.in_session_on(device).await {
        say::note(format_args!("no session is open yet, the next command opens one: {error:#}"));
    }
}

fn done(shelf: &Shelf, name: &ProfileName) -> anyhow::Result<Exit> {
    let profile = shelf.open(name)?;
    let (username, keyid, place) = (&profile.username, &profile.key()?.keyid, shelf.path(name));
    say::line(format_args!("{username} has a new key: {keyid}, kept in profile {name} ({})", place.display()))?;
    Ok(Exit::Done)
}

enum Confirmed {
    Yes,
    No(&'static str),
    Unknown(Exit),
}

/// The key's first signed request.
async fn confirm(next: &Profile) -> anyhow::Result<Confirmed> {
    let client = next.key_client()?;
    let answer = match client.whoami().await {
        Err(CallError::Network(Network::NoConnection(_) | Network::NoAnswer(_))) => client.whoami().await,
        answer => answer,
    };
    Ok(match answer {
        Ok(answer) if answer.verified.status.is_success() => Confirmed::Yes,
        // Signed with the new key's own secret: it was replaced, used or ended meanwhile.
        Ok(answer) if matches!(answer.verified.status.as_u16(), 401 | 409) => {
            Confirmed::No(answer.verified.problem.map_or("the server did not confirm it", |problem| problem.detail))
        }
        Ok(answer) => {
            say::note(
                answer.verified.problem.map_or("the server did not answer the question", |problem| problem.detail),
            );
            Confirmed::Unknown(Exit::Refused)
        }
        Err(error) => {
            say::note(say::chain(&error));
            Confirmed::Unknown(exit_of(&error))
        }
    })
}

/// What became of a rotation or a recovery that was cut short.
pub(crate) enum Settled {
    /// There was none.
    Nothing,
    /// Its key is good, and has the profile now.
    Promoted,
    /// Its key never came to be, or is no more.
    Dropped,
    /// Nobody can tell at present.
    Open(Exit),
}

/// Finds out what became of a rotation that was cut short. The key of one is never thrown away on the word of somebody who
/// has not proven to be the server: it may be the only good one.
pub(crate) async fn settle(shelf: &Shelf, name: &ProfileName) -> anyhow::Result<Settled> {
    let Some(next) = shelf.open_next(name)? else { return Ok(Settled::Nothing) };
    let keyid = &next.key()?.keyid;
    match next.key_client()?.whoami().await {
        Ok(answer) if answer.verified.status.is_success() => {
            shelf.promote(name)?;
            return Ok(Settled::Promoted);
        }
        // An answer that nobody who knows the key has signed: it may never have come to be. Its predecessor knows.
        Ok(_) | Err(CallError::Interference(_)) => {}
        Err(error) => return Ok(Settled::Open(exit_of(&error))),
    }
    if shelf.path(name).symlink_metadata().is_err() {
        return Ok(Settled::Open(Exit::Interference));
    }
    let predecessor = match in_its_session(shelf, name).await? {
        Ok(client) => client,
        Err(exit) => return Ok(Settled::Open(exit)),
    };
    match predecessor.own_keys().await {
        Ok(answer) if answer.verified.status.is_success() => {
            let keys = OwnKey::list(&answer.verified)
                .context("the server's list of keys is none that this version understands")?;
            if keys.iter().any(|key| key.keyid == keyid.as_str() && !key.is_revoked()) {
                return Ok(Settled::Open(Exit::Interference));
            }
            shelf.drop_next(name)?;
            Ok(Settled::Dropped)
        }
        Ok(_) => Ok(Settled::Open(Exit::Refused)),
        Err(error) => Ok(Settled::Open(exit_of(&error))),
    }
}

/// A client that may ask for the keys of the present profile's user; or how the command ends, where there is none to be had.
async fn in_its_session(shelf: &Shelf, name: &ProfileName) -> anyhow::Result<Result<Client, Exit>> {
    let voice = Voice::of(shelf, name, shelf.open(name)?)?;
    match voice.in_session().await {
        Ok(voice) => Ok(voice.client().map_err(|error| exit_of(&error))),
        Err(error) => {
            say::note(format_args!("{error:#}"));
            Ok(Err(crate::exit_of(&error)))
        }
    }
}

/// The profile to sign with, once what an interrupted rotation has left is settled as far as it can be.
pub(crate) async fn open(shelf: &Shelf, name: &ProfileName) -> anyhow::Result<Profile> {
    if let Settled::Promoted = settle(shelf, name).await? {
        say::note(format_args!("profile {name} has its new key now: an earlier rotation had been cut short"));
    }
    shelf.open(name)
}

fn refused(error: &KeyError) -> Exit {
    say::note(say::chain(error));
    exit_of_key(error)
}

/// The exit code for a key or a code that was not to be had.
pub(crate) fn exit_of_key(error: &KeyError) -> Exit {
    match error {
        KeyError::Call(error) => exit_of(error),
        KeyError::Network(_) => Exit::Network,
        KeyError::Refused(_) | KeyError::RefusedInside(_) | KeyError::NotUnderstood => Exit::Refused,
        _ => Exit::Usage,
    }
}

/// The exit code for a call without a verified answer.
pub(crate) const fn exit_of(error: &CallError) -> Exit {
    match error {
        CallError::Interference(_) => Exit::Interference,
        CallError::Unverified(_) | CallError::Network(_) => Exit::Network,
        _ => Exit::Usage,
    }
}
