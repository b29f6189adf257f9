use async_trait::async_trait;
use countersign_core::id::KeyId;
use countersign_core::secret::Sealed;

use super::{Kept, Memory};
use crate::port::{
    OWNER_OF_SERVER_SECRETS, Reseal, Resealed, Retirement, SealedPage, SealedPlace, Sealing, Sealings, StoreError,
};

#[async_trait]
impl Sealings for Memory {
    async fn sealed_otherwise(
        &self,
        current: u32,
        after: Option<&SealedPlace>,
        limit: u32,
    ) -> Result<SealedPage, StoreError> {
        let kept = self.kept()?;
        let others = kept.sealings().into_iter().filter(|sealing| sealing.sealed.version != current);
        let others = others.filter(|sealing| after.is_none_or(|after| sealing.place > *after));
        let sealings: Vec<_> = others.take(limit as usize).collect();
        let next = sealings.last().map(|last| last.place.clone());
        Ok(SealedPage { sealings, distrusted: 0, next })
    }

    async fn reseal(&self, batch: Vec<Reseal>) -> Result<Vec<Resealed>, StoreError> {
        let mut kept = self.kept()?;
        batch.iter().try_for_each(|reseal| kept.admits(&reseal.fresh))?;
        Ok(batch.into_iter().map(|reseal| kept.reseal(reseal)).collect())
    }

    async fn retire(&self, current: u32) -> Result<Retirement, StoreError> {
        let mut kept = self.kept()?;
        match kept.sealings().iter().filter(|sealing| sealing.sealed.version != current).count() {
            0 => {
                kept.oldest = kept.oldest.max(current);
                Ok(Retirement::Done { distrusted: 0 })
            }
            needed => Ok(Retirement::Needed(needed as u64)),
        }
    }
}

impl Kept {
    /// Whether this may still be taken in.
    pub(super) fn admits(&self, sealed: &Sealed) -> Result<(), StoreError> {
        if sealed.version < self.oldest { Err(StoreError::failed(Retired(sealed.version))) } else { Ok(()) }
    }

    /// Everything that is sealed, by its place.
    fn sealings(&self) -> Vec<Sealing> {
        let keys = self.keys.values().filter_map(|key| {
            let owner = self.users.get(&key.user)?.username.to_string();
            Some(sealing("keys", key.id.as_str(), owner, &key.root))
        });
        let secrets = self.secrets.iter();
        keys.chain(
            secrets.map(|(name, sealed)| sealing("server_secrets", name, OWNER_OF_SERVER_SECRETS.to_owned(), sealed)),
        )
        .collect()
    }

    fn reseal(&mut self, Reseal { place, former, fresh }: Reseal) -> Resealed {
        let standing = match place.table {
            "keys" => place.id.parse::<KeyId>().ok().and_then(|id| self.keys.get_mut(&id)).map(|key| &mut key.root),
            "server_secrets" => self.secrets.get_mut(&place.id),
            _ => None,
        };
        match standing.filter(|standing| **standing == former) {
            Some(standing) => {
                *standing = fresh;
                Resealed::Done
            }
            None => Resealed::Changed,
        }
    }
}

fn sealing(table: &'static str, id: &str, owner: String, sealed: &Sealed) -> Sealing {
    let place = SealedPlace { table, id: id.to_owned() };
    Sealing { place, name: id.to_owned(), owner, sealed: sealed.clone(), vouched: true }
}

#[derive(Debug, thiserror::Error)]
#[error("version {0} of the key-encryption key has been retired: what it sealed is not taken in any more")]
struct Retired(u32);
