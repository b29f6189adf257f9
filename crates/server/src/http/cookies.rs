use bytes::Bytes;
use http::header::{COOKIE, HeaderMap, HeaderValue};

/// Makes one `Cookie` of several. In HTTP/2 they may come apart so that they are compressed better, and are one for
/// everybody else (RFC 9113 §8.2.3), the signature included.
pub(super) fn join(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let joined = [first, second].into_iter().chain(crumbs).collect::<Vec<_>>().join(b"; ".as_slice());
    // Values that were good apart are good together.
    if let Ok(joined) = HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_one_field_in_the_order_in_which_they_came() {
        for (crumbs, joined) in
            [(&[][..], None), (&["a=1"], Some("a=1")), (&["a=1", "b=2", "c=3"], Some("a=1; b=2; c=3"))]
        {
            let mut headers: HeaderMap = crumbs.iter().map(|crumb| (COOKIE, HeaderValue::from_static(crumb))).collect();
            join(&mut headers);
            let values: Vec<_> = headers.get_all(COOKIE).iter().collect();
            assert_eq!(values, joined.as_slice());
        }
    }
}
