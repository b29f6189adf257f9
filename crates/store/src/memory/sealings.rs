use async_trait::async_trait;
use countersign_core::account::User;
use countersign_core::encoding::{hex, unhex};
use countersign_core::id::{FamilyId, KeyId, SessionRef};
use countersign_core::secret::Sealed;
use countersign_core::session::{Family, OpenedBy};

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
        let owner = |user| self.users.get(user).map(|user: &User| user.username.to_string());
        let sessions = self.sessions.values().filter_map(|session| {
            let OpenedBy::Password { root: Some(root) } = &session.opened_by else { return None };
            Some(sealing(
                ("active_sessions", hex(&session.reference.0)),
                session.reference.keyid(),
                owner(&session.user)?,
                root,
            ))
        });
        let keys = self.keys.values().filter_map(|key| {
            Some(sealing(("keys", key.id.to_string()), key.id.to_string(), owner(&key.user)?, &key.root))
        });
        let secrets = self.secrets.iter().map(|(name, sealed)| {
            sealing(("server_secrets", name.clone()), name.clone(), OWNER_OF_SERVER_SECRETS.to_owned(), sealed)
        });
        let families = self.families.values().filter_map(|family| {
            let name = Family::name_of_secret(family.id);
            Some(sealing(("token_families", hex(&family.id.0)), name, owner(&family.user)?, &family.secret))
        });
        sessions.chain(keys).chain(secrets).chain(families).collect()
    }

    fn reseal(&mut self, Reseal { place, former, fresh }: Reseal) -> Resealed {
        match self.standing(&place).filter(|standing| **standing == former) {
            Some(standing) => {
                *standing = fresh;
                Resealed::Done
            }
            None => Resealed::Changed,
        }
    }

    fn standing(&mut self, SealedPlace { table, id }: &SealedPlace) -> Option<&mut Sealed> {
        let sixteen = || unhex(id)?.try_into().ok();
        match *table {
            "active_sessions" => match &mut self.sessions.get_mut(&SessionRef(sixteen()?))?.opened_by {
                OpenedBy::Password { root } => root.as_mut(),
                OpenedBy::Key(_) => None,
            },
            "keys" => id.parse::<KeyId>().ok().and_then(|id| self.keys.get_mut(&id)).map(|key| &mut key.root),
            "server_secrets" => self.secrets.get_mut(id),
            "token_families" => self.families.get_mut(&FamilyId(sixteen()?)).map(|family| &mut family.secret),
            _ => None,
        }
    }
}

fn sealing((table, id): (&'static str, String), name: String, owner: String, sealed: &Sealed) -> Sealing {
    Sealing { place: SealedPlace { table, id }, name, owner, sealed: sealed.clone(), vouched: true }
}

#[derive(Debug, thiserror::Error)]
#[error("version {0} of the key-encryption key has been retired: what it sealed is not taken in any more")]
struct Retired(u32);
