use async_trait::async_trait;
use countersign_core::account::{KeyRecord, KeyState, User, UserState};
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::time::Timestamp;
use countersign_core::username::Username;

use super::{Kept, Memory};
use crate::meaning::{in_state, why_ended};
use crate::port::{Change, StoreError, Users};

#[async_trait]
impl Users for Memory {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.kept()?.users.get(&id).cloned())
    }

    async fn named(&self, name: &Username) -> Result<Option<User>, StoreError> {
        Ok(self.kept()?.present().find(|user| user.username == *name).cloned())
    }

    async fn list(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, StoreError> {
        let kept = self.kept()?;
        let mut users: Vec<_> =
            kept.present().filter(|user| after.is_none_or(|after| user.username > *after)).collect();
        users.sort_by(|one, other| one.username.cmp(&other.username));
        Ok(users.into_iter().take(limit as usize).cloned().collect())
    }

    async fn set_state(&self, id: UserId, state: UserState, event: &Event) -> Result<Change, StoreError> {
        let mut kept = self.kept()?;
        let (former, generation) = match kept.users.get_mut(&id) {
            None | Some(User { state: UserState::Deleted, .. }) => return Ok(Change::Missing),
            Some(user) if user.state == state => return Ok(Change::Already),
            Some(user) => {
                let former = user.generation;
                *user = in_state(user, state);
                (former, user.generation)
            }
        };
        if state == UserState::Deleted {
            kept.revoke_all(id, event.at);
        }
        kept.record(event);
        if generation != former {
            kept.end_sessions_before(id, generation, why_ended(state), event);
        }
        Ok(Change::Made)
    }
}

impl Kept {
    fn present(&self) -> impl Iterator<Item = &User> {
        self.users.values().filter(|user| user.state != UserState::Deleted)
    }

    /// Revokes every key of a user.
    pub(super) fn revoke_all(&mut self, user: UserId, at: Timestamp) {
        let lives = |key: &&mut KeyRecord| !matches!(key.state, KeyState::Revoked { .. });
        let keys = self.keys.values_mut().filter(|key| key.user == user).filter(lives);
        keys.for_each(|key| key.state = KeyState::Revoked { at });
    }
}
