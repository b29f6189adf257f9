//! Passwords that a person types, and `countersign passwd`. A password never stands on a command line, which everybody on the
//! machine can read.

use std::io::{self, BufRead, IsTerminal as _};

use anyhow::{Context as _, ensure};
use countersign_client::SessionError;
use countersign_core::password::MAX_OCTETS;
use countersign_core::problem::Problem;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::profile::{ProfileName, Shelf};
use crate::{say, voice};

/// Change your own password
///
/// Every session of yours ends with it, on all devices; this profile goes on in a new one. Your keys are not touched.
///
/// Exits with 0 when it is changed, 22 when the server refused, 3 for interference, 2 when there was no answer or none that
/// anybody signed, 1 when nothing was sent.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign passwd
  printf '%s\n' "$OLD" "$NEW" | countersign passwd --password-stdin
  printf '%s\n' "$NEW" | countersign passwd --first --password-stdin"#)]
pub(crate) struct PasswdArgs {
    /// Whose
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// Read the present password and the new one from the first two lines of stdin, verbatim, instead of asking for them
    #[arg(long)]
    password_stdin: bool,
    /// There is no password yet: set the first one
    #[arg(long)]
    first: bool,
}

/// Changes it.
pub(crate) async fn passwd(args: &PasswdArgs) -> anyhow::Result<Exit> {
    let shelf = Shelf::of_this_user()?;
    let mut voice = voice::in_session(&shelf, &args.profile).await?;
    let current = if args.first { None } else { Some(taken(args.password_stdin, "Present password: ")?) };
    let new = if args.password_stdin { first_line(io::stdin().lock())? } else { asked_twice()? };
    let current = current.as_ref().map(|current| current.as_str());
    let mut changed = voice.change_password(current, &new).await;
    if let Err(SessionError::Refused(refusal)) = &changed
        && voice.log_in_for(refusal.problem).await?
    {
        changed = voice.change_password(current, &new).await;
    }
    match changed {
        Ok(true) => {
            say::line("the password is changed; every other session has ended")?;
            Ok(Exit::Done)
        }
        Ok(false) => {
            shelf.keep_logged_out(&args.profile)?;
            say::line("the password is changed; every session has ended, this one too")?;
            say::note(format_args!("to log in again: {}", voice.login_command()));
            Ok(Exit::Done)
        }
        Err(error) => {
            let exit = voice.failed(&error);
            if let SessionError::Refused(refusal) = error
                && refusal.problem == Some(&Problem::UNPROCESSABLE)
            {
                say::note("the present password is not right, or the new one is not 8 to 128 characters long");
            }
            Ok(exit)
        }
    }
}

/// A password, from stdin or from the terminal.
pub(crate) fn taken(from_stdin: bool, prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    if from_stdin {
        return first_line(io::stdin().lock());
    }
    ensure!(
        io::stdin().is_terminal(),
        "there is no terminal to ask for the password on; pipe it in and say --password-stdin"
    );
    rpassword::prompt_password(prompt).map(Zeroizing::new).context("cannot ask for the password")
}

/// A new one, asked for twice, because a slip would lock its user out.
pub(crate) fn asked_twice() -> anyhow::Result<Zeroizing<String>> {
    let (first, second) = (taken(false, "New password: ")?, taken(false, "The same again: ")?);
    ensure!(*first == *second, "these were two different passwords; nothing was changed");
    Ok(first)
}

/// The next line, without its end, and nothing else taken away.
pub(crate) fn first_line(input: impl BufRead) -> anyhow::Result<Zeroizing<String>> {
    // One octet more than a password may have, and a line end of two: enough to see that it is too long.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_OCTETS + 3));
    let most = u64::try_from(MAX_OCTETS + 3).unwrap_or(u64::MAX);
    input.take(most).read_until(b'\n', &mut line).context("cannot read the password from stdin")?;
    ensure!(!line.is_empty(), "stdin is empty; the password is its first line");
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = str::from_utf8(line).ok().context("the password is not in UTF-8")?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What a refusal of a login by password means. Nobody signs it.
pub(crate) fn explain(error: &SessionError) {
    let SessionError::Refused(refusal) = error else { return };
    let meaning = match refusal.status.as_u16() {
        401 => "nobody has this name and this password there; check both, or ask an administrator",
        403 => "it takes no password in plain text from here; use its https address",
        409 => "this user has as many sessions as may be; end one of them (countersign session revoke)",
        422 => "this is no password that it would take: they have 8 to 128 characters",
        429 => "too many attempts have failed; wait",
        _ => return,
    };
    say::note(meaning);
}

#[cfg(test)]
mod tests {
    use countersign_core::password::Password;

    use super::*;

    fn line(octets: &[u8]) -> Option<String> {
        first_line(octets).ok().map(|text| text.to_string())
    }

    #[test]
    fn the_first_line_is_taken_verbatim_without_its_end() {
        for (octets, text) in [
            (&b"correct horse\n"[..], "correct horse"),
            (b"correct horse\r\nsecond", "correct horse"),
            (b"correct horse", "correct horse"),
            (b"  blanks  \n\n", "  blanks  "),
            (b"with\0nul\n", "with\0nul"),
            (b"\n", ""),
        ] {
            assert_eq!(line(octets).as_deref(), Some(text));
        }
        assert_eq!(line(b""), None);
        assert_eq!(line(b"\xff\xff\xff\xff\xff\xff\xff\xff\n"), None);
    }

    /// Not read to its end, nor cut to one that would be a password.
    #[test]
    fn an_endless_line_is_no_password() {
        let endless = io::BufReader::new(io::repeat(b'a'));
        assert!(Password::new(first_line(endless).unwrap()).is_err());
    }
}
