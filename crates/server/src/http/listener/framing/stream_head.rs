//! The head of a request that came in HTTP/2, as fields and not as octets (RFC 9113 §8.3).
//!
//! hyper has refused what RFC 9113 calls malformed and can be seen in one field: capitals in names, `connection` and its
//! kin, a pseudo-header twice or behind a field, a missing `:scheme` or `:path`. What is left is what two readers could
//! still read in two ways, and what the same request could not be in HTTP/1.1. Afterwards nobody behind can tell which it
//! was: `Host` says what `:authority` said, there is one `Cookie`, and the target is in origin form. `:scheme` is not
//! looked at: no signature covers it, because whoever ends TLS changes it.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Uri, uri};

use super::fields::content_length;
use super::host::is_host;
use super::octets::is_value;
use super::request_line::{check_method, check_target};
use super::violation::Violation::{self, HeadTooLarge, Malformed, TargetTooLong};
use super::{MAX_FIELDS, MAX_HEAD, MAX_TARGET};
use crate::http::cookies;

/// Judges a head, and gives it the form that a head of HTTP/1.1 has.
pub(in crate::http::listener) fn judge(parts: &mut Parts) -> Result<(), Violation> {
    check_method(parts.method.as_str().as_bytes())?;
    let target = target(&parts.method, &parts.uri)?;
    let host = host(&parts.uri, &parts.headers)?;
    parts.headers.insert(HOST, host);
    cookies::join(&mut parts.headers);
    check_fields(&parts.headers, target.as_str().len())?;
    parts.uri = Uri::from(target);
    Ok(())
}

fn target(method: &Method, uri: &Uri) -> Result<uri::PathAndQuery, Violation> {
    let target = uri.path_and_query().ok_or(Malformed("a :path"))?;
    if target.as_str().len() > MAX_TARGET {
        return Err(TargetTooLong);
    }
    check_target(method.as_str().as_bytes(), target.as_str().as_bytes())?;
    Ok(target.clone())
}

/// The authority that is meant. A request has to say it where HTTP/2 says it, and must not say another beside it.
fn host(uri: &Uri, headers: &HeaderMap) -> Result<HeaderValue, Violation> {
    let authority = uri.authority().ok_or(Malformed("an :authority"))?.as_str();
    if !is_host(authority.as_bytes()) {
        return Err(Malformed("an :authority that is host[:port]"));
    }
    let mut beside = headers.get_all(HOST).iter();
    let agrees = |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(authority.as_bytes());
    if !beside.next().is_none_or(agrees) || beside.next().is_some() {
        return Err(Malformed("no Host beside :authority, or one that says the same"));
    }
    HeaderValue::from_str(authority).map_err(|_| Malformed("an :authority that is host[:port]"))
}

/// The rules for fields of HTTP/1.1, and its limits: the size is what the head would have there.
fn check_fields(headers: &HeaderMap, target: usize) -> Result<(), Violation> {
    let size = headers.iter().fold(target, |size, (name, value)| size + name.as_str().len() + value.len() + 4);
    if headers.len() > MAX_FIELDS || size > MAX_HEAD {
        return Err(HeadTooLarge);
    }
    for value in headers.values().map(HeaderValue::as_bytes) {
        if !is_value(value) {
            return Err(Malformed("a field value of visible ASCII, spaces and tabs"));
        }
        // RFC 9113 §8.2.1; in HTTP/1.1 it would not belong to the value.
        if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = value {
            return Err(Malformed("no white space at the ends of a field value"));
        }
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let is_good = |value: &HeaderValue| content_length(value.as_bytes()).is_some();
    if !lengths.next().is_none_or(is_good) || lengths.next().is_some() {
        return Err(Malformed("one Content-Length of digits"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http::header::COOKIE;

    use super::*;

    fn judged(method: &str, uri: &str, fields: &[(&str, &str)]) -> Result<Parts, Violation> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        judge(&mut parts).map(|()| parts)
    }

    fn get(fields: &[(&str, &str)]) -> Result<Parts, Violation> {
        judged("GET", "https://a/", fields)
    }

    #[test]
    fn behind_it_nobody_can_tell_that_it_was_http_2() {
        let parts = judged("GET", "https://A.example:8470/v1/x?y=%2F", &[("cookie", "a=1"), ("x", "y")]).unwrap();
        assert_eq!(parts.uri, "/v1/x?y=%2F");
        assert_eq!(parts.headers[HOST], "A.example:8470");
        assert_eq!(parts.headers[COOKIE], "a=1");
        assert_eq!(judged("OPTIONS", "*", &[]).unwrap_err(), Malformed("an :authority"));
    }

    #[test]
    fn host_says_what_authority_says_or_nothing() {
        for fields in [&[][..], &[("host", "a")], &[("host", "A")]] {
            assert!(get(fields).is_ok(), "{fields:?}");
        }
        for fields in [&[("host", "b")][..], &[("host", "a:443")], &[("host", "")], &[("host", "a"), ("host", "a")]] {
            assert!(matches!(get(fields), Err(Malformed(_))), "{fields:?}");
        }
    }

    #[test]
    fn an_authority_is_host_and_port_and_has_to_be_there() {
        for uri in ["https://user@a/", "https://user:pw@a/", "https://a@b/", "/"] {
            assert!(matches!(judged("GET", uri, &[("host", "a")]), Err(Malformed(_))), "{uri}");
        }
    }

    #[test]
    fn cookies_are_one_field() {
        let parts = get(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]).unwrap();
        assert_eq!(parts.headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
        let crumbs = vec![("cookie", "a=1"); 100];
        assert!(get(&crumbs).is_ok(), "they count as the one that they are");
    }

    #[test]
    fn what_http_1_1_would_not_take_is_not_taken_either() {
        for (name, value) in [
            ("x", "\u{e9}"),
            ("x", " y"),
            ("x", "y\t"),
            ("content-length", "+1"),
            ("content-length", "1, 1"),
            ("content-length", "9223372036854775808"),
        ] {
            assert!(matches!(get(&[(name, value)]), Err(Malformed(_))), "{name}: {value:?}");
        }
        assert!(matches!(get(&[("content-length", "0"), ("content-length", "0")]), Err(Malformed(_))));
        for method in ["TRACE", "CONNECT", "get", "PROPFIND"] {
            assert_eq!(judged(method, "https://a/", &[]).unwrap_err(), Violation::MethodNotAllowed, "{method}");
        }
        assert!(matches!(judged("GET", "https://a/grüße", &[]), Err(Malformed(_))));
        assert!(matches!(judged("GET", "https://a", &[]).map(|parts| parts.uri), Ok(uri) if uri == "/"));
    }

    #[test]
    fn a_head_has_the_limits_that_it_has_in_http_1_1() {
        let uri = |length: usize| format!("https://a/{}", "x".repeat(length - 1));
        assert!(judged("GET", &uri(MAX_TARGET), &[]).is_ok());
        assert_eq!(judged("GET", &uri(MAX_TARGET + 1), &[]).unwrap_err(), TargetTooLong);
        let names: Vec<_> = (0..64).map(|number| format!("x-{number}")).collect();
        let fields: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(get(&fields[..63]).is_ok());
        assert_eq!(get(&fields).unwrap_err(), HeadTooLarge, "Host is one of them");
        let long = "x".repeat(MAX_HEAD);
        assert_eq!(get(&[("x", &long)]).unwrap_err(), HeadTooLarge);
    }
}
