use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use countersign_core::account::{Role, User, UserState};
use countersign_core::id::UserId;
use countersign_core::permission::Permissions;
use countersign_core::username::Username;

/// Whose sessions they are: one for all sessions of a user, so that what befalls the user befalls them at once.
#[derive(Debug)]
pub(super) struct Owner {
    id: UserId,
    profile: ArcSwap<Profile>,
    /// Sessions that came into the table before this one are over.
    first_alive: AtomicU64,
}

/// What is known of a user.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) username: Username,
    pub(super) role: Role,
    pub(super) permissions: Arc<Permissions>,
    pub(super) generation: u32,
    pub(super) is_enabled: bool,
}

impl Profile {
    fn of(user: &User) -> Self {
        Self {
            username: user.username.clone(),
            role: user.role,
            permissions: Arc::new(user.permissions.clone()),
            generation: user.generation,
            is_enabled: user.state == UserState::Enabled,
        }
    }
}

impl Owner {
    pub(super) fn new(user: &User) -> Self {
        Self { id: user.id, profile: ArcSwap::from_pointee(Profile::of(user)), first_alive: AtomicU64::new(0) }
    }

    pub(super) fn id(&self) -> UserId {
        self.id
    }

    pub(super) fn profile(&self) -> Guard<Arc<Profile>> {
        self.profile.load()
    }

    /// Takes over what the store says, unless it was read before what is known already.
    pub(super) fn learn(&self, user: &User) {
        self.profile.rcu(|known| {
            if user.generation < known.generation { Arc::clone(known) } else { Arc::new(Profile::of(user)) }
        });
    }

    /// The generation is at least this: the log says so.
    pub(super) fn is_of_generation(&self, generation: u32) {
        self.profile.rcu(|known| {
            let Profile { username, role, permissions, is_enabled, .. } = &**known;
            Arc::new(Profile {
                username: username.clone(),
                role: *role,
                permissions: Arc::clone(permissions),
                generation: known.generation.max(generation),
                is_enabled: *is_enabled,
            })
        });
    }

    /// From now on the sessions are over that came before this one.
    pub(super) fn end_before(&self, first_alive: u64) {
        self.first_alive.fetch_max(first_alive, Ordering::AcqRel);
    }

    pub(super) fn first_alive(&self) -> u64 {
        self.first_alive.load(Ordering::Acquire)
    }
}
