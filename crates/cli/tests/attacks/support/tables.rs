//! Everything that is stored, as text, so that two moments can be compared.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

/// How many pages the file has, and every row of every table but the accept mark, which goes with the time.
pub(crate) async fn dump(database: &Path) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(database).pragma("query_only", "ON");
    let mut connection = options.connect().await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'accept_mark' ORDER BY 1")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert!(tables.len() > 6, "{tables:?}");
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut connection).await.unwrap();
    let mut rows = vec![format!("{pages} pages")];
    for table in tables {
        rows.extend(dump_table(&mut connection, &table).await);
    }
    rows
}

async fn dump_table(connection: &mut SqliteConnection, table: &str) -> Vec<String> {
    let columns: Vec<String> = sqlx::query_scalar("SELECT 'quote(' || name || ')' FROM pragma_table_info(?)")
        .bind(table)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let select = format!("SELECT '{table}: ' || {} FROM {table} ORDER BY 1", columns.join(" || ',' || "));
    sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(connection).await.unwrap()
}
