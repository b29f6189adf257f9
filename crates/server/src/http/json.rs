//! Bodies that are JSON, read in the one way that they can be read.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use countersign_core::problem::Problem;
use serde::de::DeserializeOwned;

use super::body_violation::BodyViolation;
use super::media_type::is_of;
use super::problem::Refused;

/// The most octets of a body: the longest password that is looked at fits, and then some.
const LONGEST: usize = 8 << 10;

/// A body of a known form: an object that has the members of the type, each once, and no others.
pub(super) trait Form: DeserializeOwned {
    /// What somebody is told who sends something else.
    const EXPECTED: &'static str;
}

/// Reads the body of a request.
pub(super) async fn read<T: Form>(request: Request) -> Result<T, Refused> {
    if !is_of(request.headers(), "application/json") {
        return Err(Problem::UNSUPPORTED_TYPE.into());
    }
    let body = take_in(request.into_body()).await?;
    // To serde a list of the values would do as well. What it says of others is not repeated: it would show what was sent.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    let read = is_object.then(|| serde_json::from_slice(&body).ok()).flatten();
    read.ok_or_else(|| Refused::from(Problem::MALFORMED_REQUEST).saying(T::EXPECTED))
}

async fn take_in(body: Body) -> Result<bytes::Bytes, Problem> {
    if body.size_hint().lower() > LONGEST as u64 {
        return Err(Problem::TOO_LARGE);
    }
    let taken = to_bytes(body, LONGEST).await;
    taken.map_err(|error| BodyViolation::find(&error).map_or(Problem::TOO_LARGE, BodyViolation::problem))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use http::header::CONTENT_TYPE;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Two {
        one: String,
        other: Option<u8>,
    }

    impl Form for Two {
        const EXPECTED: &'static str = "Send one and other.";
    }

    async fn status(kind: &str, body: &str) -> u16 {
        let request = Request::builder().header(CONTENT_TYPE, kind).body(Body::from(body.to_owned())).unwrap();
        read::<Two>(request).await.map_or_else(|refused| refused.into_response().status().as_u16(), |_| 200)
    }

    #[tokio::test]
    async fn an_object_has_its_members_once_each_and_no_others() {
        for (body, expected) in [
            (r#"{"one":"a"}"#, 200),
            (r#" {"other":1,"one":"\u0000"} "#, 200),
            (r#"{"one":"a","other":null}"#, 200),
            (r#"{"one":"a","one":"b"}"#, 400),
            (r#"{"one":"a","\u006fne":"b"}"#, 400),
            (r#"{"one":"a","more":1}"#, 400),
            (r#"{"other":1}"#, 400),
            (r#"{"one":1}"#, 400),
            (r#"{"one":"a","other":256}"#, 400),
            (r#"{"one":"a","other":1e0}"#, 400),
            (r#"{"one":"a"}{}"#, 400),
            (r#"{"one":"a",}"#, 400),
            (r#"["a",1]"#, 400),
            (r#"{"one":"\ud800"}"#, 400),
            ("{\"one\":\"a\nb\"}", 400),
            ("", 400),
            ("\u{feff}{\"one\":\"a\"}", 400),
        ] {
            assert_eq!(status("application/json", body).await, expected, "{body}");
        }
    }

    #[tokio::test]
    async fn only_json_that_says_so_is_read() {
        for (kind, expected) in [
            ("application/json", 200),
            ("Application/JSON; charset=UTF-8", 200),
            ("application/json;charset=utf-8", 200),
            ("application/json; charset=utf-16", 415),
            ("application/json; charset=utf-8; a=b", 415),
            ("text/plain", 415),
            ("text/json", 415),
            ("application/x-www-form-urlencoded", 415),
            ("application/jsonp", 415),
            ("", 415),
        ] {
            assert_eq!(status(kind, r#"{"one":"a"}"#).await, expected, "{kind}");
        }
    }

    #[tokio::test]
    async fn a_body_of_8_kib_is_read_and_an_octet_more_is_not() {
        let of = |length: usize| format!(r#"{{"one":"{}"}}"#, "a".repeat(length - 10));
        assert_eq!(of(LONGEST).len(), LONGEST);
        assert_eq!(status("application/json", &of(LONGEST)).await, 200);
        assert_eq!(status("application/json", &of(LONGEST + 1)).await, 413);
    }
}
