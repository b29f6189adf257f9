//! HTTP Basic (RFC 7617) as OAuth clients speak it (RFC 6749 §2.3.1).

use countersign_core::encoding::unb64;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use super::form::decoded;

/// The name and the secret of a client.
pub(super) struct Credentials {
    /// `client_id`.
    pub(super) id: Zeroizing<String>,
    /// `client_secret`.
    pub(super) secret: Zeroizing<String>,
}

/// The field is there and cannot be read, or says something else than Basic.
#[derive(Debug)]
pub(super) struct Unreadable;

/// What a request says by HTTP Basic; nothing if it has no `Authorization` at all.
pub(super) fn credentials(headers: &HeaderMap) -> Result<Option<Credentials>, Unreadable> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (fields.next(), fields.next());
    match (first, second) {
        (None, _) => Ok(None),
        (Some(field), None) => field.to_str().ok().and_then(read).map(Some).ok_or(Unreadable),
        (Some(_), Some(_)) => Err(Unreadable),
    }
}

fn read(field: &str) -> Option<Credentials> {
    let (scheme, credentials) = field.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let octets = Zeroizing::new(unb64(credentials.trim_start_matches(' '))?);
    let (id, secret) = core::str::from_utf8(&octets).ok()?.split_once(':')?;
    // Many clients do not encode what they put in, and a secret has no spaces: a `+` in it is one.
    let secret = Zeroizing::new(secret.replace('+', "%2B"));
    Some(Credentials { id: decoded(id)?, secret: decoded(&secret)? })
}

#[cfg(test)]
mod tests {
    use countersign_core::encoding::b64;

    use super::*;

    fn of(fields: &[&str]) -> Result<Option<(String, String)>, ()> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, field.parse().unwrap());
        }
        let found = credentials(&headers).map_err(|Unreadable| ())?;
        Ok(found.map(|Credentials { id, secret }| (id.to_string(), secret.to_string())))
    }

    fn basic(text: &str) -> Result<Option<(String, String)>, ()> {
        of(&[&format!("Basic {}", b64(text.as_bytes()))])
    }

    #[test]
    fn a_secret_arrives_alike_whether_the_client_has_encoded_it_or_not() {
        let expected = Ok(Some(("orders-api".to_owned(), "a+b/c==~".to_owned())));
        assert_eq!(basic("orders-api:a+b/c==~"), expected);
        assert_eq!(basic("orders%2Dapi:a%2Bb%2Fc%3D%3D%7E"), expected);
        assert_eq!(of(&[&format!("bASIC  {}", b64(b"orders-api:a+b/c==~"))]), expected);
        assert_eq!(basic("a:b:c"), Ok(Some(("a".to_owned(), "b:c".to_owned()))));
        assert_eq!(of(&[]), Ok(None));
    }

    #[test]
    fn what_is_not_basic_once_is_not_taken() {
        for field in
            ["Basic", "Basic ", "Basic !", "Basic YTpi YTpi", "Basic YTpi,", "Basic YTp", "Bearer YTpi", "YTpi"]
        {
            assert_eq!(of(&[field]), Err(()), "{field}");
        }
        assert_eq!(of(&["Basic YTpi", "Basic YTpi"]), Err(()));
        assert_eq!(basic("without a colon"), Err(()));
        assert_eq!(basic("a:%zz"), Err(()));
    }
}
