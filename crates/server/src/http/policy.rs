//! Which header fields pass the proxy door, in either direction (protocol §4, last paragraphs).

use countersign_core::signature::{Disposition, Received};
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// The identity that the API behind is told; a client's own copy never passes.
pub const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
/// The key that signed, or that opened the session.
pub const REMOTE_KEY: HeaderName = HeaderName::from_static("remote-key");
/// The session that the request is of.
pub const REMOTE_SESSION: HeaderName = HeaderName::from_static("remote-session");

const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// Fields that concern one connection only (RFC 9110 §7.6.1), and `Expect`, which is answered here.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "expect"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Fields by which a client could claim an identity, an origin, another method or another target. `proxy` would become
/// `HTTP_PROXY` in the environment of a CGI program, and lead its own calls elsewhere (CVE-2016-5385).
fn is_never_from_clients(name: &str) -> bool {
    matches!(
        name,
        "cf-connecting-ip"
            | "client-ip"
            | "fastly-client-ip"
            | "forwarded"
            | "proxy"
            | "remote-addr"
            | "signature"
            | "signature-input"
            | "true-client-ip"
            | "via"
            | "x-challenge-response"
            | "x-client-ip"
            | "x-cluster-client-ip"
            | "x-envoy-external-address"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
            | "x-real-ip"
            | "x-rewrite-url"
            | "x-security-level"
    )
}

/// The same, by how the name begins.
fn begins_like_one_of_ours(name: &str) -> bool {
    name.starts_with("countersign-")
        || name.starts_with("remote-")
        || name.starts_with("x-auth-request-")
        || name.starts_with("x-authentik-")
        || name.starts_with("x-forwarded")
        || name.starts_with("x-original-")
        || name.starts_with("x-remote-")
}

/// Fields of the API's answer that only we may speak.
fn is_never_from_the_api(name: &str) -> bool {
    matches!(name, "content-digest" | "signature" | "signature-input" | "x-auth-required" | "x-security-level")
}

/// Fields of the API's answer that a proxy in front of us answers to, or writes anew: `x-accel-redirect` makes nginx send
/// a file in the answer's place, and many put a `server` of their own or lengthen `via`. Signed, each would be taken for
/// interference.
fn is_for_proxies_in_front(name: &str) -> bool {
    matches!(name, "server" | "via" | "x-pad" | "x-sendfile")
}

/// The same, by how the name begins.
const FOR_PROXIES_IN_FRONT_PREFIX: &str = "x-accel-";

/// Removes from a request what the API behind must not get: what the signature does not cover, what concerns one
/// connection, and what only we may say. `unsigned` names fields that the route lets through uncovered.
/// Gives the number of end-to-end fields that were dropped for not being covered.
pub fn keep_for_api(headers: &mut HeaderMap, received: Option<&Received>, unsigned: &[HeaderName]) -> usize {
    // Nearly all requests lose these two and nothing else; a name that is known beforehand need not be copied.
    headers.remove(&SIGNATURE);
    headers.remove(&SIGNATURE_INPUT);
    let mut uncovered = 0;
    retain(headers, |name| {
        if !may_come_from_clients(name.as_str()) {
            return false;
        }
        let covered = received.is_none_or(|received| match received.disposition(name.as_str()) {
            Disposition::Covered | Disposition::Inert => true,
            Disposition::Uncovered => unsigned.contains(name) || is_framing(name.as_str()),
        });
        uncovered += usize::from(!covered);
        covered
    });
    uncovered
}

/// Removes from an answer what concerns one connection, what only we may say, and what a proxy in front would act upon or
/// take out.
pub fn keep_for_client(status: StatusCode, headers: &mut HeaderMap) {
    let nominated = nominated(headers);
    retain(headers, |name| {
        let name = name.as_str();
        !is_hop_by_hop(name)
            && !nominated.iter().any(|other| other == name)
            && !is_never_from_the_api(name)
            && !is_for_proxies_in_front(name)
            && !name.starts_with(FOR_PROXIES_IN_FRONT_PREFIX)
            && !name.starts_with("countersign-")
    });
    for &name in without_a_meaning(status) {
        headers.remove(name);
    }
    drop_challenges(headers);
}

