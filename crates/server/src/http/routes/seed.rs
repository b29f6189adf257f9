//! The seed's own registration at `POST /api/auth/enrol`, behind `danger_seed_mode`.

use axum::response::{IntoResponse as _, Response};
use countersign_core::enrolment::seed_mode::SeedRegistration;
use countersign_core::id::KeyId;
use countersign_core::problem::Problem;
use countersign_core::secret::Root;
use countersign_core::signature::{RegistrationAnswer, answer_registration};
use serde::Deserialize;

use crate::app::SharedApp;
use crate::edge;
use crate::http::peer::Peer;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::seed_enrol::{SeedEnrolment, seed_enrol};

/// A registration on the wire.
#[derive(Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema), schema(as = SeedRegistration))]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Written {
    /// The name of the user.
    username: String,
    /// 32 random octets in hexadecimal digits.
    nonce: String,
    /// The MAC over both, likewise.
    mac: String,
}

/// Registers as the seed says: `{"keyid"}`, signed with the new key.
pub(super) async fn register(app: &SharedApp, body: &[u8], peer: Peer) -> Result<Response, Refused> {
    let shared = app.accounts.secrets.seed.as_ref().ok_or(Problem::UNSUPPORTED_TYPE)?;
    let Written { username, nonce, mac } = serde_json::from_slice(body).map_err(|_| Problem::MALFORMED_REQUEST)?;
    let registration = SeedRegistration::from_hex(&username, &nonce, &mac).map_err(|_| Problem::MALFORMED_REQUEST)?;
    let enrolment = seed_enrol(app, &registration, shared, peer.client, edge::now().wall).await;
    match enrolment.map_err(|error| undecided(&error))? {
        SeedEnrolment::Enrolled { keyid, root } => Ok(enrolled(&keyid, &root, registration.nonce())),
        SeedEnrolment::Unauthorized => Err(Problem::UNAUTHORIZED.into()),
        SeedEnrolment::NameTaken => Err(Problem::CONFLICT.into()),
        SeedEnrolment::BadName => Err(Problem::UNPROCESSABLE.into()),
    }
}

fn enrolled(keyid: &KeyId, root: &Root, nonce: &[u8; 32]) -> Response {
    let RegistrationAnswer { body, fields } = answer_registration(root, keyid, nonce, edge::now().wall);
    (fields, body).into_response()
}
