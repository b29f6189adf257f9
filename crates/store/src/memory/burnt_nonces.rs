use async_trait::async_trait;
use countersign_core::time::Timestamp;

use super::Memory;
use crate::port::{Burning, BurntNonce, BurntNonces, StoreError};

#[async_trait]
impl BurntNonces for Memory {
    async fn burn(&self, nonce: &BurntNonce, limit: u32) -> Result<Burning, StoreError> {
        let burnt = &mut self.kept()?.burnt;
        let of_this_key = burnt.keys().filter(|(keyid, _)| *keyid == nonce.keyid).count();
        let place = (nonce.keyid.clone(), nonce.nonce.clone());
        if let Some(keep_until) = burnt.get_mut(&place) {
            *keep_until = nonce.keep_until.max(*keep_until);
            return Ok(Burning::Already);
        }
        if u32::try_from(of_this_key).is_ok_and(|count| count < limit) {
            burnt.insert(place, nonce.keep_until);
            Ok(Burning::Burnt)
        } else {
            Ok(Burning::TooMany)
        }
    }

    async fn all(&self) -> Result<Vec<BurntNonce>, StoreError> {
        let kept = self.kept()?;
        let nonces = kept.burnt.iter().map(|((keyid, nonce), keep_until)| BurntNonce {
            keyid: keyid.clone(),
            nonce: nonce.clone(),
            keep_until: *keep_until,
        });
        Ok(nonces.collect())
    }

    async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        self.kept()?.burnt.retain(|_, keep_until| *keep_until >= now);
        Ok(())
    }
}