/// The fields that `Connection` makes the connection's own (RFC 9110 §7.6.1).
fn nominated(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(http::header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// Fields that describe a body, of an answer that has none. Proxies take them out: nginx these of a 204 when it speaks
/// HTTP/2, Go's server the one of a 304.
const fn without_a_meaning(status: StatusCode) -> &'static [&'static str] {
    match status {
        StatusCode::NO_CONTENT => &["content-type", "last-modified"],
        StatusCode::NOT_MODIFIED => &["content-type"],
        _ => &[],
    }
}

/// A challenge of ours in the API's `WWW-Authenticate` would make a client answer it. Where one stands among others in a
/// line, the whole line goes: readers disagree about where a challenge ends.
fn drop_challenges(headers: &mut HeaderMap) {
    let ours = |value: &HeaderValue| {
        let outside_of_quotes = value.as_bytes().split(|octet| *octet == b'"').step_by(2);
        outside_of_quotes
            .flat_map(|part| part.split(|octet| matches!(octet, b' ' | b'\t' | b',' | b'=')))
            .any(|word| word.eq_ignore_ascii_case(b"HMAC-Challenge") || word.eq_ignore_ascii_case(b"Countersign"))
    };
    if headers.get_all(http::header::WWW_AUTHENTICATE).iter().any(ours) {
        let others: Vec<_> =
            headers.get_all(http::header::WWW_AUTHENTICATE).iter().filter(|v| !ours(v)).cloned().collect();
        headers.remove(http::header::WWW_AUTHENTICATE);
        for value in others {
            headers.append(http::header::WWW_AUTHENTICATE, value);
        }
    }
}

/// `host` and `content-length` are covered as `@authority` and by the digest.
fn is_framing(name: &str) -> bool {
    matches!(name, "host" | "content-length")
}

/// Whether a field may reach the API when a client sends it. A name with an underscore may arrive there as the twin of one
/// with a hyphen, so none passes.
pub(crate) fn may_come_from_clients(name: &str) -> bool {
    !name.contains('_') && !is_hop_by_hop(name) && !is_never_from_clients(name) && !begins_like_one_of_ours(name)
}

fn retain(headers: &mut HeaderMap, mut keep: impl FnMut(&HeaderName) -> bool) {
    let dropped: Vec<HeaderName> = headers.keys().filter(|name| !keep(name)).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::secret::{Root, Secret32};
    use countersign_core::signature::{
        Field, PathForm, RequestHead, SignatureParams, sha256_digest_field, sign_request,
    };

    use super::*;

    const KEYID: &str = "k7f3a9c2d4e5b6a1c";

    /// A request that was signed over `signed`, arriving with `added` besides.
    fn arriving(signed: &[(&str, &str)], added: &[(&'static str, &str)]) -> (HeaderMap, Received) {
        let digest = sha256_digest_field(b"");
        let mut lines: Vec<(&str, String)> = signed.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        lines.push(("content-digest", digest));
        let keys = Root::new(Secret32::new([7; 32])).key_pair(KEYID);
        let params = SignatureParams { keyid: KEYID, nonce: [9; 32], created_secs: 1_763_780_000, expires_secs: None };
        let sent = sign_request(&keys.c2s, &params, &head(&fields(&lines))).unwrap();
        lines.push(("signature-input", sent.signature_input().to_owned()));
        lines.push(("signature", sent.signature()));
        lines.extend(added.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let received = Received::read(&head(&fields(&lines)), PathForm::Canonical).unwrap();
        let headers = lines.iter().map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        });
        (headers.collect(), received)
    }

    fn fields<'a>(lines: &'a [(&'a str, String)]) -> Vec<Field<'a>> {
        lines.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect()
    }

    fn head<'a>(fields: &'a [Field<'a>]) -> RequestHead<'a> {
        RequestHead { method: "GET", authority: "api.example", path: "/", query: None, fields }
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_api_gets_what_is_covered_and_what_is_inert_and_nothing_else() {
        let (mut headers, received) = arriving(
            &[("content-type", "text/plain"), ("x-tenant", "7"), ("cookie", "a=b")],
            &[("accept", "*/*"), ("x-added", "1"), ("x-wanted", "1")],
        );
        let dropped = keep_for_api(&mut headers, Some(&received), &[HeaderName::from_static("x-wanted")]);
        assert_eq!(names(&headers), ["accept", "content-digest", "content-type", "cookie", "x-tenant", "x-wanted"]);
        assert_eq!(dropped, 1);
    }

    #[test]
    fn no_identity_origin_method_or_target_passes_even_when_it_is_signed() {
        for name in [
            "remote-user",
            "remote-key",
            "remote-groups",
            "remote_user",
            "x_forwarded_user",
            "x-forwarded-user",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded",
            "forwarded",
            "proxy",
            "cf-connecting-ip",
            "x-real-ip",
            "x-remote-groups",
            "x-auth-request-user",
            "x-authentik-username",
            "countersign-identity",
            "countersign-request",
            "x-http-method-override",
            "x-method-override",
            "x-original-url",
            "x-rewrite-url",
            "x-security-level",
            "x-challenge-response",
            "true-client-ip",
            "via",
        ] {
            let (mut signed, received) = arriving(&[(name, "admin")], &[]);
            keep_for_api(&mut signed, Some(&received), &[]);
            assert_eq!(names(&signed), ["content-digest"], "signed {name}");
            let (mut added, received) = arriving(&[], &[(name, "admin")]);
            let wanted = HeaderName::from_bytes(name.as_bytes()).unwrap();
            keep_for_api(&mut added, Some(&received), std::slice::from_ref(&wanted));
            assert_eq!(names(&added), ["content-digest"], "added {name}, and the route would let it through");
            let mut open = HeaderMap::from_iter([(wanted, HeaderValue::from_static("admin"))]);
            keep_for_api(&mut open, None, &[]);
            assert!(open.is_empty(), "unsigned {name}");
        }
    }

    #[test]
    fn an_answer_loses_what_only_we_may_say_and_keeps_the_rest() {
        let lines = [
            ("content-type", "text/plain"),
            ("etag", "\"1\""),
            ("set-cookie", "a=b"),
            ("set-cookie", "c=d"),
            ("signature", "cs=:AAAA:"),
            ("signature-input", "cs=()"),
            ("content-digest", "sha-256=:AAAA:"),
            ("countersign-time", "1"),
            ("countersign-anything", "1"),
            ("x-security-level", "1"),
            ("x-auth-required", "challenge-response"),
            ("connection", "x-secret"),
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authenticate", "Basic"),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        keep_for_client(StatusCode::OK, &mut headers);
        assert_eq!(names(&headers), ["content-type", "etag", "set-cookie"]);
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn nothing_is_signed_that_a_proxy_in_front_would_act_upon_or_write_anew() {
        let mut headers = HeaderMap::new();
        for name in ["server", "via", "x-pad", "x-accel-redirect", "x-accel-buffering", "x-sendfile", "x-served-by"] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        keep_for_client(StatusCode::OK, &mut headers);
        assert_eq!(names(&headers), ["x-served-by"]);
    }

    #[test]
    fn an_answer_without_a_body_does_not_say_of_what_type_it_would_be() {
        let full = HeaderMap::from_iter([
            (http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain")),
            (http::header::LAST_MODIFIED, HeaderValue::from_static("Sat, 22 Nov 2025 00:00:00 GMT")),
            (http::header::ETAG, HeaderValue::from_static("\"1\"")),
        ]);
        for (status, kept) in [
            (StatusCode::NO_CONTENT, &["etag"][..]),
            (StatusCode::NOT_MODIFIED, &["etag", "last-modified"]),
            (StatusCode::OK, &["content-type", "etag", "last-modified"]),
        ] {
            let mut headers = full.clone();
            keep_for_client(status, &mut headers);
            assert_eq!(names(&headers), kept, "{status}");
        }
    }

    #[test]
    fn a_challenge_of_ours_in_the_apis_mouth_is_taken_out() {
        let mut headers = HeaderMap::new();
        for value in ["HMAC-Challenge challenge=\"x\"", "Basic realm=\"api\"", "countersign realm=\"x\""] {
            headers.append(http::header::WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        keep_for_client(StatusCode::OK, &mut headers);
        let left: Vec<_> = headers.get_all(http::header::WWW_AUTHENTICATE).iter().collect();
        assert_eq!(left, ["Basic realm=\"api\""]);
    }
}
