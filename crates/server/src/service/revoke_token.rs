//! A token is taken back by a program that was shown it (RFC 7009).

use countersign_core::session::{EndReason, Scope};

use super::Undecided;
use super::control::Asked;
use super::end_sessions::end;
use super::genuine_token::genuine;
use crate::app::SharedApp;

/// Ends the session of a token, be it an access token or a refresh token. Nothing happens for what is no token of ours, or
/// no longer (RFC 7009 §2.2).
///
/// Each token is issued to the one client that the guard has, its own; a program that an operator has named and that holds
/// a token may take it back, whoever was given it. That is durable when this returns. A refresh token that was replaced ends
/// the session too: to be logged out is what was asked for. It is done again for a session that has ended: the store may
/// not have been told.
pub async fn revoke_token(app: &SharedApp, token: &str, asked: Asked) -> Result<(), Undecided> {
    let Some(found) = genuine(&app.accounts, token, asked.at).await? else { return Ok(()) };
    let session = Scope::Session(found.session().reference());
    end(app, session, EndReason::TokenRevoked, asked).await.map(|_| ())
}
