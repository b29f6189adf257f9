use countersign_core::authority::Authority;
use countersign_core::problem::Problem;
use countersign_core::signature::{Field, PathForm, Received, RequestHead, Unreadable};
use http::Version;
use http::request::Parts;

use super::bearer::{Credentials, credentials};
use crate::app::SharedApp;
use crate::config::{Accept, Route};
use crate::http::arrival::arrive;
use crate::http::cookies;
use crate::http::listened::Listened;
use crate::http::ours::{accept, is_ours};
use crate::http::peer::Peer;
use crate::http::problem::Refused;

/// A request that was read in the one way that it can be read.
pub(super) struct Arrived<'a> {
    /// What it brings.
    pub(super) brings: Brings,
    /// What holds for its address.
    pub(super) route: &'a Route,
    /// Where it comes from.
    pub(super) peer: Peer,
}

/// What a request brings to be let in.
pub(super) enum Brings {
    /// A signature.
    Signature(Box<Received>),
    /// An access token, at an address that takes one.
    Token(String),
    /// Nothing, at an address where that is allowed.
    Nothing,
}

/// Step 1 of the order of protocol §4: authority, sizes and strict parse, before anything is looked up. What is not signed
/// is let through where the route lets anyone in.
pub(super) fn read<'a>(app: &'a SharedApp, parts: &mut Parts) -> Result<Arrived<'a>, Refused> {
    let (authority, peer) = arrive(app, parts)?;
    if parts.version == Version::HTTP_2 {
        cookies::join(&mut parts.headers);
    }
    let (route, accept) = route(app, Listened::of(&parts.extensions), parts.uri.path());
    let credentials = credentials(&parts.headers)?;
    match received(parts, &authority, route) {
        Ok(received) => Ok(Arrived { brings: Brings::Signature(Box::new(received)), route, peer }),
        Err(Unreadable::Unsigned) => {
            let brings = unsigned(accept, credentials)?;
            // Whatever the route says of raw paths: an API that resolves `/open/../closed` must not be led past us.
            PathForm::Canonical.admits(parts.uri.path()).map_err(|_| Problem::MALFORMED_REQUEST)?;
            Ok(Arrived { brings, route, peer })
        }
        Err(Unreadable::Malformed(rule)) => {
            tracing::debug!(rule, "malformed request");
            Err(Problem::MALFORMED_REQUEST.into())
        }
        Err(Unreadable::TooLarge(_)) => Err(Problem::HEADERS_TOO_LARGE.into()),
    }
}

fn received(parts: &Parts, authority: &Authority, route: &Route) -> Result<Received, Unreadable> {
    let paths = if route.raw_path { PathForm::Raw } else { PathForm::Canonical };
    let fields: Vec<Field<'_>> =
        parts.headers.iter().map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes() }).collect();
    let head = RequestHead {
        method: parts.method.as_str(),
        authority: authority.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        fields: &fields,
    };
    Received::read(&head, paths)
}

/// What an unsigned request brings, if that is enough.
fn unsigned(accept: Accept, credentials: Credentials<'_>) -> Result<Brings, Refused> {
    match (accept, credentials) {
        (Accept::DangerAnyone, _) => Ok(Brings::Nothing),
        (Accept::SignatureOrBearer, Credentials::Bearer(token)) => Ok(Brings::Token(token.to_owned())),
        (Accept::SignatureOrBearer, Credentials::None | Credentials::Other) => Err(Refused::neither()),
        (Accept::Signature, _) => Err(Refused::unsigned()),
    }
}

/// What holds for an address, and who may pass. Our own addresses are nobody's to configure, and open
/// to the unsigned only where we stand there ourselves.
fn route<'a>(app: &'a SharedApp, listened: Listened, path: &str) -> (&'a Route, Accept) {
    let routes = &app.accounts.config.routes;
    let route = match listened {
        #[cfg(feature = "standalone")]
        Listened::Admin => routes.for_operators(),
        Listened::Ours => return (routes.otherwise(), accept(path)),
        Listened::Main if is_ours(path) => return (routes.otherwise(), Accept::Signature),
        Listened::Main => routes.of(path),
    };
    (route, route.accept)
}
