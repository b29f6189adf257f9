//! Passwords that an operator types, and `countersign user passwd`. A password leaves this process as its hash only, and
//! never stands on a command line, which everybody on the machine can read.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::{Context as _, ensure};
use clap::Args;
use countersign_core::password::{MAX_OCTETS, Password};
use countersign_server::config::Overrides;
use countersign_server::edge;
use countersign_server::hashing::Hasher;
use countersign_server::service::control::{HashText, SetPassword};
use zeroize::Zeroizing;

use crate::operate::Guard;
use crate::say;

/// How the password comes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Read the password from the first line of stdin, verbatim, instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
}

/// Whose password to set.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  countersign user passwd alice --data ./countersign-data
  pass show alice | countersign user passwd alice --password-stdin"#)]
pub(crate) struct PasswdArgs {
    /// The username.
    username: String,
    #[command(flatten)]
    guard: Guard,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Runs `countersign user passwd NAME`.
pub(super) async fn run(args: PasswdArgs) -> anyhow::Result<()> {
    let PasswdArgs { username, guard, password } = args;
    let password = hashed(&guard, &password)?;
    guard.operate(SetPassword { username: username.clone(), password }).await?;
    say::line(format_args!("{username} has another password; what it had opened before is closed"))?;
    Ok(())
}

/// The hash of the password that is typed or piped, at the cost that this guard is configured for.
pub(super) fn hashed(guard: &Guard, args: &PasswordArgs) -> anyhow::Result<HashText> {
    let config = guard.configuration(Overrides::default())?;
    let typed = if args.password_stdin { first_line(io::stdin().lock())? } else { asked()? };
    let hash = Hasher::new(config.passwords.cost).hash(&Password::new(typed)?, &edge::random())?;
    Ok(HashText::from(&hash))
}

/// Asked for on the terminal, without showing it; twice, because a slip would lock its user out.
fn asked() -> anyhow::Result<Zeroizing<String>> {
    ensure!(
        io::stdin().is_terminal(),
        "there is no terminal to ask for the password on; pipe it in and say --password-stdin"
    );
    let ask =
        |prompt: &str| rpassword::prompt_password(prompt).map(Zeroizing::new).context("cannot ask for the password");
    let (first, second) = (ask("Password: ")?, ask("The same again: ")?);
    ensure!(*first == *second, "these were two different passwords; nothing was changed");
    Ok(first)
}

/// Without its line end, and nothing else taken away.
fn first_line(input: impl io::BufRead) -> anyhow::Result<Zeroizing<String>> {
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

#[cfg(test)]
mod tests {
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
