//! `GET /api/auth/whoami`

use axum::Json;
use axum::extract::State;
use countersign_core::verdict::Principal;
use http::Method;
use serde::Serialize;

use crate::app::SharedApp;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::own_sessions::present;
use crate::service::session_row::SessionRow;

/// Who somebody is to the guard.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct Whoami {
    /// The user, by the UUID that never changes.
    user_id: String,
    /// The user's name.
    username: String,
    /// `user`, `admin` or `service`.
    role: &'static str,
    /// What the user may do at the API behind.
    permissions: Vec<String>,
    /// The key that has signed, or the keyid of the session.
    keyid: String,
    /// The session; not there where a key has signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "standalone", schema(nullable = false))]
    session: Option<SessionRow>,
}

/// Who the guard takes the caller for, and by which session.
///
/// The method is looked at here: a router of axum adds an `Allow` of its own to whatever answers another method, and does
/// so outside of the guard, where nothing is signed any more.
pub async fn whoami(State(app): State<SharedApp>, method: Method, identity: Identity) -> Result<Json<Whoami>, Refused> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Refused::method_not_allowed("GET, HEAD"));
    }
    let Principal { user, username, role, permissions, prover, .. } = identity.principal();
    let session = present(&app, identity.principal(), clock::now(&app)?).await.map_err(|error| undecided(&error))?;
    Ok(Json(Whoami {
        user_id: user.to_string(),
        username: username.to_string(),
        role: role.as_str(),
        permissions: permissions.iter().map(|permission| permission.as_str().to_owned()).collect(),
        keyid: prover.to_string(),
        session,
    }))
}
