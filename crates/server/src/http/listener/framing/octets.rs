//! Classes of octets, RFC 9110 §5.5 and §5.6.

/// Whether this is a token: at least one octet, all of them `tchar`.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|octet| is_tchar(*octet))
}

/// `tchar`, RFC 9110 §5.6.2.
pub(super) const fn is_tchar(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// What a field value may hold: visible ASCII, space and tab. `obs-text` (8 bits) is refused: it is read as Latin-1 by
/// some and as UTF-8 by others.
pub(super) const fn is_value(octet: u8) -> bool {
    matches!(octet, b'\t' | b' '..=b'~')
}

/// Optional white space at both ends taken off, RFC 9110 §5.6.3.
pub(super) fn without_ows(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
