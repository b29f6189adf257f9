use http::HeaderName;

use crate::http::policy::may_come_from_clients;

/// A field that may reach the API unsigned. What no client may send at all never may, nor what says who somebody is or
/// frames the message.
pub(super) fn forwardable(name: &str) -> Result<HeaderName, String> {
    let lower = name.to_ascii_lowercase();
    let parsed = HeaderName::from_bytes(lower.as_bytes()).map_err(|_| format!("{name:?} is no name of a field"))?;
    let signed_only = SIGNED_ONLY.contains(&lower.as_str()) || lower.starts_with("x-auth-");
    if signed_only || !may_come_from_clients(&lower) {
        return Err(format!("{lower} never passes unsigned: let the client sign it, or leave it out"));
    }
    Ok(parsed)
}

/// A client may send these, but nobody else may add them.
const SIGNED_ONLY: [&str; 8] = [
    "authorization",
    "content-digest",
    "content-length",
    "cookie",
    "hmac-challenge",
    "host",
    "http2-settings",
    "x-user",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_stand_for_an_identity_never_passes_unsigned() {
        for name in [
            "Remote-User",
            "remote_user",
            "X-Forwarded-For",
            "x_request_id",
            "Host",
            "Connection",
            "Cookie",
            "Authorization",
            "Signature-Input",
            "X-Challenge-Response",
            "Countersign-Identity",
            "X-HTTP-Method-Override",
            "X-Original-URL",
            "X-Remote-Groups",
            "X-Authentik-Username",
            "X-Auth-Token",
            "Client-IP",
            "Proxy",
            "Proxy-Authorization",
            "TE",
            "X-User",
        ] {
            assert!(forwardable(name).is_err_and(|reason| reason.contains("never passes unsigned")), "{name}");
        }
        for name in ["", "a b", "a:", "é", "x\r\ny"] {
            assert!(forwardable(name).is_err(), "{name:?}");
        }
        assert_eq!(forwardable("X-Request-Id").unwrap(), "x-request-id");
    }
}
