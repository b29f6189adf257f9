use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::Request;
use countersign_core::envelope::Envelope;
use countersign_core::problem::Problem;
use countersign_core::verdict::Principal;
use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use http::{StatusCode, Uri};

use crate::app::SharedApp;
use crate::config::Target;
use crate::http::arrival::Addressed;
use crate::http::buffer::{Buffered, buffer};
use crate::http::identity::Identity;
use crate::http::router::beyond;
use crate::http::verify::BodyLength;

/// Has the API do what an admitted envelope asks for; gives status and body of its answer, which are all that an envelope
/// can carry.
pub(super) async fn dispatch(
    app: &SharedApp,
    principal: Principal,
    envelope: &Envelope,
) -> Result<(StatusCode, Buffered), Problem> {
    let config = &app.accounts.config;
    let target = config.envelopes.target(envelope.action()).ok_or(Problem::NOT_FOUND)?;
    let most = if target.takes_packet() { config.routes.of(&target.path).max_body } else { 0 };
    if envelope.packet().len() as u64 > most {
        return Err(Problem::TOO_LARGE);
    }
    let request = request(app, principal, envelope, target)?;
    let answer = AssertUnwindSafe(beyond(app, request)).catch_unwind().await.map_err(|_| {
        tracing::error!("a handler panicked");
        Problem::BAD_GATEWAY
    })?;
    let status = answer.status();
    if !(200..=599).contains(&status.as_u16()) {
        return Err(Problem::BAD_GATEWAY);
    }
    Ok((status, buffer(answer.into_body(), config.sizes.max_signed_response, &app.budget).await?))
}

/// The request that the action stands for. Nothing of it but the body comes from the envelope.
fn request(app: &SharedApp, principal: Principal, envelope: &Envelope, target: &Target) -> Result<Request, Problem> {
    let authorities = app.accounts.config.names.authorities();
    let authority = authorities.recognise(envelope.audience()).cloned().ok_or(Problem::UNAVAILABLE)?;
    let packet = envelope.packet().to_vec();
    let length = packet.len() as u64;
    let mut request = Request::new(Body::from(packet));
    *request.method_mut() = target.method.clone();
    *request.uri_mut() = Uri::try_from(&*target.path).map_err(|_| Problem::UNAVAILABLE)?;
    if target.takes_packet() {
        request.headers_mut().insert(CONTENT_TYPE, target.content_type.clone());
    }
    let extensions = request.extensions_mut();
    extensions.insert(Addressed(authority));
    extensions.insert(BodyLength(length));
    extensions.insert(Identity::new(principal));
    Ok(request)
}
