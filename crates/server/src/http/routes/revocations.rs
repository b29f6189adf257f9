//! `GET /api/auth/revocations?after=`: what was taken back, as long polls.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::account::Role;
use countersign_core::problem::Problem;
use http::Method;
use http::header::CACHE_CONTROL;

use crate::app::SharedApp;
use crate::http::identity::Identity;
use crate::http::problem::Refused;
use crate::http::query::{once, parameters};
use crate::http::verify::undecided;
use crate::service::revocation_feed::follow as follow_log;

/// Tells a program what was taken back after the entry that it names. The answer is signed, so nobody in between can keep
/// a revocation from it without its noticing.
pub async fn follow(State(app): State<SharedApp>, identity: Identity, request: Request) -> Result<Response, Refused> {
    if *request.method() != Method::GET {
        return Err(Refused::method_not_allowed("GET"));
    }
    match identity.role() {
        Role::Service => {}
        Role::User | Role::Admin => return Err(Problem::FORBIDDEN.into()),
    }
    let after = cursor(request.uri().query()).ok_or(Problem::MALFORMED_REQUEST)?;
    let _poll = app.polls.begin(&identity.principal().prover).ok_or(Problem::THROTTLED)?;
    let page = follow_log(&app, after).await.map_err(|error| undecided(&error))?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(page)).into_response())
}

/// The sequence number in `after=`: the only parameter, once, in its one spelling.
fn cursor(query: Option<&str>) -> Option<u64> {
    let mut after = None;
    for parameter in parameters(query?) {
        match parameter? {
            ("after", number) => once(&mut after, number)?,
            _ => return None,
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_one_number_in_one_spelling() {
        assert_eq!(cursor(Some("after=0")), Some(0));
        assert_eq!(cursor(Some("after=18446744073709551615")), Some(u64::MAX));
        for query in [
            None,
            Some(""),
            Some("after"),
            Some("after="),
            Some("after=-1"),
            Some("after=+1"),
            Some("after=01"),
            Some("after=1e3"),
            Some("after=12x"),
            Some("after=%31"),
            Some("after=1&after=1"),
            Some("after=1&"),
            Some("after=1&limit=2"),
            Some("limit=2&after=1"),
            Some("after=18446744073709551616"),
        ] {
            assert_eq!(cursor(query), None, "{query:?}");
        }
    }
}
