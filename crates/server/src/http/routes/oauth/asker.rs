use core::fmt;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use countersign_core::account::Role;
use countersign_core::problem::Problem;
use countersign_core::verdict::Prover;
use http::HeaderMap;

use super::refused::OAuthRefused;
use crate::app::App;
use crate::config::VerifierId;
use crate::http::basic::{Credentials, credentials};
use crate::http::body_violation::BodyViolation;
use crate::http::form::Form;
use crate::http::identity::Identity;
use crate::http::media_type::is_of;
use crate::http::peer::Peer;
use crate::http::problem::Refused;
use crate::http::routes::login::may_be_read_by_nobody;

/// The most octets of a form: the longest token with each of its octets encoded fits, and nothing that is much longer.
const LONGEST: usize = 32 << 10;

/// How long a source that gave too many wrong secrets is told to wait, in seconds.
const PAUSE: u64 = 60;

/// Who asks about a token.
#[derive(Debug)]
pub(super) enum Asker {
    /// A verifier, by its secret.
    Verifier(VerifierId),
    /// A program, by its key.
    Program(Prover),
}

impl Asker {
    /// Whoever has signed the request, if it is a program; else the verifier whose secret is in it. Whether nobody has the
    /// name or the secret is wrong is not said.
    pub(super) fn of(
        app: &App,
        identity: Option<&Identity>,
        peer: Peer,
        (headers, form): (&HeaderMap, &Form),
    ) -> Result<Self, OAuthRefused> {
        if let Some(identity) = identity {
            return match identity.role() {
                Role::Service => Ok(Self::Program(identity.principal().prover.clone())),
                Role::User | Role::Admin => Err(Problem::FORBIDDEN.into()),
            };
        }
        let presented = presented(headers, form)?;
        if presented.is_some() && !may_be_read_by_nobody(&app.accounts.config, peer) {
            return Err(OAuthRefused::InvalidRequest(
                "a client_secret is taken over TLS or on the same machine only; exchange it, and use the https address",
            ));
        }
        let known = presented.and_then(|Credentials { id, secret }| {
            app.accounts.verifiers.authenticate(&id, secret.as_bytes()).cloned()
        });
        match known {
            Some(id) => Ok(Self::Verifier(id)),
            None if app.throttle.wrong_secret(peer.client) => Err(OAuthRefused::InvalidClient),
            None => Err(Refused::from(Problem::THROTTLED).retry_after(PAUSE).into()),
        }
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verifier(id) => write!(f, "verifier {id}"),
            Self::Program(prover) => prover.fmt(f),
        }
    }
}

/// The credentials in a request: in HTTP Basic or in the body, never in both (RFC 6749 §2.3).
fn presented(headers: &HeaderMap, form: &Form) -> Result<Option<Credentials>, OAuthRefused> {
    let basic = credentials(headers).map_err(|_| OAuthRefused::InvalidClient)?;
    let (id, secret) = (form.value("client_id"), form.value("client_secret"));
    match (basic, id, secret) {
        (Some(_), _, Some(_)) => {
            Err(OAuthRefused::InvalidRequest("a client_secret in two places; send it by HTTP Basic or in the body"))
        }
        (Some(basic), Some(id), None) if *basic.id != id => {
            Err(OAuthRefused::InvalidRequest("two different client_ids; send one"))
        }
        (Some(basic), _, None) => Ok(Some(basic)),
        (None, Some(id), Some(secret)) => {
            Ok(Some(Credentials { id: id.to_owned().into(), secret: secret.to_owned().into() }))
        }
        (None, _, _) => Ok(None),
    }
}

/// The form in the body of a request, and its header fields.
pub(super) async fn form(request: Request<Body>) -> Result<(Form, HeaderMap), OAuthRefused> {
    let (parts, body) = request.into_parts();
    if !is_of(&parts.headers, "application/x-www-form-urlencoded") {
        return Err(OAuthRefused::InvalidRequest("the body is not application/x-www-form-urlencoded"));
    }
    if body.size_hint().lower() > LONGEST as u64 {
        return Err(Problem::TOO_LARGE.into());
    }
    let body = to_bytes(body, LONGEST)
        .await
        .map_err(|error| BodyViolation::find(&error).map_or(Problem::TOO_LARGE, BodyViolation::problem))?;
    let form = Form::read(&body)
        .ok_or(OAuthRefused::InvalidRequest("the body cannot be read in one way only; send each parameter once"))?;
    Ok((form, parts.headers))
}
