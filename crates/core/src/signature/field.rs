//! What the profile says about header fields by their names.

/// Fields that may stand in a message once. Where one of them stands twice, programs disagree about which counts.
pub(super) fn is_single_valued(name: &str) -> bool {
    matches!(
        name,
        "access-control-allow-origin"
            | "age"
            | "authorization"
            | "content-digest"
            | "content-disposition"
            | "content-length"
            | "content-location"
            | "content-range"
            | "content-type"
            | "countersign-accept-stream"
            | "countersign-request"
            | "countersign-stream"
            | "countersign-time"
            | "date"
            | "etag"
            | "expect"
            | "expires"
            | "from"
            | "host"
            | "idempotency-key"
            | "if-modified-since"
            | "if-range"
            | "if-unmodified-since"
            | "last-modified"
            | "location"
            | "max-forwards"
            | "origin"
            | "proxy-authorization"
            | "range"
            | "referer"
            | "retry-after"
            | "sec-websocket-accept"
            | "sec-websocket-key"
            | "server"
            | "user-agent"
            | "x-challenge-response"
    )
}

/// What stands between the lines of a field in its combined value: a comma (RFC 9421 §2.1), but for cookies, which HTTP/2
/// splits at semicolons (RFC 9113 §8.2.3).
pub(super) fn separator(name: &str) -> &'static [u8] {
    if name == "cookie" { b"; " } else { b", " }
}

/// Request fields that may reach the API uncovered: intermediaries add and change them, and nothing may depend on them
/// (protocol §4).
pub(super) fn is_inert(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-encoding"
            | "accept-language"
            | "date"
            | "dnt"
            | "origin"
            | "referer"
            | "traceparent"
            | "tracestate"
    ) || name.starts_with("sec-fetch-")
}

/// Fields that the signature vouches for without naming them: `host` is `@authority`, and a body of another length than
/// `content-length` says cannot have the covered digest.
pub(super) fn is_implied(name: &str) -> bool {
    matches!(name, "host" | "content-length")
}

/// The fields that carry signatures; a signature cannot cover them.
pub(super) fn is_signature(name: &str) -> bool {
    matches!(name, "signature" | "signature-input")
}

/// Fields between two neighbours on the line (RFC 9110 §7.6.1). `upgrade` is not among them: an upgrade is signed.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding")
}

/// Whether the signature of an answer covers the field when it is there; the fields that signing adds are not among them,
/// nor is `date`, which every server stamps anew.
pub(super) fn is_covered_in_answers(name: &str) -> bool {
    !is_signature(name)
        && !is_hop_by_hop(name)
        && !matches!(
            name,
            "content-length"
                | "content-digest"
                | "countersign-request"
                | "countersign-stream"
                | "countersign-time"
                | "date"
        )
}

/// The value without the white space at either end (RFC 9421 §2.1, step 3).
pub(super) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether the value can stand in a signature base as it is: visible ASCII, space and tab. Folded lines hold CR and LF, so
/// they are out too; what else there is would give the base a second reading.
pub(super) fn is_plain(value: &[u8]) -> bool {
    value.iter().fold(true, |plain, octet| plain & matches!(octet, 0x20..=0x7e | b'\t'))
}
