use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::secret::Sealed;

use super::Memory;
use crate::port::{ServerSecrets, StoreError};

#[async_trait]
impl ServerSecrets for Memory {
    async fn find(&self, name: &str) -> Result<Option<Sealed>, StoreError> {
        Ok(self.kept()?.secrets.get(name).cloned())
    }

    async fn keep_first(&self, name: &str, fresh: &Sealed) -> Result<Sealed, StoreError> {
        let mut kept = self.kept()?;
        kept.admits(fresh)?;
        Ok(kept.secrets.entry(name.to_owned()).or_insert_with(|| fresh.clone()).clone())
    }

    async fn replace(&self, name: &str, fresh: &Sealed, event: &Event) -> Result<(), StoreError> {
        let mut kept = self.kept()?;
        kept.admits(fresh)?;
        kept.secrets.insert(name.to_owned(), fresh.clone());
        kept.record(event);
        Ok(())
    }
}
