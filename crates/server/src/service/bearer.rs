//! Is this access token good, and whose is it?

use std::net::IpAddr;

use countersign_core::replay::Reading;
use countersign_core::session::Proof;
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Prover, Refusal, Verdict};
use countersign_store::port::UsedToken;

use super::Undecided;
use super::genuine_token::{AccessToken, Unfit, access};
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
    let (keyid, verdict) = match access(&app.accounts, token, now)? {
        Ok(AccessToken { session, .. }) if session.proof() == Proof::Key => {
            (session.reference().keyid(), Verdict::Refuse(Refusal::TokenAlone))
        }
        Ok(AccessToken { session, used, .. }) => {
            (session.reference().keyid(), admit(app, &session, &used, (from, now)).await?)
        }
        Err(Unfit { refusal, .. }) => (String::new(), Verdict::Refuse(refusal)),
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
    Ok(match (&principal.prover, access(&app.accounts, token, now)?) {
        (_, Err(Unfit { is_ours: false, .. })) => Beside::Foreign,
        (Prover::Session(signer), Ok(AccessToken { session, used, .. })) if session.reference() == *signer => {
            note_token(&app.accounts, &session, &used).await?;
            Beside::Theirs
        }
        (Prover::Session(_), Err(Unfit { refusal, .. })) => Beside::Refused(refusal),
        (Prover::Session(_), Ok(_)) | (Prover::Key(_), _) => Beside::Contradicts,
    })
}

/// The first use of a token that came with the current refresh token is durable before the request is served: from then on
/// that one has a holder, and whoever brings the one before is not the one who lost an answer.
async fn note_token(accounts: &Accounts, session: &Entry, used: &UsedToken) -> Result<(), Undecided> {
    if session.is_untold(used) {
        let last = session.last_token();
        let is_known = accounts.stores.token_families.note_token(session.reference(), used).await?;
        session.note_told(&last, used, is_known);
    }
    Ok(())
}
