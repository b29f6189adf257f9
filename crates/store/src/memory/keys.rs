use core::ops::Bound;

use async_trait::async_trait;
use countersign_core::account::{KeyRecord, KeyState};
use countersign_core::event::Event;
use countersign_core::id::{KeyId, UserId};
use countersign_core::succession::descendants;

use super::Memory;
use crate::port::{Change, Keys, StoreError};

#[async_trait]
impl Keys for Memory {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.kept()?.keys.get(id).cloned())
    }

    async fn list(&self, after: Option<&KeyId>, limit: u32) -> Result<Vec<KeyRecord>, StoreError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let kept = self.kept()?;
        let keys = kept.keys.range::<KeyId, _>((start, Bound::Unbounded));
        Ok(keys.map(|(_, key)| key.clone()).take(limit as usize).collect())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.kept()?.keys.values().filter(|key| key.user == user).cloned().collect())
    }

    async fn revoke(&self, id: &KeyId, event: &Event) -> Result<Change, StoreError> {
        let mut kept = self.kept()?;
        let Some(user) = kept.keys.get(id).map(|key| key.user) else { return Ok(Change::Missing) };
        let keys: Vec<_> = kept.keys.values().filter(|key| key.user == user).cloned().collect();
        let mut change = Change::Already;
        for id in descendants(&keys, id) {
            if let Some(key) = kept.keys.get_mut(id).filter(|key| !matches!(key.state, KeyState::Revoked { .. })) {
                key.state = KeyState::Revoked { at: event.at };
                kept.record(&Event { key: Some(id.clone()), ..event.clone() });
                kept.end_sessions_of_key(id, event);
                change = Change::Made;
            }
        }
        Ok(change)
    }
}
