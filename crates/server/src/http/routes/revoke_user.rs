//! `POST /api/auth/revoke-user/{user_id}`

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::id::UserId;
use countersign_core::problem::Problem;
use http::{Method, StatusCode};

use crate::app::SharedApp;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::revoke_user::{TakenBack, Taking, take_back};
use crate::service::whence::Whence;

/// Takes back everything that a user was issued, and with `?keys=true` the keys, too.
pub async fn revoke_user(
    State(app): State<SharedApp>,
    identity: Identity,
    (Path(user), RawQuery(query)): (Path<String>, RawQuery),
    whence: Whence,
    method: Method,
) -> Result<Response, Refused> {
    if method != Method::POST {
        return Err(Refused::method_not_allowed("POST"));
    }
    let keys = keys(query.as_deref())?;
    // In its one spelling: else the address of a user would have many.
    let parsed = user.parse().ok().filter(|id: &UserId| id.to_string() == user);
    let Some(user) = parsed else { return Err(Problem::NOT_FOUND.into()) };
    let taken = take_back(&app, identity.principal(), Taking { user, keys }, &whence, clock::now(&app)?).await;
    match taken.map_err(|error| undecided(&error))? {
        TakenBack::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        TakenBack::Forbidden => Err(Problem::FORBIDDEN.into()),
        TakenBack::TooLongAgo => Err(Problem::REAUTHENTICATION_REQUIRED.into()),
        TakenBack::NoSuchUser => Err(Problem::NOT_FOUND.into()),
    }
}

fn keys(query: Option<&str>) -> Result<bool, Refused> {
    match query {
        None | Some("" | "keys=false") => Ok(false),
        Some("keys=true") => Ok(true),
        Some(_) => Err(Refused::from(Problem::MALFORMED_REQUEST)
            .saying("This takes the parameter keys, which is true or false, and no other.")),
    }
}
