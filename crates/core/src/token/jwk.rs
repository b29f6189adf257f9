//! JWK sets (RFC 7517) of Ed25519 keys (RFC 8037 §2).

use super::key::{PublicTokenKey, TokenKeyId};
use super::keys::TokenKeys;
use crate::encoding::{b64u, unb64u};
use crate::json::{Object, Value, put_string};

/// The longest document that is looked at, in octets.
const LONGEST: usize = 64 * 1024;

/// A document that gives us no keys, and why. It holds nothing of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a usable JWK set: {0}")]
pub struct BadKeySet(&'static str);

pub(super) fn read(document: &[u8]) -> Result<Vec<PublicTokenKey>, BadKeySet> {
    if document.len() > LONGEST {
        return Err(BadKeySet("it is longer than 64 KiB"));
    }
    let set = Object::read(document).map_err(|_| BadKeySet("it is not strict JSON"))?;
    let listed = set.member("keys").and_then(Value::items).ok_or(BadKeySet("it has no list of keys"))?;
    let mut keys: Vec<PublicTokenKey> = Vec::new();
    for listed in listed {
        let jwk = listed.object().ok_or(BadKeySet("one of its keys is not an object"))?;
        if jwk.member("d").is_some() || jwk.member("k").is_some() {
            return Err(BadKeySet("it has a secret key in it, which is secret no more: replace that key"));
        }
        let Some(key) = key(jwk)? else { continue };
        if keys.iter().any(|known| known.id() == key.id()) {
            return Err(BadKeySet("two of its keys have one name"));
        }
        keys.push(key);
    }
    match keys.len() {
        0 => Err(BadKeySet("none of its keys is an Ed25519 key for signatures")),
        count if count > TokenKeys::MAX => Err(BadKeySet("it has more than 16 keys")),
        _ => Ok(keys),
    }
}

/// The key that this object is, if it is one for our signatures.
fn key(jwk: &Object<'_>) -> Result<Option<PublicTokenKey>, BadKeySet> {
    let is = |name: &str, value: &str| jwk.member(name).and_then(Value::text) == Some(value);
    let is_or_lacks = |name: &str, value: &str| jwk.member(name).is_none() || is(name, value);
    if !(is("kty", "OKP") && is("crv", "Ed25519") && is_or_lacks("alg", "EdDSA") && is_or_lacks("use", "sig")) {
        return Ok(None);
    }
    let id = jwk.member("kid").and_then(Value::text).filter(|id| (1..=TokenKeyId::MAX_OCTETS).contains(&id.len()));
    let id = id.ok_or(BadKeySet("one of its keys has no name of 1 to 128 octets"))?;
    let octets = jwk.member("x").and_then(Value::text).and_then(unb64u).and_then(|octets| octets.try_into().ok());
    let key = octets.and_then(|octets| PublicTokenKey::named(TokenKeyId(id.into()), &octets));
    key.map(Some).ok_or(BadKeySet("one of its keys is no point of the curve that a key may be"))
}

pub(super) fn write(keys: &[PublicTokenKey]) -> String {
    let mut json = r#"{"keys":["#.to_owned();
    for (place, key) in keys.iter().enumerate() {
        json.push_str(if place == 0 { "" } else { "," });
        json.push_str(r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"#);
        put_string(&mut json, key.id().as_str());
        json.push_str(&format!(r#","x":"{}"}}"#, b64u(key.octets())));
    }
    json.push_str("]}");
    json
}

#[cfg(test)]
mod tests {
    use super::super::key::TokenSigningKey;
    use super::*;
    use crate::secret::Secret32;

    const POINT: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn of(keys: &str) -> Result<usize, BadKeySet> {
        TokenKeys::of_jwks(format!(r#"{{"keys":[{keys}]}}"#).as_bytes()).map(|keys| keys.iter().count())
    }

    fn jwk(members: &str) -> String {
        format!(r#"{{"kty":"OKP","crv":"Ed25519"{members}}}"#)
    }

    #[test]
    fn what_is_written_reads_back() {
        let public = |octet| TokenSigningKey::new(&Secret32::new([octet; 32])).public();
        let keys = TokenKeys::new([public(1), public(2), public(1)]);
        assert_eq!(keys.iter().count(), 2);
        assert_eq!(TokenKeys::of_jwks(keys.to_jwks().as_bytes()), Ok(keys));
    }

    #[test]
    fn keys_of_others_are_passed_over_and_members_that_we_do_not_know_too() {
        let ours = jwk(&format!(r#","kid":"a","x":"{POINT}","ext":true,"key_ops":["verify"],"since":1"#));
        for others in [
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"}"#.to_owned(),
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#.to_owned(),
            format!(r#"{{"kty":"OKP","crv":"X25519","kid":"a","x":"{POINT}"}}"#),
            jwk(&format!(r#","kid":"a","x":"{POINT}","use":"enc""#)),
            jwk(&format!(r#","kid":"a","x":"{POINT}","alg":"HS256""#)),
        ] {
            assert_eq!(of(&format!("{others},{ours}")), Ok(1), "{others}");
            assert!(of(&others).is_err(), "a set without a key of ours is none: {others}");
        }
    }

    #[test]
    fn a_set_that_is_not_what_it_should_be_gives_no_keys_at_all() {
        let good = jwk(&format!(r#","kid":"a","x":"{POINT}""#));
        assert_eq!(of(&good), Ok(1));
        for bad in [
            format!("{good},{good}"),
            format!("{good},7"),
            jwk(&format!(r#","x":"{POINT}""#)),
            jwk(&format!(r#","kid":"","x":"{POINT}""#)),
            jwk(&format!(r#","kid":["a"],"x":"{POINT}""#)),
            jwk(&format!(r#","kid":"{}","x":"{POINT}""#, "a".repeat(129))),
            jwk(r#","kid":"a""#),
            jwk(r#","kid":"a","x":"AQAB""#),
            jwk(&format!(r#","kid":"a","x":"{POINT}=""#)),
            jwk(&format!(r#","kid":"a","x":"{}""#, b64u(&[0; 32]))),
            jwk(&format!(r#","kid":"a","x":"{POINT}","d":"{POINT}""#)),
            format!(r#"{good},{{"kty":"oct","k":"AQAB"}}"#),
            jwk(&format!(r#","kid":"a","kid":"b","x":"{POINT}""#)),
        ] {
            assert!(of(&bad).is_err(), "{bad}");
        }
        for document in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":[],"keys":[]}"#] {
            assert!(TokenKeys::of_jwks(document.as_bytes()).is_err(), "{document}");
        }
    }

    #[test]
    fn a_key_is_vouched_for_by_its_thumbprint_and_not_by_the_name_that_a_set_gives_it() {
        let (listed, other) =
            (TokenSigningKey::new(&Secret32::new([1; 32])), TokenSigningKey::new(&Secret32::new([2; 32])));
        let set = |keys: &[(&str, &TokenSigningKey)]| {
            let jwks: Vec<_> = keys
                .iter()
                .map(|(kid, key)| jwk(&format!(r#","kid":"{kid}","x":"{}""#, b64u(key.public().octets()))))
                .collect();
            let set = TokenKeys::of_jwks(format!(r#"{{"keys":[{}]}}"#, jwks.join(",")).as_bytes()).unwrap();
            set.vouched_for([listed.id().as_str()].into_iter()).iter().count()
        };
        let (ours, theirs) = (listed.id().as_str(), other.id().as_str());
        assert_eq!(set(&[(ours, &listed)]), 1);
        assert_eq!(set(&[(theirs, &other)]), 0, "not on the list");
        assert_eq!(set(&[(ours, &other)]), 0, "under the name of one that is");
        assert_eq!(set(&[("a", &listed)]), 0, "under a name that tokens do not say");
    }

    #[test]
    fn a_set_has_an_end() {
        let many = |count: usize| {
            let key = |place| jwk(&format!(r#","kid":"{place}","x":"{POINT}""#));
            of(&(0..count).map(key).collect::<Vec<_>>().join(","))
        };
        assert_eq!(many(16), Ok(16));
        assert!(many(17).is_err());
        let padded = |spaces: usize| {
            format!(r#"{{"keys":[{}{}]}}"#, jwk(&format!(r#","kid":"a","x":"{POINT}""#)), " ".repeat(spaces))
        };
        let bare = padded(0).len();
        assert!(TokenKeys::of_jwks(padded(LONGEST - bare).as_bytes()).is_ok());
        assert!(TokenKeys::of_jwks(padded(LONGEST - bare + 1).as_bytes()).is_err());
    }
}
