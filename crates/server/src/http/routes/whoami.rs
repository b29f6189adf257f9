//! `GET /api/auth/whoami`

use axum::Json;
use countersign_core::permission::Permission;
use countersign_core::verdict::Principal;
use http::Method;
use serde_json::{Value, json};

use crate::http::identity::Identity;
use crate::http::problem::Refused;

/// Who the guard takes the caller for.
///
/// The method is looked at here: a router of axum adds an `Allow` of its own to whatever answers another method, and does
/// so outside of the guard, where nothing is signed any more.
pub async fn whoami(method: Method, identity: Identity) -> Result<Json<Value>, Refused> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Refused::method_not_allowed("GET, HEAD"));
    }
    let Principal { user, username, role, permissions, prover, .. } = identity.principal();
    Ok(Json(json!({
        "user_id": user.to_string(),
        "username": username.as_str(),
        "role": role.as_str(),
        "permissions": permissions.iter().map(Permission::as_str).collect::<Vec<_>>(),
        "keyid": prover.to_string(),
    })))
}
