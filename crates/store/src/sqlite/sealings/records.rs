use core::marker::PhantomData;

use async_trait::async_trait;
use countersign_core::account::{Credentials, KeyRecord};
use countersign_core::encoding::hex;
use countersign_core::id::UserId;
use countersign_core::secret::Sealed;
use countersign_core::session::{Family, OpenedBy, Session};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

use super::{Found, Ledger, SealedTable, Seek};
use crate::port::{Resealed, SealedPlace, Sealing};
use crate::sqlite::failure::Failure;
use crate::sqlite::row::{Kept, Stored, Trust};
use crate::sqlite::value::sixteen;

const FIND_USER: &str = "SELECT * FROM users WHERE id = ?";

/// A table of rows with MACs, each of which may hold something sealed for its name and the name of its user.
pub(super) struct Records<T>(PhantomData<T>);

/// The roots of keys.
pub(super) static KEY_ROOTS: Records<KeyRecord> = Records(PhantomData);
/// The roots of sessions that a password opened.
pub(super) static SESSION_ROOTS: Records<Session> = Records(PhantomData);
/// The secrets of families of refresh tokens.
pub(super) static FAMILY_SECRETS: Records<Family> = Records(PhantomData);

/// A value with something sealed in it. In the statements, ids that are octets stand in hex, which orders them alike.
pub(super) trait Holds: Kept + Send + Sync {
    /// Rows after this id that are sealed under another version than this, at most so many.
    const OTHERS: &'static str;
    /// The row of this id.
    const FIND: &'static str;
    /// Sets version, octets and MAC of the row of this id.
    const RESEAL: &'static str;

    /// The id of a row, unless even that cannot be read.
    fn id(row: &SqliteRow) -> Option<String>;

    /// For what the value is sealed, for whom, and the value.
    fn held(&self) -> Option<(String, UserId, &Sealed)>;

    /// The same with this in its place.
    fn sealed_anew(self, fresh: &Sealed) -> Self;
}

impl Holds for KeyRecord {
    const OTHERS: &'static str = "SELECT * FROM keys WHERE id > ? AND kek_version <> ? ORDER BY id LIMIT ?";
    const FIND: &'static str = "SELECT * FROM keys WHERE id = ?";
    const RESEAL: &'static str = "UPDATE keys SET kek_version = ?, root = ?, mac = ? WHERE id = ?";

    fn id(row: &SqliteRow) -> Option<String> {
        row.try_get("id").ok()
    }

    fn held(&self) -> Option<(String, UserId, &Sealed)> {
        Some((self.id.to_string(), self.user, &self.root))
    }

    fn sealed_anew(self, fresh: &Sealed) -> Self {
        Self { root: fresh.clone(), ..self }
    }
}

impl Holds for Session {
    const OTHERS: &'static str =
        "SELECT * FROM active_sessions WHERE ref > unhex(?) AND kek_version <> ? ORDER BY ref LIMIT ?";
    const FIND: &'static str = "SELECT * FROM active_sessions WHERE ref = unhex(?)";
    const RESEAL: &'static str = "UPDATE active_sessions SET kek_version = ?, root = ?, mac = ? WHERE ref = unhex(?)";

    fn id(row: &SqliteRow) -> Option<String> {
        sixteen(row, "ref").ok().map(|octets| hex(&octets))
    }

    fn held(&self) -> Option<(String, UserId, &Sealed)> {
        match &self.opened_by {
            OpenedBy::Password { root: Some(root) } => Some((self.reference.keyid(), self.user, root)),
            OpenedBy::Password { root: None } | OpenedBy::Key(_) => None,
        }
    }

    fn sealed_anew(self, fresh: &Sealed) -> Self {
        Self { opened_by: OpenedBy::Password { root: Some(fresh.clone()) }, ..self }
    }
}

impl Holds for Family {
    const OTHERS: &'static str =
        "SELECT * FROM token_families WHERE id > unhex(?) AND kek_version <> ? ORDER BY id LIMIT ?";
    const FIND: &'static str = "SELECT * FROM token_families WHERE id = unhex(?)";
    const RESEAL: &'static str = "UPDATE token_families SET kek_version = ?, secret = ?, mac = ? WHERE id = unhex(?)";

    fn id(row: &SqliteRow) -> Option<String> {
        sixteen(row, "id").ok().map(|octets| hex(&octets))
    }

    fn held(&self) -> Option<(String, UserId, &Sealed)> {
        Some((Self::name_of_secret(self.id), self.user, &self.secret))
    }

    fn sealed_anew(self, fresh: &Sealed) -> Self {
        Self { secret: fresh.clone(), ..self }
    }
}

#[async_trait]
impl<T: Holds> SealedTable for Records<T> {
    fn name(&self) -> &'static str {
        T::TABLE
    }

    async fn others(&self, ledger: &mut Ledger<'_>, seek: Seek<'_>) -> Result<Vec<Found>, Failure> {
        let Seek { current, after, limit } = seek;
        let others = query(T::OTHERS).bind(after).bind(current).bind(limit);
        let mut found = Vec::new();
        for row in others.fetch_all(&mut *ledger.connection).await? {
            let id = T::id(&row);
            let sealing = match (ledger.warden.read::<T>(&row), &id) {
                (Stored::Sound(value), Some(id)) => sealing(ledger, id, &value).await?,
                (Stored::Sound(_) | Stored::Tampered(_) | Stored::Unreadable(_), _) => None,
            };
            found.push(Found { id, sealing });
        }
        Ok(found)
    }

    async fn reseal(
        &self,
        ledger: &mut Ledger<'_>,
        id: &str,
        (former, fresh): (&Sealed, &Sealed),
    ) -> Result<Resealed, Failure> {
        let Some(row) = query(T::FIND).bind(id).fetch_optional(&mut *ledger.connection).await? else {
            return Ok(Resealed::Changed);
        };
        let value = match ledger.warden.read::<T>(&row) {
            Stored::Sound(value) if value.held().is_some_and(|(_, _, held)| held == former) => value.sealed_anew(fresh),
            Stored::Sound(_) => return Ok(Resealed::Changed),
            Stored::Tampered(_) | Stored::Unreadable(_) => return Ok(Resealed::Distrusted),
        };
        let reseal = query(T::RESEAL).bind(fresh.version).bind(&fresh.octets).bind(ledger.warden.mac(&value)).bind(id);
        reseal.execute(&mut *ledger.connection).await?;
        Ok(Resealed::Done)
    }
}

/// What a value holds and its owner. A user whose row is not as it was written may have had another name.
async fn sealing<T: Holds>(ledger: &mut Ledger<'_>, id: &str, value: &T) -> Result<Option<Sealing>, Failure> {
    let Some((name, user, sealed)) = value.held() else { return Ok(None) };
    let row = query(FIND_USER).bind(user.to_string()).fetch_optional(&mut *ledger.connection).await?;
    let user = row.and_then(|row| ledger.warden.read::<Credentials>(&row).raw().ok());
    Ok(user.map(|(owner, trust)| Sealing {
        place: SealedPlace { table: T::TABLE, id: id.to_owned() },
        name,
        owner: owner.user().username.to_string(),
        sealed: sealed.clone(),
        vouched: trust == Trust::Holds,
    }))
}
