use countersign_core::id::{SessionId, SessionRef};
use countersign_core::secret::{RowKey, RowMac, Sealed};
use countersign_core::session::{EndReason, OpenedBy, Session, TokenHash};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

use super::super::failure::Failure;
use super::super::ledger::Ledger;
use super::super::row::{Kept, Trust, canonical};
use super::super::value::{Unreadable, end_columns, millis, octets, proof, session_state, sixteen, timestamp};

const ADD: &str = "INSERT INTO active_sessions (ref, id, user_id, token_hash, ip_address, user_agent, created_at, \
    last_used_at, expires_at, auth_time, device, opened_by, key_id, kek_version, root, proof, generation, epoch, state, \
    ended_at, ended_why, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const KEEP: &str = "UPDATE active_sessions SET token_hash = ?, ip_address = ?, user_agent = ?, last_used_at = ?, \
    auth_time = ?, generation = ?, mac = coalesce(?, mac) WHERE ref = ? AND state = 0";

impl Ledger<'_> {
    /// Adds a session.
    pub(super) async fn add_session(&mut self, session: &Session) -> Result<(), Failure> {
        let (opened_by, root) = match &session.opened_by {
            OpenedBy::Password { root } => ("password", root.as_ref()),
            OpenedBy::Key(_) => ("key", None),
        };
        let (state, ended_at, ended_why) = end_columns(session.state);
        let add = query(ADD)
            .bind(session.reference.0.as_slice())
            .bind(session.id.0.as_slice())
            .bind(session.user.to_string())
            .bind(session.token.0.as_slice())
            .bind(session.address.to_string())
            .bind(session.user_agent.as_deref())
            .bind(millis(session.created))
            .bind(millis(session.last_used))
            .bind(millis(session.expires))
            .bind(millis(session.auth_time))
            .bind(&*session.device)
            .bind(opened_by)
            .bind(session.key().map(|key| key.as_str()))
            .bind(root.map(|root| root.version))
            .bind(root.map(|root| root.octets.as_slice()))
            .bind(session.proof.as_str())
            .bind(session.generation)
            .bind(session.epoch)
            .bind(state)
            .bind(ended_at)
            .bind(ended_why)
            .bind(self.warden.mac(session));
        add.execute(&mut *self.connection).await?;
        Ok(())
    }

    /// Keeps what may change of a session that is open.
    pub(in crate::sqlite) async fn keep_session(&mut self, session: &Session, former: Trust) -> Result<(), Failure> {
        let keep = query(KEEP)
            .bind(session.token.0.as_slice())
            .bind(session.address.to_string())
            .bind(session.user_agent.as_deref())
            .bind(millis(session.last_used))
            .bind(millis(session.auth_time))
            .bind(session.generation)
            .bind(self.warden.new_mac(session, former))
            .bind(session.reference.0.as_slice());
        keep.execute(&mut *self.connection).await?;
        Ok(())
    }
}

impl Kept for Session {
    const TABLE: &'static str = "active_sessions";

    /// The reference: the id is never shown.
    fn name(row: &SqliteRow) -> String {
        sixteen(row, "ref").map(|reference| SessionRef(reference).to_string()).unwrap_or_default()
    }

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        Ok(Self {
            id: SessionId(sixteen(row, "id")?),
            reference: SessionRef(sixteen(row, "ref")?),
            user: canonical(row.try_get("user_id")?)?,
            opened_by: opener(row)?,
            proof: proof(row.try_get("proof")?)?,
            generation: row.try_get::<i64, _>("generation")?.try_into()?,
            epoch: row.try_get::<i64, _>("epoch")?.try_into()?,
            created: timestamp(row.try_get("created_at")?)?,
            auth_time: timestamp(row.try_get("auth_time")?)?,
            last_used: timestamp(row.try_get("last_used_at")?)?,
            expires: timestamp(row.try_get("expires_at")?)?,
            address: canonical(row.try_get("ip_address")?)?,
            user_agent: row.try_get::<Option<&str>, _>("user_agent")?.map(Into::into),
            device: row.try_get::<&str, _>("device")?.into(),
            token: TokenHash(octets(row, "token_hash")?),
            state: session_state(row)?,
        })
    }

    fn mac(&self, key: &RowKey) -> RowMac {
        self.row_mac(key)
    }

    fn verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        self.row_verifies(key, mac)
    }

    /// Ended since it was made: nobody knows since when it has not been ours.
    fn distrusted(self) -> Self {
        Self { state: self.state.ended(self.created, EndReason::Distrusted), ..self }
    }
}

fn opener(row: &SqliteRow) -> Result<OpenedBy, Unreadable> {
    let version = row.try_get::<Option<i64>, _>("kek_version")?.map(u32::try_from).transpose()?;
    let root: Option<Vec<u8>> = row.try_get("root")?;
    let key: Option<&str> = row.try_get("key_id")?;
    match (row.try_get::<&str, _>("opened_by")?, key, version, root) {
        ("password", None, None, None) => Ok(OpenedBy::Password { root: None }),
        ("password", None, Some(version), Some(octets)) => {
            Ok(OpenedBy::Password { root: Some(Sealed { version, octets }) })
        }
        ("key", Some(key), None, None) => Ok(OpenedBy::Key(canonical(key)?)),
        _ => Err(UnknownOpener.into()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("columns opened_by, key_id, kek_version and root do not say how a session was opened")]
struct UnknownOpener;
