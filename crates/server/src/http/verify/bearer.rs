//! Requests that bring an access token instead of a signature (RFC 6750). Their answers are not signed: nobody could tell
//! whether they are ours.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use countersign_core::replay::Reading;
use countersign_core::time::Timestamp;
use countersign_core::verdict::Principal;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue};

use super::body::{spooled, within};
use super::{Api, admitted, again, note_use, run, undecided, upgrade};
use crate::app::SharedApp;
use crate::config::Route;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::peer::Peer;
use crate::http::policy;
use crate::http::problem::Refused;
use crate::service::bearer::{Beside, verify_beside, verify_token};
use crate::service::genuine_token::is_ours;

/// What `Authorization` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials<'a> {
    /// Nothing.
    None,
    /// This token, of whatever kind.
    Bearer(&'a str),
    /// Something in another scheme, which is for the API to know.
    Other,
}

/// Reads `Authorization` in the one way in which it can be read: a second line or a second token would be another way.
pub(super) fn credentials(headers: &HeaderMap) -> Result<Credentials<'_>, Problem> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(Credentials::None) };
    if lines.next().is_some() {
        return Err(Problem::MALFORMED_REQUEST);
    }
    let value = line.to_str().map_err(|_| Problem::MALFORMED_REQUEST)?;
    let (scheme, rest) = value.split_at(value.find(|octet| !is_tchar(octet)).unwrap_or(value.len()));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Credentials::Other);
    }
    match rest.strip_prefix(' ') {
        Some(token) if is_token68(token) => Ok(Credentials::Bearer(token)),
        Some(_) | None => Err(Problem::MALFORMED_REQUEST),
    }
}

/// RFC 9110 §5.6.2. The name of a scheme consists of these.
fn is_tchar(octet: char) -> bool {
    octet.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(octet)
}

/// RFC 9110 §11.2.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._~+/".contains(&octet))
}

/// A request with a token, and what holds for it.
pub(super) struct Bearing<'a> {
    pub(super) token: String,
    pub(super) route: &'a Route,
    pub(super) peer: Peer,
}

/// Has the request of whoever holds a token served.
pub(super) async fn answer_bearer(
    app: &SharedApp,
    bearing: &Bearing<'_>,
    reading: Reading,
    request: Request,
    api: impl Api,
) -> Response {
    let mut response = match admit(app, bearing, reading, request).await {
        Ok(request) => run(api, request).await,
        Err(refused) => refused.into_response(),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same checks as for a signed request, in the same order: the verdict, the whole body, and the verdict again.
async fn admit(app: &SharedApp, bearing: &Bearing<'_>, reading: Reading, request: Request) -> Result<Request, Refused> {
    let Bearing { token, route, peer } = bearing;
    let principal = admitted(app, verify_token(app, token, peer.client, reading).await, reading)?;
    note_use(app, &principal, *peer, request.headers())?;
    let (mut parts, body) = request.into_parts();
    within(route, &body)?;
    let body = spooled(app, route, body, None).await?;
    upgrade::withhold(&mut parts.extensions);
    parts.headers.remove(AUTHORIZATION);
    policy::keep_for_api(&mut parts.headers, None, &route.forward_unsigned);
    parts.extensions.insert(super::BodyLength(body.length()));
    let mut request = Request::from_parts(parts, body.into_body());
    let principal = again(app, &principal, None)?;
    request.extensions_mut().insert(Identity::new(principal));
    Ok(request)
}

/// A token of ours beside a good signature says the same, or the request says two things. What is recognised as ours does not
/// go on to the API: refresh tokens, opaque ones, and JWTs under keys that are still known. A JWT whose key was forgotten
/// looks like anybody's, and is good for nothing.
pub(super) async fn drop_own(
    app: &SharedApp,
    principal: &Principal,
    reading: Reading,
    headers: &mut HeaderMap,
) -> Result<(), Refused> {
    let Credentials::Bearer(token) = credentials(headers)? else { return Ok(()) };
    let beside = verify_beside(app, principal, token, clock::at(app, reading)?).await;
    match beside.map_err(|error| undecided(&error))? {
        Beside::Theirs => {
            headers.remove(AUTHORIZATION);
            Ok(())
        }
        Beside::Foreign => Ok(()),
        Beside::Contradicts => Err(Problem::MALFORMED_REQUEST.into()),
        Beside::Refused(refusal) => Err(Refused::of(refusal, app.replay.retry_after(reading.wall))),
    }
}

/// Where anybody may pass a token of ours is not looked at; but neither does the API get to see it.
pub(super) fn withhold_own(app: &SharedApp, headers: &mut HeaderMap, now: Timestamp) {
    if let Ok(Credentials::Bearer(token)) = credentials(headers)
        && is_ours(&app.accounts, token, now)
    {
        headers.remove(AUTHORIZATION);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(lines: &[&'a str], into: &'a mut HeaderMap) -> Result<Credentials<'a>, Problem> {
        for line in lines {
            into.append(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        }
        credentials(into)
    }

    #[test]
    fn one_token_in_one_line_is_read_and_nothing_that_could_be_read_in_two_ways() {
        for line in ["Bearer abc", "bearer abc", "BEARER abc"] {
            assert_eq!(read(&[line], &mut HeaderMap::new()), Ok(Credentials::Bearer("abc")), "{line}");
        }
        assert_eq!(read(&[], &mut HeaderMap::new()), Ok(Credentials::None));
        for line in ["Basic YTpi", "Bearerx abc", "Negotiate a, Bearer b"] {
            assert_eq!(read(&[line], &mut HeaderMap::new()), Ok(Credentials::Other), "{line}");
        }
        for lines in [
            &["Bearer a", "Bearer b"][..],
            &["Bearer a", "Bearer a"],
            &["Basic YTpi", "Bearer a"],
            &["Bearer a, Bearer b"],
            &["Bearer a,b"],
            &["Bearer  a"],
            &["Bearer a "],
            &["Bearer\ta"],
            &["Bearer,a"],
            &["bearer=a"],
            &["Bearer "],
            &["Bearer"],
            &["Bearer ="],
            &["Bearer \"a\""],
        ] {
            assert_eq!(read(lines, &mut HeaderMap::new()), Err(Problem::MALFORMED_REQUEST), "{lines:?}");
        }
    }
}
