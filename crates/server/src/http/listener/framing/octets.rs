//! Classes of octets, RFC 9110 §5.5 and §5.6.

/// Whether this is a token: at least one octet, all of them `tchar`.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|octet| is_tchar(*octet))
}

/// `tchar`, RFC 9110 §5.6.2.
pub(super) const fn is_tchar(octet: u8) -> bool {
    match octet {
        b'a'..=b'z' | b'-' | b'A'..=b'Z' | b'0'..=b'9' => true,
        _ => matches!(
            octet,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        ),
    }
}

/// Whether a field value holds visible ASCII, spaces and tabs only. `obs-text` (8 bits) is refused: it is read as
/// Latin-1 by some and as UTF-8 by others.
pub(super) fn is_value(text: &[u8]) -> bool {
    all(text, |octet| matches!(octet, b'\t' | b' '..=b'~'))
}

/// Whether all octets are of a class. It does not stop at the first other one, so the compiler can take many at a time.
pub(super) fn all(text: &[u8], class: impl Fn(u8) -> bool) -> bool {
    text.iter().fold(true, |all, octet| all & class(*octet))
}

/// Optional white space at both ends taken off, RFC 9110 §5.6.3.
pub(super) fn without_ows(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
