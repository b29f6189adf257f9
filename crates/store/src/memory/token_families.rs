use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{FamilyId, SessionRef};
use countersign_core::session::{EndReason, Family, Presented, Session, SessionState, TokenHash};

use super::{Kept, Memory};
use crate::port::{Presentation, Refreshed, StoreError, TokenFamilies};

#[async_trait]
impl TokenFamilies for Memory {
    async fn find(&self, id: FamilyId) -> Result<Option<Family>, StoreError> {
        Ok(self.kept()?.families.get(&id).cloned())
    }

    async fn rotate(&self, presentation: &Presentation, event: &Event) -> Result<Refreshed, StoreError> {
        let mut kept = self.kept()?;
        let Some(family) = kept.families.get(&presentation.family).cloned() else {
            return Ok(Refreshed::Judged(Presented::Ended));
        };
        let judged = family.present(presentation.sequence, &presentation.by, presentation.at);
        match judged {
            Presented::Rotate | Presented::Again => Ok(kept.refresh(family, judged, presentation)),
            Presented::Reused => {
                kept.end_session(family.session, EndReason::RefreshReused, event);
                Ok(Refreshed::Judged(judged))
            }
            Presented::Conflict | Presented::Unproven | Presented::Ended => Ok(Refreshed::Judged(judged)),
        }
    }

    async fn note_token(&self, session: SessionRef, token: &TokenHash) -> Result<bool, StoreError> {
        let mut kept = self.kept()?;
        if !kept.session(session).is_some_and(|session| session.token.matches(token)) {
            return Ok(false);
        }
        let is_news =
            |family: &&mut Family| family.session == session && !family.used && family.state == SessionState::Open;
        Ok(kept.families.values_mut().find(is_news).map(|family| family.used = true).is_some())
    }

    async fn note_used(&self, id: FamilyId, sequence: u32) -> Result<bool, StoreError> {
        let mut kept = self.kept()?;
        let family = kept.families.get_mut(&id).filter(|family| family.sequence == sequence && !family.used);
        let Some(family) = family.filter(|family| family.state == SessionState::Open) else { return Ok(false) };
        family.used = true;
        Ok(true)
    }
}

impl Kept {
    fn refresh(&mut self, family: Family, judged: Presented, presentation: &Presentation) -> Refreshed {
        let Presentation { by, generation, token, sliding, at, .. } = presentation;
        let session = self.session(family.session).filter(|session| self.stands(session, *at));
        let Some(session) = session else { return Refreshed::Judged(Presented::Ended) };
        if session.generation != *generation {
            return Refreshed::Stale;
        }
        if judged == Presented::Rotate {
            let Some(family) = family.rotated(by.place, *at, *sliding) else {
                return Refreshed::Judged(Presented::Ended);
            };
            self.families.insert(family.id, family);
        }
        self.keep_session(Session { token: *token, ..session });
        Refreshed::Judged(judged)
    }
}
