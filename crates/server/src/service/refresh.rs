//! A refresh token is exchanged for the next one and an access token (protocol §12).

use countersign_core::account::User;
use countersign_core::event::{Event, EventKind};
use countersign_core::session::{Family, FamilySecret, Presented, Presenter, Proof, RefreshToken, Scope, Session};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Prover, Refusal, Verdict};
use countersign_store::port::{Presentation, Refreshed};

use super::genuine_token::secret_of;
use super::grant::{Grant, access_token};
use super::session_use::judge;
use super::whence::Whence;
use super::{Undecided, to_its_end};
use crate::app::{App, SharedApp};
use crate::sessions::Standing;

/// How often a refresh is tried that finds the user changed meanwhile.
const TRIES: u32 = 3;

/// What became of a refresh.
#[derive(Debug)]
pub enum Refresh {
    /// These take the place of what there was.
    Granted(Box<Grant>),
    /// Another one of the same client was quicker; nothing has ended.
    Conflict,
    /// The token had been replaced, and two have held it: the session has ended.
    Reused,
    /// The session must sign this, and has not. Nothing has ended.
    Unproven,
    /// The token is none of ours.
    Unknown,
    /// It has expired, or the session has.
    Invalid,
    /// The session has ended.
    Ended,
}

/// Exchanges a refresh token, for whoever has signed the request, if anybody has.
pub async fn refresh(
    app: &SharedApp,
    token: &RefreshToken,
    signer: Option<&Principal>,
    whence: &Whence,
    now: Timestamp,
) -> Result<Refresh, Undecided> {
    for _ in 0..TRIES {
        let Some(held) = Held::of(app, token).await? else { return Ok(Refresh::Unknown) };
        let signed = signer.is_some_and(|signer| signer.prover == Prover::Session(held.session.reference));
        let asked = Asked { signed, whence: whence.clone(), now };
        if let Some(refused) = held.refusal(app, &asked).await? {
            return Ok(refused);
        }
        if let Some(decided) = to_its_end(held.exchange(app.clone(), token.clone(), asked)).await? {
            return Ok(decided);
        }
    }
    Ok(Refresh::Ended)
}

/// A refresh token of ours, and all that it stands for.
struct Held {
    family: Family,
    secret: FamilySecret,
    session: Session,
    user: User,
}

/// Who asks.
struct Asked {
    signed: bool,
    whence: Whence,
    now: Timestamp,
}

impl Held {
    /// None: we have not made it. That ends nothing, or anybody could end a session by guessing.
    async fn of(app: &App, token: &RefreshToken) -> Result<Option<Self>, Undecided> {
        let stores = &app.accounts.stores;
        let Some(family) = stores.token_families.find(token.family()).await? else { return Ok(None) };
        let Some(session) = stores.sessions.find(family.session).await? else { return Ok(None) };
        let Some(user) = stores.users.find(family.user).await? else { return Ok(None) };
        let secret = secret_of(&app.accounts, &family, &user.username, token)?;
        Ok(secret.map(|secret| Self { family, secret, session, user }))
    }

    /// Why it is good for nothing, as far as is known without asking which token of the family it is.
    async fn refusal(&self, app: &SharedApp, asked: &Asked) -> Result<Option<Refresh>, Undecided> {
        if self.session.proof == Proof::Key && !asked.signed {
            return Ok(Some(Refresh::Unproven));
        }
        let Some(entry) = app.accounts.sessions.find(self.session.reference)? else { return Ok(Some(Refresh::Ended)) };
        let is_over = asked.now >= self.family.expires || asked.now >= self.family.good_until;
        Ok(match judge(app, &entry, asked.whence.address, asked.now).await? {
            Verdict::Refuse(Refusal::TokenInvalid) => Some(Refresh::Invalid),
            Verdict::Refuse(_) => Some(Refresh::Ended),
            Verdict::Admit(_) if is_over => Some(Refresh::Invalid),
            Verdict::Admit(_) => None,
        })
    }

    /// None: the user was changed meanwhile, and a new attempt finds out what follows.
    async fn exchange(
        self,
        app: SharedApp,
        token: RefreshToken,
        Asked { signed, whence, now }: Asked,
    ) -> Result<Option<Refresh>, Undecided> {
        let Self { family, secret, session, user } = self;
        let Some(access_token) = access_token(&app.accounts, &user, &session, &whence, now)? else {
            return Ok(Some(Refresh::Invalid));
        };
        let presentation = Presentation {
            family: family.id,
            sequence: token.sequence(),
            by: Presenter { signed, place: whence.place() },
            generation: session.generation,
            token: access_token.hash,
            sliding: app.accounts.config.sessions.idle,
            at: now,
        };
        let event = reuse(&session, &whence, now);
        let sessions = &app.accounts.sessions;
        match app.accounts.stores.token_families.rotate(&presentation, &event).await? {
            Refreshed::Stale => return Ok(None),
            Refreshed::Judged(Presented::Conflict) => return Ok(Some(Refresh::Conflict)),
            Refreshed::Judged(Presented::Unproven) => return Ok(Some(Refresh::Unproven)),
            Refreshed::Judged(Presented::Ended) => return Ok(Some(Refresh::Ended)),
            Refreshed::Judged(Presented::Reused) => {
                sessions.deny(&Scope::Session(session.reference), now)?;
                sessions.log_has_grown();
                return Ok(Some(Refresh::Reused));
            }
            Refreshed::Judged(Presented::Rotate | Presented::Again) => {}
        }
        let Some(entry) = sessions.find(session.reference)? else { return Ok(Some(Refresh::Ended)) };
        sessions.refreshed(session.reference, access_token.hash, whence.address)?;
        // Whoever ends the session denies it before the store is asked: what was kept an instant too early goes nowhere.
        if app.accounts.standing(&entry, now)? != Standing::Open {
            return Ok(Some(Refresh::Ended));
        }
        sessions.note_use(&entry, whence.address, whence.user_agent.as_deref())?;
        let refresh_token = secret.token(family.id, token.sequence().saturating_add(1)).to_text();
        let grant = Grant::of(&session, &user, (access_token, refresh_token), now);
        Ok(Some(Refresh::Granted(Box::new(grant))))
    }
}

/// What is told of a token that was brought twice.
fn reuse(session: &Session, whence: &Whence, now: Timestamp) -> Event {
    Event {
        at: now,
        kind: EventKind::RefreshReuse,
        user: Some(session.user),
        key: session.key().cloned(),
        session: Some(session.reference),
        actor: whence.address.to_string(),
        detail: "a refresh token came that had been replaced".to_owned(),
    }
}
