//! The sentences on the adapters of this crate.

mod model;
mod refresh_machine;

use std::path::Path;
use std::sync::Arc;

use countersign_core::secret::{RowKey, Secret32};
use tempfile::TempDir;

use super::sample::NOW;
use crate::Stores;
use crate::sqlite::{Migrations, Sqlite};

/// The ports of the store in this directory.
async fn open(directory: &Path) -> Stores {
    let sqlite = Sqlite::open(&directory.join("countersign.db"), Migrations::Run).await.unwrap();
    sqlite.with_row_key(RowKey::new(&Secret32::new([7; 32])), Arc::new(|| NOW))
}

async fn fresh_memory() -> (Stores, ()) {
    (Stores::in_memory(), ())
}

async fn fresh_sqlite() -> (Stores, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (open(directory.path()).await, directory)
}

mod memory {
    crate::store_conformance!(super::super::fresh_memory);
}

mod sqlite {
    crate::store_conformance!(super::super::fresh_sqlite);
}
