use http::HeaderName;

/// A field that may reach the API unsigned. Those by which somebody could pass for another, move a request
/// elsewhere or reframe it never may.
pub(super) fn forwardable(name: &str) -> Result<HeaderName, String> {
    let lower = name.to_ascii_lowercase();
    let parsed = HeaderName::from_bytes(lower.as_bytes()).map_err(|_| format!("{name:?} is no name of a field"))?;
    let twin = lower.contains('_');
    let family = NEVER_FAMILIES.iter().any(|family| lower.starts_with(family));
    if twin || family || NEVER.contains(&lower.as_str()) {
        return Err(format!("{lower} never passes unsigned: let the client sign it, or leave it out"));
    }
    Ok(parsed)
}

const NEVER_FAMILIES: [&str; 8] =
    ["countersign-", "proxy-", "remote-", "signature", "x-auth-", "x-forwarded", "x-http-method", "x-original-"];
const NEVER: [&str; 24] = [
    "authorization",
    "connection",
    "content-digest",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "hmac-challenge",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "via",
    "x-challenge-response",
    "x-client-ip",
    "x-method-override",
    "x-real-ip",
    "x-rewrite-url",
    "x-security-level",
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
        ] {
            assert!(forwardable(name).is_err_and(|reason| reason.contains("never passes unsigned")), "{name}");
        }
        for name in ["", "a b", "a:", "é", "x\r\ny"] {
            assert!(forwardable(name).is_err(), "{name:?}");
        }
        assert_eq!(forwardable("X-Request-Id").unwrap(), "x-request-id");
    }
}
