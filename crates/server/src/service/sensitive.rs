//! What is sensitive wants somebody who has proved a moment ago who they are.

use countersign_core::account::Role;
use countersign_core::time::Timestamp;
use countersign_core::verdict::Principal;

use crate::accounts::Accounts;

/// Whether this caller may do at `now` what is sensitive: somebody who has logged in a moment ago, or a program, which proves
/// itself anew with each request. The last moment is inside.
pub fn may_do_sensitive(accounts: &Accounts, caller: &Principal, now: Timestamp) -> bool {
    match (&caller.session, caller.role) {
        (Some(session), _) => now <= session.auth_time.saturating_add(accounts.config.sessions.sensitive),
        (None, Role::Service) => true,
        (None, Role::User | Role::Admin) => false,
    }
}
