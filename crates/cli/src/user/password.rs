//! Passwords that an operator types, and `countersign user passwd`. A password leaves this process as its hash only, and
//! never stands on a command line, which everybody on the machine can read.

use clap::Args;
use countersign_core::password::Password;
use countersign_server::config::Overrides;
use countersign_server::edge;
use countersign_server::hashing::Hasher;
use countersign_server::service::control::{HashText, SetPassword};

use crate::operate::Guard;
use crate::password::{asked_twice, taken};
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
    let typed = if args.password_stdin { taken(true, "")? } else { asked_twice()? };
    let hash = Hasher::new(config.passwords.cost).hash(&Password::new(typed)?, &edge::random())?;
    Ok(HashText::from(&hash))
}
