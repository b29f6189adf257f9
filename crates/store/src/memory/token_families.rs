use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{FamilyId, SessionRef};
use countersign_core::session::{EndReason, Family, Presented, Session, SessionState};

use super::{Kept, Memory};
use crate::meaning::came_with_the_current;
use crate::port::{Presentation, Refreshed, StoreError, TokenFamilies, UsedToken};

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

    async fn note_token(&self, session: SessionRef, used: &UsedToken) -> Result<bool, StoreError> {
        let mut kept = self.kept()?;
        let Some(session) = kept.session(session) else { return Ok(false) };
        let is_its = |family: &&mut Family| family.session == session.reference && family.state == SessionState::Open;
        let Some(family) = kept.families.values_mut().find(is_its) else { return Ok(false) };
        family.used |= came_with_the_current(used, &session, family);
        Ok(family.used)
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
