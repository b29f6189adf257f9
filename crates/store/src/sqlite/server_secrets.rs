use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::secret::Sealed;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query};

use super::Sqlite;
use super::failure::Failure;
use super::value::Unreadable;
use crate::port::{ServerSecrets, StoreError};

const FIND: &str = "SELECT kek_version, sealed FROM server_secrets WHERE name = ?";
const KEEP: &str = "INSERT INTO server_secrets (kek_version, sealed, name) VALUES (?, ?, ?)";
const REMOVE: &str = "DELETE FROM server_secrets WHERE name = ?";
const REPLACE: &str = "UPDATE server_secrets SET kek_version = ?, sealed = ? WHERE name = ?";

#[async_trait]
impl ServerSecrets for Sqlite {
    async fn find(&self, name: &str) -> Result<Option<Sealed>, StoreError> {
        let find = query(FIND).bind(name).fetch_optional(&self.readers);
        let row = self.read(async { Ok(find.await?) }).await?;
        Ok(row.as_ref().map(sealed).transpose()?)
    }

    async fn keep_first(&self, name: &str, fresh: &Sealed) -> Result<Sealed, StoreError> {
        let (name, fresh) = (name.to_owned(), fresh.clone());
        self.writer.write(move |connection| Box::pin(keep_first(connection, name, fresh))).await
    }

    async fn replace(&self, name: &str, fresh: &Sealed, event: &Event) -> Result<(), StoreError> {
        let (name, fresh, event) = (name.to_owned(), fresh.clone(), event.clone());
        let chain = self.writer.chain().clone();
        let replaced = self.writer.write(move |connection| {
            Box::pin(async move {
                replace(connection, &name, &fresh).await?;
                chain.append(connection, &event).await
            })
        });
        replaced.await
    }

    async fn exchange(&self, secrets: &[(&'static str, Option<Sealed>)], event: &Event) -> Result<(), StoreError> {
        let (secrets, event) = (secrets.to_vec(), event.clone());
        let chain = self.writer.chain().clone();
        let exchanged = self.writer.write(move |connection| {
            Box::pin(async move {
                for (name, fresh) in &secrets {
                    match fresh {
                        Some(fresh) => replace(connection, name, fresh).await?,
                        None => query(REMOVE).bind(*name).execute(&mut *connection).await.map(drop)?,
                    }
                }
                chain.append(connection, &event).await
            })
        });
        exchanged.await
    }
}

async fn keep_first(connection: &mut SqliteConnection, name: String, fresh: Sealed) -> Result<Sealed, Failure> {
    if let Some(row) = query(FIND).bind(&name).fetch_optional(&mut *connection).await? {
        return sealed(&row);
    }
    put(connection, KEEP, &name, &fresh).await?;
    Ok(fresh)
}

async fn replace(connection: &mut SqliteConnection, name: &str, fresh: &Sealed) -> Result<(), Failure> {
    if put(connection, REPLACE, name, fresh).await? == 0 {
        put(connection, KEEP, name, fresh).await?;
    }
    Ok(())
}

async fn put(connection: &mut SqliteConnection, sql: &'static str, name: &str, fresh: &Sealed) -> Result<u64, Failure> {
    let put = query(sql).bind(fresh.version).bind(&fresh.octets).bind(name);
    Ok(put.execute(connection).await?.rows_affected())
}

fn sealed(row: &SqliteRow) -> Result<Sealed, Failure> {
    let read = || -> Result<Sealed, Unreadable> {
        let version = u32::try_from(row.try_get::<i64, _>("kek_version")?)?;
        Ok(Sealed { version, octets: row.try_get("sealed")? })
    };
    read().map_err(|source| Failure::Corrupt { what: "server secret", source })
}
