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
        let kept = &mut self.kept()?.mark;
        if kept.as_ref().is_none_or(|kept| mark.supersedes(kept)) {
            *kept = Some(mark.clone());
        }
        Ok(())
    }
}
