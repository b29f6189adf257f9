//! The seed's own registration, for those who ask for it by name. It gives away every key to whoever holds the shared
//! key; a card does not.

use std::net::IpAddr;

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, Role, User, UserState};
use countersign_core::enrolment::seed_mode::SeedRegistration;
use countersign_core::id::{KeyId, UserId};
use countersign_core::permission::Permissions;
use countersign_core::secret::{Root, Secret32};
use countersign_core::time::Timestamp;
use countersign_core::username::Username;
use countersign_store::port::{Confirmation, Confirmed, Noted};
use sha2::{Digest as _, Sha256};

use super::confirm::{keep, seal_root};
use super::{Undecided, to_its_end};
use crate::app::{App, SharedApp};
use crate::edge;

/// What the door answers to a registration.
#[derive(Debug)]
pub enum SeedEnrolment {
    /// The account exists; the answer is signed with this key.
    Enrolled {
        /// The name of the key.
        keyid: KeyId,
        /// The private key, which signs the answer.
        root: Root,
    },
    /// The MAC is wrong, or the nonce was seen before.
    Unauthorized,
    /// The name is taken.
    NameTaken,
    /// The name is not acceptable.
    BadName,
}

/// Verifies a registration, and makes the account at once, as the seed does.
pub async fn seed_enrol(
    app: &SharedApp,
    registration: &SeedRegistration,
    shared: &Secret32,
    from: IpAddr,
    now: Timestamp,
) -> Result<SeedEnrolment, Undecided> {
    let Ok(root) = registration.verify(shared) else { return Ok(SeedEnrolment::Unauthorized) };
    let Ok(username) = registration.username().parse() else { return Ok(SeedEnrolment::BadName) };
    if app.accounts.stores.enrolments.note(nonce_hash(registration.nonce()), Timestamp::MAX).await? == Noted::Before {
        return Ok(SeedEnrolment::Unauthorized);
    }
    let app = app.clone();
    to_its_end(async move { make_account(&app, username, root, from, now).await }).await
}

async fn make_account(
    app: &App,
    username: Username,
    root: Root,
    from: IpAddr,
    now: Timestamp,
) -> Result<SeedEnrolment, Undecided> {
    let _alone = app.accounts.changing.lock().await;
    let confirmation = confirmation(app, username, &root, now)?;
    let detail = format!("{} in seed mode; ask them to enrol again by a card", confirmation.user.username);
    Ok(match keep(app, &confirmation, from, detail).await? {
        Confirmed::Done => SeedEnrolment::Enrolled { keyid: confirmation.key.id, root },
        Confirmed::NameTaken | Confirmed::TicketSpent => SeedEnrolment::NameTaken,
    })
}

fn confirmation(app: &App, username: Username, root: &Root, now: Timestamp) -> Result<Confirmation, Undecided> {
    let user = User {
        id: UserId::from_random(edge::random()),
        username,
        role: Role::User,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 0,
        created: now,
    };
    let id = KeyId::from_random(edge::random());
    let root = seal_root(app, &id, &user, root)?;
    let key = KeyRecord {
        id,
        user: user.id,
        device: String::new(),
        root,
        origin: KeyOrigin::SeedMode,
        state: KeyState::Active,
        created: now,
    };
    Ok(Confirmation { user, key })
}

/// Kept apart from the hashes of handshakes by what it is a hash of.
fn nonce_hash(nonce: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(b"countersign/1 seed nonce\0").chain_update(nonce).finalize().into()
}
