use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{FamilyId, SessionRef};
use countersign_core::secret::{RowKey, RowMac, Sealed};
use countersign_core::session::{EndReason, Family, Place, Presented, Session, SessionState};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

use super::Guarded;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::{Kept, Stored, Trust, canonical};
use super::value::{UnknownValue, Unreadable, end_columns, millis, proof, session_state, sixteen, timestamp};
use crate::meaning::{came_with_the_current, is_of};
use crate::port::{Presentation, Refreshed, StoreError, TokenFamilies, UsedToken};

const FIND: &str = "SELECT * FROM token_families WHERE id = ?";

const OF_SESSION: &str = "SELECT * FROM token_families WHERE session = ?";

const ADD: &str = "INSERT INTO token_families (id, session, user_id, proof, kek_version, secret, sequence, rotated_at, \
    place, used, good_until, expires_at, state, ended_at, ended_why, mac) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// The MAC stands for the whole row that was judged: if anything in it is another by now, nothing is written.
const SWAP: &str = "UPDATE token_families SET sequence = ?, rotated_at = ?, place = ?, used = ?, good_until = ?, mac = ? \
    WHERE id = ? AND mac = ? AND state = 0 RETURNING sequence";

#[async_trait]
impl TokenFamilies for Guarded {
    async fn find(&self, id: FamilyId) -> Result<Option<Family>, StoreError> {
        self.one(query(FIND).bind(id.0.as_slice()).fetch_optional(&self.sqlite.readers)).await
    }

    async fn rotate(&self, presentation: &Presentation, event: &Event) -> Result<Refreshed, StoreError> {
        let (presentation, event) = (presentation.clone(), event.clone());
        self.change(move |mut ledger| Box::pin(async move { ledger.rotate(&presentation, &event).await })).await
    }

    async fn note_token(&self, session: SessionRef, used: &UsedToken) -> Result<bool, StoreError> {
        let used = *used;
        self.change(move |mut ledger| Box::pin(async move { ledger.note_token(session, &used).await })).await
    }
}

