//! For whom a request is and where it comes from: the first that is found out, on every way in.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_core::authority::Authority;
use countersign_core::problem::Problem;
use http::Uri;
use http::header::HOST;
use http::request::Parts;

use super::listened::Listened;
use super::peer::Peer;
use super::problem::Refused;
use crate::app::{App, SharedApp};

/// The authority of ours that a request named, in the spelling that is signed; among the extensions of every request.
#[derive(Clone, Debug)]
pub struct Addressed(pub Authority);

/// Notes [`Addressed`] and [`Peer`] among the extensions. A request that is for somebody else goes no further.
pub(super) fn arrive(app: &App, parts: &mut Parts) -> Result<(Authority, Peer), Refused> {
    let config = &app.accounts.config;
    let named = named(parts).ok_or(Problem::MALFORMED_REQUEST)?;
    let names = match Listened::of(&parts.extensions) {
        Listened::Main | Listened::Ours => config.names.authorities(),
        #[cfg(feature = "standalone")]
        Listened::Admin => &config.admin_names,
    };
    let authority = names.recognise(named).cloned().ok_or(Problem::MISDIRECTED)?;
    let peer = Peer::of(&parts.extensions, &parts.headers, &config.client_address);
    drop_empty_query(&mut parts.uri);
    parts.extensions.insert(Addressed(authority.clone()));
    if parts.extensions.get::<Peer>().is_none() {
        parts.extensions.insert(peer);
    }
    Ok((authority, peer))
}

/// The same in front of a router of axum.
pub(super) async fn arriving(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match arrive(&app, &mut parts) {
        Ok(_) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refused.into_response(),
    }
}

/// `/a?` and `/a` have one signature base (RFC 9421 §2.2.7), so a question mark at the end is nothing that anybody signed:
/// whoever stands in the middle can add it. Nobody behind us is to see a difference.
fn drop_empty_query(uri: &mut Uri) {
    if uri.query() == Some("") {
        let mut target = uri.clone().into_parts();
        target.path_and_query = uri.path().parse().ok();
        if let Ok(without) = Uri::from_parts(target) {
            *uri = without;
        }
    }
}

/// The one authority that a request names: in its target, in `Host`, or in both when they agree to the octet.
fn named(parts: &Parts) -> Option<&str> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let (host, second) = (hosts.next().map(|host| host.to_str()).transpose().ok()?, hosts.next());
    let target = parts.uri.authority().map(http::uri::Authority::as_str);
    match (target, host) {
        _ if second.is_some() => None,
        (Some(target), Some(host)) if target != host => None,
        (Some(named), _) | (None, Some(named)) => Some(named),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str, hosts: &[&str]) -> Option<String> {
        let request = hosts.iter().fold(Request::builder().uri(target), |request, host| request.header(HOST, *host));
        named(&request.body(()).unwrap().into_parts().0).map(str::to_owned)
    }

    #[test]
    fn a_question_mark_that_nobody_signed_is_seen_by_nobody() {
        for (arrived, seen) in [
            ("/a?", "/a"),
            ("https://a.example/a/?", "https://a.example/a/"),
            ("/?", "/"),
            ("/a??", "/a??"),
            ("/a?b=", "/a?b="),
            ("/a", "/a"),
        ] {
            let mut uri = arrived.parse().unwrap();
            drop_empty_query(&mut uri);
            assert_eq!(uri.to_string(), seen);
        }
    }

    #[test]
    fn a_request_names_one_authority_wherever_it_does() {
        assert_eq!(of("/", &["a.example"]).as_deref(), Some("a.example"));
        assert_eq!(of("https://a.example/", &[]).as_deref(), Some("a.example"), "as HTTP/2 does");
        assert_eq!(of("https://a.example/", &["a.example"]).as_deref(), Some("a.example"));
        assert_eq!(of("/", &[]), None);
        assert_eq!(of("/", &["a.example", "a.example"]), None);
        assert_eq!(of("http://a.example/", &["b.example"]), None, "two readings");
    }
}
