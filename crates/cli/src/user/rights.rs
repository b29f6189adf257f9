//! `countersign user role` and `permit`

use clap::Args;
use countersign_server::service::control::{SetPermissions, SetRole};

use super::RoleName;
use super::show::words;
use crate::operate::Guard;
use crate::say;

/// Who is to be what.
#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// The username.
    username: String,
    /// What the user is to be.
    role: RoleName,
    #[command(flatten)]
    guard: Guard,
}

/// Who may do what.
#[derive(Debug, Args)]
pub(crate) struct PermitArgs {
    /// The username.
    username: String,
    /// What the user may do at the API; can be given several times.
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    #[command(flatten)]
    guard: Guard,
}

/// Runs `countersign user role NAME ROLE`.
pub(super) async fn role(args: RoleArgs) -> anyhow::Result<()> {
    let RoleArgs { username, role, guard } = args;
    guard.operate(SetRole { username: username.clone(), role: role.as_str().to_owned() }).await?;
    say::line(format_args!("{username} has the role {}", role.as_str()))?;
    Ok(())
}

/// Runs `countersign user permit NAME`.
pub(super) async fn permit(args: PermitArgs) -> anyhow::Result<()> {
    let PermitArgs { username, permissions, guard } = args;
    guard.operate(SetPermissions { username: username.clone(), permissions: permissions.clone() }).await?;
    say::line(format_args!("{username} has these permissions and no others: {}", words(&permissions)))?;
    Ok(())
}
