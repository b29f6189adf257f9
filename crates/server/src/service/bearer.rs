//! Is this access token good, and whose is it?

use std::net::IpAddr;

use countersign_core::id::SessionRef;
use countersign_core::replay::Reading;
use countersign_core::session::{Proof, TokenHash};
use countersign_core::time::Timestamp;
use countersign_core::token::TokenFault;
use countersign_core::verdict::{Principal, Prover, Refusal, Verdict};
use countersign_store::port::UsedToken;

use super::Undecided;
use super::access_token::{Brought, read};
use super::session_use::judge;
use super::verify_request::report;
use crate::accounts::Accounts;
use crate::app::SharedApp;
use crate::sessions::Entry;

/// Judges a request that brings an access token and nothing else. No token is good without its session in memory.
pub async fn verify_token(app: &SharedApp, token: &str, from: IpAddr, reading: Reading) -> Result<Verdict, Undecided> {
    let now = match app.replay.now(reading) {
        Ok(now) => now,
        Err(refusal) => return Ok(Verdict::Refuse(refusal)),
    };
    let (keyid, verdict) = match found(app, token, now)? {
        Ok((session, _)) if session.proof() == Proof::Key => {
            (session.reference().keyid(), Verdict::Refuse(Refusal::TokenAlone))
        }
        Ok((session, used)) => (session.reference().keyid(), admit(app, &session, &used, (from, now)).await?),
        Err(refusal) => (String::new(), Verdict::Refuse(refusal)),
    };
    if let Verdict::Refuse(refusal) = verdict {
        report(app, &keyid, refusal, from, now).await?;
    }
    Ok(verdict)
}

async fn admit(
    app: &SharedApp,
    session: &Entry,
    used: &UsedToken,
    (from, now): (IpAddr, Timestamp),
) -> Result<Verdict, Undecided> {
    let verdict = judge(app, session, from, now).await?;
    if matches!(verdict, Verdict::Admit(_)) {
        note_token(&app.accounts, session, used).await?;
    }
    Ok(verdict)
}

/// What becomes of a request whose signature is good, and that brings this access token besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// It is one of the session that has signed, and is not for the API.
    Theirs,
    /// It is none of ours: whatever it says, it says to the API.
    Foreign,
    /// It says of the request that it is somebody else's than who has signed it.
    Contradicts,
    /// It was theirs, and is not good any more.
    Refused(Refusal),
}

/// Judges an access token beside a good signature.
pub async fn verify_beside(
    app: &SharedApp,
    principal: &Principal,
    token: &str,
    now: Timestamp,
) -> Result<Beside, Undecided> {
    let signer = match principal.prover {
        Prover::Session(session) => session,
        Prover::Key(_) if is_ours(&app.accounts, token, now) => return Ok(Beside::Contradicts),
        Prover::Key(_) => return Ok(Beside::Foreign),
    };
    match found(app, token, now)? {
        Ok((session, used)) if session.reference() == signer => {
            note_token(&app.accounts, &session, &used).await?;
            Ok(Beside::Theirs)
        }
        Ok(_) => Ok(Beside::Contradicts),
        Err(refusal) if is_ours(&app.accounts, token, now) => Ok(Beside::Refused(refusal)),
        Err(_) => Ok(Beside::Foreign),
    }
}

/// Whether a text is an access token of this guard, good or not: none of these is anybody else's business.
pub fn is_ours(accounts: &Accounts, token: &str, now: Timestamp) -> bool {
    match read(accounts, token, now) {
        Ok(_) => true,
        Err(fault) => match fault {
            TokenFault::Malformed => token.starts_with("csa_"),
            TokenFault::Header | TokenFault::UnknownKey | TokenFault::Signature => false,
            TokenFault::Claims
            | TokenFault::Issuer
            | TokenFault::Audience
            | TokenFault::NotYet
            | TokenFault::Expired => true,
        },
    }
}

/// The session of a token whose form, signature and time are good, and of which it says what is so; and what its use says.
/// Whether that session still counts is another question.
fn found(
    app: &SharedApp,
    token: &str,
    now: Timestamp,
) -> Result<Result<(std::sync::Arc<Entry>, UsedToken), Refusal>, Undecided> {
    let brought = match read(&app.accounts, token, now) {
        Ok(brought) => brought,
        Err(fault) => {
            tracing::debug!(%fault, "an access token was refused");
            return Ok(Err(Refusal::TokenInvalid));
        }
    };
    let Some(session) = app.accounts.sessions.find(session_of(&brought))? else {
        return Ok(Err(Refusal::TokenInvalid));
    };
    Ok(match &brought {
        Brought::Opaque(opaque) if session.is_good(opaque, now) => Ok((session, UsedToken::Hash(TokenHash::of(token)))),
        Brought::Opaque(_) => Err(Refusal::TokenInvalid),
        Brought::Verified(verified) => {
            let claims = verified.claims();
            if claims.user != session.user() || claims.proof != session.proof() {
                Err(Refusal::TokenInvalid)
            } else if claims.generation < session.generation() || claims.epoch < session.epoch() {
                Err(Refusal::TokenRevoked)
            } else {
                Ok((session, UsedToken::Issued(claims.issued)))
            }
        }
    })
}

fn session_of(brought: &Brought) -> SessionRef {
    match brought {
        Brought::Verified(token) => token.claims().session,
        Brought::Opaque(token) => token.session(),
    }
}

/// The first use of a token that came with the current refresh token is durable before the request is served: from then on
/// that one has a holder, and whoever brings the one before is not the one who lost an answer.
async fn note_token(accounts: &Accounts, session: &Entry, used: &UsedToken) -> Result<(), Undecided> {
    if !session.is_token_unnoted() {
        return Ok(());
    }
    let last = session.last_token();
    if accounts.stores.token_families.note_token(session.reference(), used).await? {
        session.note_token(&last);
    }
    Ok(())
}
