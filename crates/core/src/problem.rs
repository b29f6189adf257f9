//! The errors of the protocol: one table of codes, statuses and texts (protocol §9, RFC 9457).

/// Why a request was not served. The text of each says what happened and what to do next, and never echoes input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The stable code; `type` is `urn:countersign:<code>`.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// A short title.
    pub title: &'static str,
    /// What happened and what to do next.
    pub detail: &'static str,
}

macro_rules! problems {
    ($($name:ident = $status:literal $code:literal $title:literal $detail:literal;)*) => {
        impl Problem {
            $(#[doc = concat!("`", $code, "`, ", stringify!($status), ": ", $detail)]
            pub const $name: Self = Self { code: $code, status: $status, title: $title, detail: $detail };)*

            /// Every problem, for documentation and for clients that look one up by its code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

problems! {
    MALFORMED_REQUEST = 400 "malformed-request" "Malformed request" "The request breaks a rule of HTTP or of the signature profile. Nothing was done; correct the request and sign it anew.";
    DIGEST_MISMATCH = 400 "digest-mismatch" "Digest mismatch" "The body does not match its Content-Digest. Nothing was done; send the request again with a new nonce.";
    STREAM_BROKEN = 400 "stream-broken" "Stream broken" "A frame of the stream does not hold, or its end is missing. What came before may have been used; look before sending it again.";
    UNAUTHORIZED = 401 "unauthorized" "Unauthorized" "The request could not be authenticated. Check the key and the signature, or enrol again.";
    CLOCK_SKEW = 401 "clock-skew" "Clock skew" "The signature is outside the accepted window. Correct the clock by Countersign-Time and sign the request anew.";
    REPLAYED = 401 "replayed" "Replayed" "This request was seen before. If you sent it once only, somebody else sent it first; its outcome is unknown.";
    TOKEN_INVALID = 401 "token-invalid" "Token invalid" "The access token or the session is not good, or no longer: it may have expired. Refresh it, or log in again.";
    TOKEN_REVOKED = 401 "token-revoked" "Token revoked" "Token has been revoked. Log in again.";
    REFRESH_REUSED = 401 "refresh-reused" "Refresh token reused" "This refresh token had been replaced, so somebody else may hold it; its session has ended. Log in again.";
    REAUTHENTICATION_REQUIRED = 401 "reauthentication-required" "Reauthentication required" "This takes a login of the last few minutes. Log in again, and repeat the request in that session.";
    FORBIDDEN = 403 "forbidden" "Forbidden" "This key may not do that. Ask an administrator for the role that it needs.";
    SESSION_REQUIRED = 403 "session-required" "Session required" "The key of a person opens a session and signs nothing else. Log in with it, and sign with the key of the session.";
    NOT_FOUND = 404 "not-found" "Not found" "There is nothing at this address. Check the path.";
    METHOD_NOT_ALLOWED = 405 "method-not-allowed" "Method not allowed" "This address does not take this method. See Allow for those that it takes.";
    REQUEST_TIMEOUT = 408 "request-timeout" "Request timeout" "The request did not arrive in time. Nothing was done; send it again.";
    CONFLICT = 409 "conflict" "Conflict" "The name is taken, the Idempotency-Key belongs to another request, or the state has changed. Choose another name or key, or look again.";
    IN_FLIGHT = 409 "in-flight" "In flight" "This request is being carried out. Wait as Retry-After says, then send it again with the same Idempotency-Key.";
    OUTCOME_UNKNOWN = 409 "outcome-unknown" "Outcome unknown" "This request was begun before, and how it ended was not kept; it does not run again. Look before sending it with a new Idempotency-Key.";
    LENGTH_REQUIRED = 411 "length-required" "Length required" "This address needs Content-Length. Send the request again with it.";
    TOO_LARGE = 413 "too-large" "Too large" "The body is larger than this address takes. Send less.";
    URI_TOO_LONG = 414 "uri-too-long" "URI too long" "The request target is longer than 8 KiB. Shorten it.";
    UNSUPPORTED_TYPE = 415 "unsupported-type" "Unsupported type" "The body has a type, coding or form that this address does not take. Send it as documented, without Content-Encoding and in one piece.";
    MISDIRECTED = 421 "misdirected" "Misdirected" "This server does not answer for that authority. Use an address that its operator has configured.";
    UNPROCESSABLE = 422 "unprocessable" "Unprocessable" "The request is well formed, but a value in it is not acceptable. Change it and try again.";
    THROTTLED = 429 "throttled" "Throttled" "Too many requests. Wait as Retry-After says, then send the request again with a new nonce.";
    HEADERS_TOO_LARGE = 431 "headers-too-large" "Headers too large" "The header section is larger than 16 KiB or has more than 64 fields. Send fewer.";
    UNAVAILABLE = 503 "unavailable" "Unavailable" "The guard cannot decide at present and therefore refuses. Wait as Retry-After says and try again.";
    WARMING_UP = 503 "warming-up" "Warming up" "The guard was restarted and does not yet know which requests it has seen. Wait as Retry-After says, then sign anew.";
    BAD_GATEWAY = 502 "bad-gateway" "Bad gateway" "The API behind the guard did not give a usable answer. The request may have been carried out; look before sending it again.";
    ANSWER_TOO_LARGE = 502 "answer-too-large" "Answer too large" "The answer of the API is longer than can be signed in one piece. Ask for less; the request was carried out.";
    GATEWAY_TIMEOUT = 504 "gateway-timeout" "Gateway timeout" "The API behind the guard did not answer in time. The request may have been carried out; look before sending it again.";
}

impl Problem {
    /// The body: `type`, `title`, `status`, `detail`, in this order. The texts hold nothing that JSON would escape.
    pub fn json(&self) -> String {
        let Self { code, status, title, detail } = self;
        format!(r#"{{"type":"urn:countersign:{code}","title":"{title}","status":{status},"detail":"{detail}"}}"#)
    }

    /// The `WWW-Authenticate` of a 401: of the signature, of the access token (RFC 6750 §3), or of one that is too old a
    /// proof (RFC 9470 §3).
    pub fn www_authenticate(&self) -> Option<String> {
        let bearer = |error, description| format!(r#"Bearer error="{error}", error_description="{description}""#);
        Some(match *self {
            Self::TOKEN_INVALID => r#"Bearer error="invalid_token""#.to_owned(),
            Self::TOKEN_REVOKED => bearer("invalid_token", "Token has been revoked"),
            Self::REFRESH_REUSED => bearer("invalid_token", "Refresh token has been replaced"),
            Self::REAUTHENTICATION_REQUIRED => {
                bearer("insufficient_user_authentication", "A more recent authentication is required")
            }
            Self { status: 401, code, .. } => format!(r#"Countersign realm="countersign", error="{code}""#),
            _ => return None,
        })
    }

    /// The problem with this `type`, if it is one of ours.
    pub fn of_type(urn: &str) -> Option<&'static Self> {
        let code = urn.strip_prefix("urn:countersign:")?;
        Self::ALL.iter().find(|problem| problem.code == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_is_json_with_the_four_members_in_order() {
        for problem in Problem::ALL {
            let body: serde_json::Value = serde_json::from_str(&problem.json()).unwrap();
            assert_eq!(body["status"], problem.status);
            assert_eq!(body["detail"], problem.detail);
            assert_eq!(Problem::of_type(body["type"].as_str().unwrap()), Some(problem));
            assert!(
                problem.detail.split(". ").count() >= 2 || problem.detail.contains(';'),
                "{}: say what to do next",
                problem.code
            );
        }
    }

    #[test]
    fn codes_are_unique() {
        for (place, problem) in Problem::ALL.iter().enumerate() {
            assert!(Problem::ALL.iter().skip(place + 1).all(|other| other.code != problem.code), "{}", problem.code);
        }
    }
}
