//! `GET /api/auth/whoami`

use axum::Json;
use axum::extract::State;
use countersign_core::permission::Permission;
use countersign_core::problem::Problem;
use countersign_core::verdict::Principal;
use http::Method;
use serde_json::{Value, json};

use crate::app::SharedApp;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::own_sessions::present;

/// Who the guard takes the caller for, and by which session.
///
/// The method is looked at here: a router of axum adds an `Allow` of its own to whatever answers another method, and does
/// so outside of the guard, where nothing is signed any more.
pub async fn whoami(State(app): State<SharedApp>, method: Method, identity: Identity) -> Result<Json<Value>, Refused> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Refused::method_not_allowed("GET, HEAD"));
    }
    let Principal { user, username, role, permissions, prover, .. } = identity.principal();
    let session = present(&app, identity.principal(), clock::now(&app)?).await.map_err(|error| undecided(&error))?;
    let mut answer = json!({
        "user_id": user.to_string(),
        "username": username.as_str(),
        "role": role.as_str(),
        "permissions": permissions.iter().map(Permission::as_str).collect::<Vec<_>>(),
        "keyid": prover.to_string(),
    });
    if let (Some(session), Some(members)) = (session, answer.as_object_mut()) {
        members.insert("session".to_owned(), serde_json::to_value(session).map_err(|_| Problem::UNAVAILABLE)?);
    }
    Ok(Json(answer))
}
