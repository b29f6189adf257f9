//! `countersign user add`

use clap::Args;
use countersign_server::service::control::AddUser;

use super::RoleName;
use super::password::{self, PasswordArgs};
use super::show::words;
use crate::operate::Guard;
use crate::say;

/// Whom to add.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  countersign user add alice --data ./countersign-data
  pass show alice | countersign user add alice --password-stdin --role admin
  countersign user add bob --permission orders:read --permission orders:write"#)]
pub(crate) struct AddArgs {
    /// The username.
    username: String,
    #[command(flatten)]
    guard: Guard,
    #[command(flatten)]
    password: PasswordArgs,
    /// What the person is. A program enrols with a card instead (user invite --role service).
    #[arg(long, value_enum, default_value_t = RoleName::User)]
    role: RoleName,
    /// What the person may do at the API; can be given several times.
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
}

/// Runs `countersign user add NAME`.
pub(super) async fn run(args: AddArgs) -> anyhow::Result<()> {
    let AddArgs { username, guard, password, role, permissions } = args;
    anyhow::ensure!(
        role != RoleName::Service,
        "a program has no password; `countersign user invite --role service` makes a card for it to enrol with"
    );
    let password = password::hashed(&guard, &password)?;
    let role = role.as_str().to_owned();
    let user = guard.operate_or_begin(AddUser { username, role, permissions, password }).await?;
    let (name, role, permissions) = (user.username, user.role, words(&user.permissions));
    say::line(format_args!("{name} is added, role {role}, permissions: {permissions}; they log in with the password"))?;
    Ok(())
}
