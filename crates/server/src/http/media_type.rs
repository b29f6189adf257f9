//! What a body says that it is.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

/// Whether a body says that it is of this media type, once, in UTF-8, and not compressed. Only what says so is read as such:
/// of JSON a form of a foreign page cannot say it (it would have to ask first).
pub(super) fn is_of(headers: &HeaderMap, media_type: &str) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next().and_then(|kind| kind.to_str().ok()), kinds.next()) else { return false };
    let (essence, parameters) = kind.split_once(';').unwrap_or((kind, "charset=utf-8"));
    essence.trim_end().eq_ignore_ascii_case(media_type)
        && parameters.trim().eq_ignore_ascii_case("charset=utf-8")
        && !headers.contains_key(CONTENT_ENCODING)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn saying(kinds: &[&'static str]) -> HeaderMap {
        kinds.iter().map(|kind| (CONTENT_TYPE, HeaderValue::from_static(kind))).collect()
    }

    #[test]
    fn a_body_is_what_it_says_once_and_in_utf_8() {
        for kind in ["text/plain", "Text/PLAIN", "text/plain;charset=utf-8", "text/plain ; charset=UTF-8 "] {
            assert!(is_of(&saying(&[kind]), "text/plain"), "{kind}");
        }
        for kinds in [
            &[][..],
            &[""],
            &["text/plain", "text/plain"],
            &["text/plain", "text/html"],
            &["text/plain, text/plain"],
            &["text/plainer"],
            &["text/plain;"],
            &["text/plain; charset=utf-16"],
            &["text/plain; charset=utf-8; a=b"],
            &["text/plain; charset=\"utf-8\""],
        ] {
            assert!(!is_of(&saying(kinds), "text/plain"), "{kinds:?}");
        }
        let mut compressed = saying(&["text/plain"]);
        compressed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(!is_of(&compressed, "text/plain"));
    }
}
