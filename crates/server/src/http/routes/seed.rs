//! The seed's own registration at `POST /api/auth/enrol`, behind `danger_seed_mode`.

use axum::response::{IntoResponse as _, Response};
use countersign_core::enrolment::seed_mode::SeedRegistration;
use countersign_core::id::KeyId;
use countersign_core::problem::Problem;
use countersign_core::secret::MacKey;
use countersign_core::signature::unbound::{RegistrationFields, sign_registration_answer};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::app::SharedApp;
use crate::edge;
use crate::http::peer::Peer;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::seed_enrol::{SeedEnrolment, seed_enrol};

/// A registration on the wire.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    username: String,
    nonce: String,
    mac: String,
}

/// Registers as the seed says: 201 and `{"keyid"}`, signed with the new key.
pub(super) async fn register(app: &SharedApp, body: &[u8], peer: Peer) -> Result<Response, Refused> {
    let shared = app.accounts.secrets.seed.as_ref().ok_or(Problem::UNSUPPORTED_TYPE)?;
    let Written { username, nonce, mac } = serde_json::from_slice(body).map_err(|_| Problem::MALFORMED_REQUEST)?;
    let registration =
        SeedRegistration::from_hex(&username, &nonce, &mac).map_err(|_| Problem::MALFORMED_REQUEST)?;
    let enrolment = seed_enrol(app, &registration, shared, peer.client, edge::now().wall).await;
    match enrolment.map_err(|error| undecided(&error))? {
        SeedEnrolment::Enrolled { keyid, s2c } => Ok(enrolled(&keyid, &s2c, registration.nonce())),
        SeedEnrolment::Unauthorized => Err(Problem::UNAUTHORIZED.into()),
        SeedEnrolment::NameTaken => Err(Problem::CONFLICT.into()),
        SeedEnrolment::BadName => Err(Problem::UNPROCESSABLE.into()),
    }
}

fn enrolled(keyid: &KeyId, s2c: &MacKey, nonce: &[u8; 32]) -> Response {
    let body = json!({ "keyid": keyid.as_str() }).to_string();
    let status = StatusCode::CREATED;
    let RegistrationFields { content_type, content_digest, cache_control, countersign_time, signature_input, signature } =
        sign_registration_answer(s2c, keyid, nonce, (status.as_u16(), body.as_bytes()), edge::now().wall);
    let fields = [
        ("content-type", content_type.to_owned()),
        ("content-digest", content_digest),
        ("cache-control", cache_control.to_owned()),
        ("countersign-time", countersign_time),
        ("signature-input", signature_input),
        ("signature", signature),
    ];
    (status, fields, body).into_response()
}
