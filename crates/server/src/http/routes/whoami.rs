//! `GET /api/auth/whoami`

use axum::Json;
use axum::extract::Extension;
use countersign_core::verdict::Principal;
use serde_json::{Value, json};

use crate::http::verify::Admitted;

/// Who the guard takes the caller for.
pub async fn whoami(Extension(Admitted(principal)): Extension<Admitted>) -> Json<Value> {
    let Principal { user, username, role, key } = principal;
    Json(json!({
        "user_id": user.to_string(),
        "username": username.as_str(),
        "role": role.as_str(),
        "keyid": key.as_str(),
    }))
}
