//! `/api/auth/sessions` and `/api/auth/revoke`: one's own sessions.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use countersign_core::verdict::SessionPrincipal;
use http::{Method, StatusCode};

use crate::app::SharedApp;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::problem::Refused;
use crate::http::query::{once, parameters};
use crate::http::verify::undecided;
use crate::service::own_sessions::{self, MOST, OwnSessions, Page};
use crate::service::whence::Whence;

/// How many sessions are shown at once when nobody says.
const FEW: u32 = 50;

/// Lists one's open sessions.
pub async fn list(
    State(app): State<SharedApp>,
    identity: Identity,
    method: Method,
    RawQuery(query): RawQuery,
) -> Result<Json<OwnSessions>, Refused> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Refused::method_not_allowed("GET, HEAD"));
    }
    let page = page(query.as_deref().unwrap_or_default()).ok_or_else(|| {
        Refused::from(Problem::MALFORMED_REQUEST).saying(
            "A list takes after, the reference of a session, and limit, a number from 1 to 100, each at most once.",
        )
    })?;
    let listed = own_sessions::list(&app, identity.principal(), page, clock::now(&app)?).await;
    listed.map(Json).map_err(|error| undecided(&error))
}

/// Which part is asked for. None: the query says something else, or something twice.
fn page(query: &str) -> Option<Page> {
    let (mut after, mut limit) = (None, None);
    for parameter in parameters(query) {
        match parameter? {
            ("after", reference) => once(&mut after, reference)?,
            ("limit", number) => once(&mut limit, number)?,
            _ => return None,
        }
    }
    let limit = limit.unwrap_or(FEW);
    (1..=MOST).contains(&limit).then_some(Page { after, limit })
}

/// Ends one of one's sessions.
pub async fn revoke(
    State(app): State<SharedApp>,
    identity: Identity,
    Path(reference): Path<String>,
    whence: Whence,
    method: Method,
) -> Result<Response, Refused> {
    if method != Method::DELETE {
        return Err(Refused::method_not_allowed("DELETE"));
    }
    let Ok(session) = reference.parse() else { return Err(Problem::NOT_FOUND.into()) };
    let revoked = own_sessions::revoke(&app, identity.principal(), session, &whence, clock::now(&app)?).await;
    match revoked.map_err(|error| undecided(&error))? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(Problem::NOT_FOUND.into()),
    }
}

/// Ends all of one's sessions but the one that asks.
pub async fn revoke_others(
    State(app): State<SharedApp>,
    identity: Identity,
    whence: Whence,
    method: Method,
) -> Result<Response, Refused> {
    if method != Method::POST {
        return Err(Refused::method_not_allowed("POST"));
    }
    let session = session_of(&identity)?;
    let revoked = own_sessions::revoke_others(&app, (identity.user(), session), &whence, clock::now(&app)?).await;
    revoked.map_err(|error| undecided(&error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends the session that asks.
pub async fn log_out(
    State(app): State<SharedApp>,
    identity: Identity,
    whence: Whence,
    method: Method,
) -> Result<Response, Refused> {
    if method != Method::POST {
        return Err(Refused::method_not_allowed("POST"));
    }
    let ended = own_sessions::log_out(&app, session_of(&identity)?, &whence, clock::now(&app)?).await;
    ended.map_err(|error| undecided(&error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The session that asks. A program's request is of none.
pub(super) fn session_of(identity: &Identity) -> Result<&SessionPrincipal, Refused> {
    let session = identity.principal().session.as_ref();
    session.ok_or_else(|| {
        Refused::from(Problem::FORBIDDEN)
            .saying("A key has signed this, and no session. Log in, and ask in the session.")
    })
}

#[cfg(test)]
mod tests {
    use countersign_core::id::SessionRef;

    use super::*;

    /// Row E13 of the attack corpus.
    #[test]
    fn a_page_is_asked_for_in_one_way_only() {
        let session = SessionRef([7; 16]);
        let after = Some(session);
        assert_eq!(page(""), Some(Page { after: None, limit: FEW }));
        assert_eq!(page(&format!("after={session}&limit=100")), Some(Page { after, limit: 100 }));
        assert_eq!(page(&format!("limit=1&after={session}")), Some(Page { after, limit: 1 }));
        for query in [
            "limit=0",
            "limit=101",
            "limit=1e9",
            "limit=1000000000",
            "limit=+1",
            "limit=-1",
            "limit=",
            "limit=5&limit=5",
            "limit=05",
            "&limit=5",
            "limit=%35",
            "after=",
            "after=AAAA",
            "after=../../etc/passwd",
            "after=' OR 1=1",
            "after",
            "user=x",
            "&",
            "limit=5&",
            "Limit=5",
        ] {
            assert_eq!(page(query), None, "{query}");
        }
        assert_eq!(page(&format!("after={session}=")), None);
        assert_eq!(page(&format!("after={session}&after={session}")), None);
    }
}
