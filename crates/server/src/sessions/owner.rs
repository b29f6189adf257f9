use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use arc_swap::{ArcSwap, Guard};
use countersign_core::account::{Role, User, UserState};
use countersign_core::id::UserId;
use countersign_core::permission::Permissions;
use countersign_core::username::Username;

use super::InDoubt;

/// Whose sessions there are or may soon be.
#[derive(Debug, Default)]
pub(super) struct Owners(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    owners: HashMap<UserId, Arc<Owner>>,
    /// What has befallen the sessions of users of whom nothing else is known: it holds for whatever comes in of theirs.
    word: HashMap<UserId, Word>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Word {
    first_alive: u64,
    generation: u32,
}

impl Owners {
    /// The owner that this user is, who is known from now on.
    pub(super) fn learn(&self, user: &User) -> Result<Arc<Owner>, InDoubt> {
        let known = self.0.read().map_err(|_| InDoubt)?.owners.get(&user.id).cloned();
        let owner = match known {
            Some(owner) => owner,
            None => {
                let mut known = self.0.write().map_err(|_| InDoubt)?;
                let word = known.word.remove(&user.id).unwrap_or_default();
                let owner = known.owners.entry(user.id).or_insert_with(|| Arc::new(Owner::new(user)));
                owner.end_before(word.first_alive);
                owner.is_of_generation(word.generation);
                Arc::clone(owner)
            }
        };
        owner.learn(user);
        Ok(owner)
    }

    /// From now on the sessions of this user are over that came before this one.
    pub(super) fn end_before(&self, user: UserId, first_alive: u64) -> Result<(), InDoubt> {
        self.tell(
            user,
            |owner| owner.end_before(first_alive),
            |word| {
                word.first_alive = word.first_alive.max(first_alive);
            },
        )
    }

    /// The generation of this user is at least this: the log says so.
    pub(super) fn is_of_generation(&self, user: UserId, generation: u32) -> Result<(), InDoubt> {
        self.tell(
            user,
            |owner| owner.is_of_generation(generation),
            |word| {
                word.generation = word.generation.max(generation);
            },
        )
    }

    /// Tells the owner, or leaves word for when there is one.
    fn tell(&self, user: UserId, owner: impl Fn(&Owner), word: impl Fn(&mut Word)) -> Result<(), InDoubt> {
        let mut known = self.0.write().map_err(|_| InDoubt)?;
        match known.owners.get(&user) {
            Some(known) => owner(known),
            None => word(known.word.entry(user).or_default()),
        }
        Ok(())
    }
}

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
