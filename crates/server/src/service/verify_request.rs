//! Is this message from the one who holds the key, is it fresh, and is it here for the first time?

use std::net::IpAddr;

use countersign_core::account::Role;
use countersign_core::event::EventKind;
use countersign_core::replay::Reading;
use countersign_core::signature::{Authentic, Authentication, Received};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Prover, Refusal, Verdict};

use super::claim::{Claim, Claimant};
use super::{Undecided, confirm, rotate, session_use};
use crate::app::{App, SharedApp};

/// A message that says whose it is and can prove it: a request, or an envelope.
pub trait Provable: Sync {
    /// The name of the key that it says it was signed with.
    fn keyid(&self) -> &str;

    /// Whether the key of a person may sign it.
    fn opens_a_session(&self) -> bool;

    /// Checks everything that makes it the claimant's own, and only then its time.
    fn authenticate(&self, app: &App, claim: &Claim, now: Timestamp) -> Authentication<'_>;
}

impl Provable for Received {
    fn keyid(&self) -> &str {
        self.keyid()
    }

    /// To see who one is, which confirms a new key, and to log in.
    fn opens_a_session(&self) -> bool {
        let is_one = |path| ["/api/auth/whoami", "/api/auth/login"].contains(&path);
        self.components().any(|(name, value)| name == "@path" && is_one(value))
    }

    fn authenticate(&self, app: &App, claim: &Claim, now: Timestamp) -> Authentication<'_> {
        self.authenticate(claim.c2s(), app.freshness, now)
    }
}

/// Loads, decides, remembers (protocol §4). Nothing is written before the MAC is good.
pub async fn verify_request(
    app: &SharedApp,
    claim: &Claim,
    request: &impl Provable,
    from: IpAddr,
    reading: Reading,
) -> Result<Verdict, Undecided> {
    let now = match app.replay.now(reading) {
        Ok(now) => now,
        Err(refusal) => return Ok(Verdict::Refuse(refusal)),
    };
    let verdict = match request.authenticate(app, claim, now) {
        _ if !claim.may_sign(now) => Verdict::Refuse(unproven(app, claim, request, now)),
        Authentication::BadSignature => Verdict::Refuse(unproven(app, claim, request, now)),
        Authentication::Stale => Verdict::Refuse(Refusal::Stale),
        Authentication::FutureDated(authentic) => Verdict::Refuse(app.replay.burn(&authentic).await?),
        Authentication::Authentic(authentic) => match app.replay.remember(&authentic, now).await? {
            Ok(()) if claim.only_opens_sessions() && !request.opens_a_session() => {
                Verdict::Refuse(Refusal::SessionRequired)
            }
            Ok(()) => within_its_rights(admit(app, claim, &authentic, from, now).await?, request),
            Err(refusal) => Verdict::Refuse(refusal),
        },
    };
    if let Verdict::Refuse(refusal) = verdict {
        report(app, request.keyid(), refusal, from, now).await?;
    }
    Ok(verdict)
}

/// The verdict on an admitted request once its body is here. That can take minutes, and a key that was taken back
/// meanwhile must not act: else whoever has stolen it begins a few requests in advance. `request` is there if it was signed;
/// no key proves anything otherwise.
pub fn judge_again(
    app: &App,
    principal: &Principal,
    request: Option<&Received>,
    now: Timestamp,
) -> Result<Verdict, Undecided> {
    match &principal.prover {
        Prover::Key(key) => {
            let holder = app.accounts.keyring.find(key.as_str())?;
            let verdict = holder.map_or(Verdict::Refuse(Refusal::UnknownKey), |holder| holder.verdict(now));
            Ok(request.map_or(Verdict::Refuse(Refusal::BadSignature), |request| within_its_rights(verdict, request)))
        }
        Prover::Session(session) => match app.accounts.sessions.find(*session)? {
            Some(entry) => app.accounts.verdict_on(&entry, now),
            None => Ok(Verdict::Refuse(Refusal::TokenInvalid)),
        },
    }
}

/// Whoever was a program when the request came, or the key was enrolled, may be a person by now, whose key opens sessions
/// and signs nothing else.
fn within_its_rights(verdict: Verdict, request: &impl Provable) -> Verdict {
    match verdict {
        Verdict::Admit(Principal { role: Role::User | Role::Admin, prover: Prover::Key(_), .. })
            if !request.opens_a_session() =>
        {
            Verdict::Refuse(Refusal::SessionRequired)
        }
        Verdict::Admit(_) | Verdict::Refuse(_) => verdict,
    }
}

/// The one refusal for all that fails before the MAC has verified: same answer, same work.
fn unproven(app: &App, claim: &Claim, request: &impl Provable, now: Timestamp) -> Refusal {
    claim.spend_as_decoy(app, request.keyid());
    match claim.claimant() {
        Claimant::Nobody => Refusal::UnknownKey,
        Claimant::Holder(_) if !claim.may_sign(now) => Refusal::RevokedKey,
        Claimant::Holder(_) | Claimant::Session(_) | Claimant::Pending(..) => Refusal::BadSignature,
    }
}

async fn admit(
    app: &SharedApp,
    claim: &Claim,
    request: &Authentic<'_>,
    from: IpAddr,
    now: Timestamp,
) -> Result<Verdict, Undecided> {
    match claim.claimant() {
        Claimant::Holder(holder) => {
            let verdict = holder.verdict(now);
            if matches!(verdict, Verdict::Admit(_)) {
                rotate::note_use(app, holder, from, now).await?;
            }
            Ok(verdict)
        }
        Claimant::Session(session) => session_use::judge(app, session, from, now).await,
        Claimant::Pending(..) => confirm::confirm(app, request, from, now).await,
        Claimant::Nobody => Ok(Verdict::Refuse(Refusal::UnknownKey)),
    }
}

/// What the log is told. A wrong MAC leaves no trace in the store: anybody can send one.
pub(super) async fn report(
    app: &App,
    keyid: &str,
    refusal: Refusal,
    from: IpAddr,
    now: Timestamp,
) -> Result<(), Undecided> {
    let kind = match refusal {
        Refusal::BadSignature | Refusal::UnknownKey | Refusal::RevokedKey => {
            app.folding.log_bad_signature(from, now);
            return Ok(());
        }
        Refusal::Stale | Refusal::FutureDated => EventKind::ClockSkew,
        Refusal::Replayed => EventKind::Replay,
        Refusal::TokenRevoked => EventKind::TokenRevoked,
        Refusal::Throttled | Refusal::TooMuchKept => EventKind::Throttled,
        Refusal::OutcomeUnknown => EventKind::OutcomeUnknown,
        Refusal::WarmingUp
        | Refusal::Unavailable
        | Refusal::NameTaken
        | Refusal::TicketSpent
        | Refusal::NotTheSuccessor
        | Refusal::KeyOfAnother
        | Refusal::InFlight
        | Refusal::TokenInvalid
        | Refusal::TokenAlone
        | Refusal::SessionRequired => return Ok(()),
    };
    if let Some(event) = app.folding.note(kind, keyid, from, now) {
        app.accounts.stores.events.record(&app.accounts.of_its_user(event)).await?;
    }
    Ok(())
}
