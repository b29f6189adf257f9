use async_trait::async_trait;

use super::Memory;
use crate::port::{AcceptMark, AcceptMarks, StoreError};

#[async_trait]
impl AcceptMarks for Memory {
    async fn load(&self) -> Result<Option<AcceptMark>, StoreError> {
        Ok(self.kept()?.mark)
    }

    async fn keep(&self, mark: AcceptMark) -> Result<(), StoreError> {
        self.kept()?.mark = Some(mark);
        Ok(())
    }
}