impl Ledger<'_> {
    async fn rotate(&mut self, presentation: &Presentation, event: &Event) -> Result<Refreshed, Failure> {
        let Some(family) = self.sound_family(presentation.family).await? else {
            return Ok(Refreshed::Judged(Presented::Ended));
        };
        let judged = family.present(presentation.sequence, &presentation.by, presentation.at);
        match judged {
            Presented::Rotate | Presented::Again => self.refresh(&family, judged, presentation).await,
            Presented::Reused => {
                self.end_session(family.session, EndReason::RefreshReused, event).await?;
                Ok(Refreshed::Judged(judged))
            }
            Presented::Conflict | Presented::Unproven | Presented::Ended => Ok(Refreshed::Judged(judged)),
        }
    }

    async fn refresh(
        &mut self,
        family: &Family,
        judged: Presented,
        presentation: &Presentation,
    ) -> Result<Refreshed, Failure> {
        let Presentation { by, generation, token, sliding, at, .. } = presentation;
        let Some(session) = self.sound_session(family.session).await? else {
            return Ok(Refreshed::Judged(Presented::Ended));
        };
        if !self.stands(&session, *at).await? {
            return Ok(Refreshed::Judged(Presented::Ended));
        }
        if session.generation != *generation {
            return Ok(Refreshed::Stale);
        }
        if judged == Presented::Rotate {
            let Some(next) = family.rotated(by.place, *at, *sliding) else {
                return Ok(Refreshed::Judged(Presented::Ended));
            };
            if !self.swap(family, &next).await? {
                return Ok(Refreshed::Stale);
            }
        }
        self.keep_session(&Session { token: *token, ..session }, Trust::Holds).await?;
        Ok(Refreshed::Judged(judged))
    }

    async fn note_token(&mut self, session: SessionRef, used: &UsedToken) -> Result<bool, Failure> {
        let Some(kept) = self.sound_session(session).await? else { return Ok(false) };
        let row = query(OF_SESSION).bind(session.0.as_slice()).fetch_optional(&mut *self.connection).await?;
        let family = match row.map(|row| self.warden.read::<Family>(&row)) {
            Some(Stored::Sound(family)) if family.state == SessionState::Open => family,
            Some(Stored::Sound(_) | Stored::Tampered(_) | Stored::Unreadable(_)) | None => return Ok(false),
        };
        if family.used || !came_with_the_current(used, &kept, &family) {
            return Ok(family.used);
        }
        self.swap(&family, &Family { used: true, ..family.clone() }).await
    }

    /// Puts the one in the place of the other, if that still stands there as it was.
    async fn swap(&mut self, former: &Family, next: &Family) -> Result<bool, Failure> {
        let swap = query(SWAP)
            .bind(next.sequence)
            .bind(millis(next.rotated))
            .bind(next.place.0.as_slice())
            .bind(next.used)
            .bind(millis(next.good_until))
            .bind(self.warden.mac(next))
            .bind(next.id.0.as_slice())
            .bind(self.warden.mac(former));
        Ok(swap.fetch_optional(&mut *self.connection).await?.is_some())
    }

    /// The family of this name, if its row is ours.
    async fn sound_family(&mut self, id: FamilyId) -> Result<Option<Family>, Failure> {
        let row = query(FIND).bind(id.0.as_slice()).fetch_optional(&mut *self.connection).await?;
        Ok(row.and_then(|row| match self.warden.read(&row) {
            Stored::Sound(family) => Some(family),
            Stored::Tampered(_) | Stored::Unreadable(_) => None,
        }))
    }

    /// Adds the family of a session.
    pub(super) async fn add_family(&mut self, session: &Session, family: &Family) -> Result<(), Failure> {
        if !is_of(family, session) {
            return Err(Failure::Corrupt { what: Family::TABLE, source: NotOfTheSession.into() });
        }
        let (state, ended_at, ended_why) = end_columns(family.state);
        let add = query(ADD)
            .bind(family.id.0.as_slice())
            .bind(family.session.0.as_slice())
            .bind(family.user.to_string())
            .bind(family.proof.as_str())
            .bind(family.secret.version)
            .bind(&family.secret.octets)
            .bind(family.sequence)
            .bind(millis(family.rotated))
            .bind(family.place.0.as_slice())
            .bind(family.used)
            .bind(millis(family.good_until))
            .bind(millis(family.expires))
            .bind(state)
            .bind(ended_at)
            .bind(ended_why)
            .bind(self.warden.mac(family));
        add.execute(&mut *self.connection).await?;
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it is of another session than the one that it came with")]
struct NotOfTheSession;

impl Kept for Family {
    const TABLE: &'static str = "token_families";

    fn name(row: &SqliteRow) -> String {
        sixteen(row, "id").map(|id| FamilyId(id).to_string()).unwrap_or_default()
    }

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        let used = match row.try_get("used")? {
            0 => false,
            1 => true,
            code => return Err(UnknownValue(code, "used").into()),
        };
        Ok(Self {
            id: FamilyId(sixteen(row, "id")?),
            session: SessionRef(sixteen(row, "session")?),
            user: canonical(row.try_get("user_id")?)?,
            proof: proof(row.try_get("proof")?)?,
            secret: Sealed {
                version: row.try_get::<i64, _>("kek_version")?.try_into()?,
                octets: row.try_get("secret")?,
            },
            sequence: row.try_get::<i64, _>("sequence")?.try_into()?,
            rotated: timestamp(row.try_get("rotated_at")?)?,
            place: Place(sixteen(row, "place")?),
            used,
            good_until: timestamp(row.try_get("good_until")?)?,
            expires: timestamp(row.try_get("expires_at")?)?,
            state: session_state(row)?,
        })
    }

    fn mac(&self, key: &RowKey) -> RowMac {
        self.row_mac(key)
    }

    fn verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        self.row_verifies(key, mac)
    }

    /// Ended since its last refresh: nobody knows since when it has not been ours.
    fn distrusted(self) -> Self {
        Self { state: self.state.ended(self.rotated, EndReason::Distrusted), ..self }
    }
}
