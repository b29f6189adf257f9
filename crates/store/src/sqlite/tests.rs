//! What is SQLite's own: the file, its schema, its durability, and somebody who changes it behind our back.

mod durability;
mod event_chain;
mod opening;
mod sealings;
mod sessions;
mod tampering;
mod upgrading;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_core::event::EventKind;
use countersign_core::secret::{RowKey, Secret32};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use super::{Migrations, Sqlite};
use crate::Stores;
use crate::conformance::sample::at;

/// The time that alarms are given.
const ALARM: u64 = 77;

/// A store in a directory of its own.
struct House {
    directory: TempDir,
}

impl House {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("countersign.db")
    }

    async fn sqlite(&self) -> Sqlite {
        Sqlite::open(&self.file(), Migrations::Run).await.unwrap()
    }

    async fn stores(&self) -> Stores {
        with_key(&self.sqlite().await, 7)
    }

    /// Somebody who can write to the file and knows of our triggers.
    async fn intruder(&self) -> Intruder {
        let mut connection = connection(&self.file()).await;
        for trigger in ["users_deleted_is_final", "tickets_spent_is_final", "keys_revoked_is_final", "events_are_final"]
        {
            run(&mut connection, &format!("DROP TRIGGER IF EXISTS {trigger}")).await;
        }
        for trigger in [
            "active_sessions_only_end",
            "active_sessions_only_rise",
            "token_families_only_end",
            "token_families_only_go_on",
            "revocations_are_final",
            "epoch_only_rises",
            "epoch_is_kept",
        ] {
            run(&mut connection, &format!("DROP TRIGGER IF EXISTS {trigger}")).await;
        }
        for trigger in ["users_are_kept", "tickets_are_kept", "keys_are_kept", "events_are_kept"] {
            run(&mut connection, &format!("DROP TRIGGER IF EXISTS {trigger}")).await;
        }
        for trigger in ["event_heads_are_final", "event_heads_are_kept", "event_pruning_is_kept"] {
            run(&mut connection, &format!("DROP TRIGGER IF EXISTS {trigger}")).await;
        }
        for trigger in ["event_pruning_only_grows", "event_pruning_stays_behind_a_head"] {
            run(&mut connection, &format!("DROP TRIGGER IF EXISTS {trigger}")).await;
        }
        Intruder(connection)
    }
}

struct Intruder(SqliteConnection);

impl Intruder {
    async fn does(&mut self, sql: &str) {
        run(&mut self.0, sql).await;
    }

    async fn leaves(self) {
        self.0.close().await.unwrap();
    }
}

async fn connection(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).foreign_keys(false).connect().await.unwrap()
}

async fn run(connection: &mut SqliteConnection, sql: &str) {
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

fn with_key(sqlite: &Sqlite, octet: u8) -> Stores {
    sqlite.with_row_key(RowKey::new(&Secret32::new([octet; 32])), Arc::new(|| at(ALARM)))
}

/// What the alarms in the log say, in its order.
async fn alarms(stores: &Stores) -> Vec<String> {
    let events = stores.events.list(0, 10_000).await.unwrap();
    let alarms = events.into_iter().map(|recorded| recorded.event).filter(|event| event.kind == EventKind::RowTampered);
    alarms
        .map(|event| {
            assert_eq!(event.at, at(ALARM));
            event.detail.split(':').next().unwrap().to_owned()
        })
        .collect()
}
