use async_trait::async_trait;
use countersign_core::account::{Credentials, KeyRecord, KeyState, Role, User, UserState};
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::password::PasswordHash;
use countersign_core::permission::Permissions;
use countersign_core::time::Timestamp;
use countersign_core::username::Username;

use super::{IdTaken, Kept, Memory};
use crate::meaning::{Changed, UserChange};
use crate::port::{Added, Change, PasswordSet, StoreError, Users};

#[async_trait]
impl Users for Memory {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.kept()?.users.get(&id).cloned())
    }

    async fn named(&self, name: &Username) -> Result<Option<User>, StoreError> {
        Ok(self.kept()?.present().find(|user| user.username == *name).cloned())
    }

    async fn credentials(&self, name: &Username) -> Result<Option<Credentials>, StoreError> {
        let kept = self.kept()?;
        Ok(kept.present().find(|user| user.username == *name).map(|user| kept.credentials_of(user)))
    }

    async fn list(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, StoreError> {
        let kept = self.kept()?;
        let mut users: Vec<_> =
            kept.present().filter(|user| after.is_none_or(|after| user.username > *after)).collect();
        users.sort_by(|one, other| one.username.cmp(&other.username));
        Ok(users.into_iter().take(limit as usize).cloned().collect())
    }

    async fn add(&self, credentials: &Credentials, event: &Event) -> Result<Added, StoreError> {
        let mut kept = self.kept()?;
        let user = credentials.user();
        if kept.present().any(|other| other.username == user.username) {
            return Ok(Added::NameTaken);
        }
        if kept.users.contains_key(&user.id) {
            return Err(StoreError::failed(IdTaken("user")));
        }
        kept.keep(credentials.clone());
        kept.record(event);
        Ok(Added::Done)
    }

    async fn set_state(&self, id: UserId, state: UserState, event: &Event) -> Result<Change, StoreError> {
        self.change_user(id, &UserChange::State(state), Some(event))
    }

    async fn set_password(
        &self,
        id: UserId,
        generation: u32,
        hash: &PasswordHash,
        event: &Event,
    ) -> Result<PasswordSet, StoreError> {
        Ok(self.change_user(id, &UserChange::Password(generation, hash.clone()), Some(event))?.into())
    }

    async fn rehash(&self, id: UserId, former: &PasswordHash, fresh: &PasswordHash) -> Result<Change, StoreError> {
        self.change_user(id, &UserChange::Rehash(former.clone(), fresh.clone()), None)
    }

    async fn set_role(&self, id: UserId, role: Role, event: &Event) -> Result<Change, StoreError> {
        self.change_user(id, &UserChange::Role(role), Some(event))
    }

    async fn set_permissions(
        &self,
        id: UserId,
        permissions: &Permissions,
        event: &Event,
    ) -> Result<Change, StoreError> {
        self.change_user(id, &UserChange::Permissions(permissions.clone()), Some(event))
    }
}

impl Memory {
    fn change_user(&self, id: UserId, change: &UserChange, event: Option<&Event>) -> Result<Change, StoreError> {
        let mut kept = self.kept()?;
        let Some(former) = kept.users.get(&id).map(|user| kept.credentials_of(user)) else {
            return Ok(Change::Missing);
        };
        let fresh = match change.of(&former) {
            Changed::To(fresh) => fresh,
            Changed::Not => return Ok(Change::Already),
            Changed::Nobody => return Ok(Change::Missing),
        };
        let (is_deleted, generation) = (fresh.user().state == UserState::Deleted, fresh.user().generation);
        kept.keep(fresh);
        let Some(event) = event else { return Ok(Change::Made) };
        if is_deleted {
            kept.revoke_all(id, event.at);
        }
        kept.record(event);
        if generation != former.user().generation {
            kept.end_sessions_before(id, generation, change.why_sessions_end(), event);
        }
        Ok(Change::Made)
    }
}

impl Kept {
    fn present(&self) -> impl Iterator<Item = &User> {
        self.users.values().filter(|user| user.state != UserState::Deleted)
    }

    fn credentials_of(&self, user: &User) -> Credentials {
        Credentials::new(user.clone(), self.passwords.get(&user.id).cloned())
    }

    fn keep(&mut self, credentials: Credentials) {
        let id = credentials.user().id;
        match credentials.password() {
            Some(hash) => self.passwords.insert(id, hash.clone()),
            None => self.passwords.remove(&id),
        };
        self.users.insert(id, credentials.into_user());
    }

    /// Revokes every key of a user.
    pub(super) fn revoke_all(&mut self, user: UserId, at: Timestamp) {
        let lives = |key: &&mut KeyRecord| !matches!(key.state, KeyState::Revoked { .. });
        let keys = self.keys.values_mut().filter(|key| key.user == user).filter(lives);
        keys.for_each(|key| key.state = KeyState::Revoked { at });
    }
}
