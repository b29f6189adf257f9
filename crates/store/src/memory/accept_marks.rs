use async_trait::async_trait;
use countersign_core::replay::AcceptMark;

use super::Memory;
use crate::port::{AcceptMarks, StoreError};

#[async_trait]
impl AcceptMarks for Memory {
    async fn load(&self) -> Result<Option<AcceptMark>, StoreError> {
        Ok(self.kept()?.mark.clone())
    }

    async fn keep(&self, mark: &AcceptMark) -> Result<(), StoreError> {
        let mut kept = self.kept()?;
        if kept.mark.as_ref().is_none_or(|held| mark.supersedes(held)) {
            kept.mark = Some(mark.clone());
        }
        Ok(())
    }
}
