//! What tells one request from another under the same key, however it was signed.

use core::fmt;

use super::key::{IdempotencyKey, MalformedKey};
use crate::encoding::put_lp;
use crate::id::UserId;
use crate::secret::{MacKey, Secret32};
use crate::signature::Received;

/// The field that carries the key.
const FIELD: &str = "idempotency-key";

/// Fields that show who asks, and not what for. They change between two attempts: a token is renewed, a challenge is
/// answered.
const CREDENTIALS: &[&str] = &["authorization", "cookie", "x-challenge-response"];

/// One user's key. The key itself cannot be told from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutcomeId {
    /// Whose key it is; every user has keys of their own, whichever signing key they come with.
    pub user: UserId,
    /// The MAC of user and key.
    pub name: [u8; 32],
}

/// The MAC of what a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// Gives keys and requests the names under which a store keeps them. They are MACs, so that whoever reads the store can
/// neither find out nor confirm what was asked for.
#[derive(Clone)]
pub struct OutcomeNames(MacKey);

impl OutcomeNames {
    /// Names under this secret of the server's.
    pub fn new(secret: &Secret32) -> Self {
        Self(MacKey::new(secret))
    }

    /// The name of a user's key.
    pub fn id(&self, user: UserId, key: &IdempotencyKey) -> OutcomeId {
        let mut message = b"countersign/1 outcome\0".to_vec();
        put_lp(&mut message, user.to_string().as_bytes());
        put_lp(&mut message, key.name().as_bytes());
        OutcomeId { user, name: self.0.mac(&[&message]) }
    }

    /// The fingerprint of a request: every covered component, in an order of our own, but those that may differ between
    /// two attempts at the same thing (protocol §7). Nonce and time, keyid and signature are no components.
    pub fn fingerprint(&self, request: &Received) -> Fingerprint {
        let mut components: Vec<_> = request.components().filter(|(name, _)| tells_what_for(name)).collect();
        components.sort_unstable();
        let mut message = b"countersign/1 request\0".to_vec();
        for (name, value) in components {
            put_lp(&mut message, name.as_bytes());
            put_lp(&mut message, value.as_bytes());
        }
        Fingerprint(self.0.mac(&[&message]))
    }
}

/// Whether a component says what is asked for. Nothing may depend on an inert field, and a tracer changes its own with
/// every attempt.
fn tells_what_for(component: &str) -> bool {
    !CREDENTIALS.contains(&component) && !Received::is_inert(component)
}

impl Received {
    /// The idempotency key that the signature covers; one that it does not cover is nobody's word.
    ///
    /// # Errors
    /// It is covered and is no key.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, MalformedKey> {
        self.components().find(|(name, _)| *name == FIELD).map(|(_, field)| field.parse()).transpose()
    }
}

impl fmt::Debug for OutcomeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutcomeNames(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Root;
    use crate::signature::{
        Field, PathForm, RequestHead, SignatureParams, Unreadable, sha256_digest_field, sign_request,
    };

    const KEY: (&str, &str) = ("idempotency-key", "\"1\"");

    /// A request as somebody signs it.
    struct Attempt {
        keyid: &'static str,
        nonce: u8,
        created: u64,
        method: &'static str,
        authority: &'static str,
        path: &'static str,
        query: Option<&'static str>,
        body: &'static str,
        fields: Vec<(&'static str, &'static str)>,
    }

    fn transfer() -> Attempt {
        Attempt {
            keyid: "k7f3a9c2d4e5b6a1c",
            nonce: 1,
            created: 1_763_780_000,
            method: "POST",
            authority: "api.example",
            path: "/v1/transfers",
            query: None,
            body: "25 to bob",
            fields: vec![("content-type", "text/plain"), KEY],
        }
    }

    /// The transfer with other fields.
    fn with(fields: &[(&'static str, &'static str)]) -> Attempt {
        Attempt { fields: fields.to_vec(), ..transfer() }
    }

    impl Attempt {
        /// As it arrives, with these fields added on the way.
        fn arrives_with(&self, added: &[(&str, &str)]) -> Result<Received, Unreadable> {
            let digest = sha256_digest_field(self.body.as_bytes());
            let mut lines: Vec<(&str, String)> = vec![("content-digest", digest)];
            lines.extend(self.fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
            let keys = Root::new(Secret32::new([7; 32])).key_pair(self.keyid);
            let (nonce, created_secs) = ([self.nonce; 32], self.created);
            let params = SignatureParams { keyid: self.keyid, nonce, created_secs, expires_secs: None };
            let sent = sign_request(&keys.c2s, &params, &self.head(&fields(&lines))).unwrap();
            lines.push(("signature-input", sent.signature_input().to_owned()));
            lines.push(("signature", sent.signature()));
            lines.extend(added.iter().map(|(name, value)| (*name, (*value).to_owned())));
            Received::read(&self.head(&fields(&lines)), PathForm::Canonical)
        }

        fn head<'a>(&self, fields: &'a [Field<'a>]) -> RequestHead<'a>
        where
            Self: 'a,
        {
            let Self { method, authority, path, query, .. } = self;
            RequestHead { method, authority, path, query: *query, fields }
        }

        fn fingerprint(&self) -> Fingerprint {
            OutcomeNames::new(&Secret32::new([1; 32])).fingerprint(&self.arrives_with(&[]).unwrap())
        }
    }

    fn fields<'a>(lines: &'a [(&'a str, String)]) -> Vec<Field<'a>> {
        lines.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect()
    }

    #[test]
    fn a_second_attempt_has_the_same_fingerprint_whoever_signs_it_and_when() {
        let first = transfer().fingerprint();
        let again = Attempt { keyid: "kanotherdeviceofhers", nonce: 2, created: 1_763_790_000, ..transfer() };
        assert_eq!(again.fingerprint(), first);
    }

    #[test]
    fn the_order_of_components_is_no_part_of_the_fingerprint() {
        assert_eq!(with(&[KEY, ("content-type", "text/plain")]).fingerprint(), transfer().fingerprint());
    }

    #[test]
    fn a_credential_and_what_is_inert_may_change_between_two_attempts() {
        let first = transfer().fingerprint();
        for (name, value) in [
            ("authorization", "Bearer renewed"),
            ("cookie", "session=renewed"),
            ("x-challenge-response", "123456"),
            ("date", "Sat, 22 Nov 2025 00:00:00 GMT"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("sec-fetch-site", "none"),
        ] {
            let again = with(&[("content-type", "text/plain"), KEY, (name, value)]);
            assert_eq!(again.fingerprint(), first, "{name}");
        }
    }

    #[test]
    fn whatever_else_differs_makes_another_request() {
        let first = transfer().fingerprint();
        for (what, other) in [
            ("method", Attempt { method: "PUT", ..transfer() }),
            ("authority", Attempt { authority: "other.example", ..transfer() }),
            ("path", Attempt { path: "/v1/transfer", ..transfer() }),
            ("query", Attempt { query: Some("dry=0"), ..transfer() }),
            ("body", Attempt { body: "26 to bob", ..transfer() }),
            ("a field's value", with(&[("content-type", "text/html"), KEY])),
            ("a field less", with(&[KEY])),
            ("a field more", with(&[("content-type", "text/plain"), KEY, ("if-match", "\"1\"")])),
            ("a value in another field", with(&[("content-language", "text/plain"), KEY])),
        ] {
            assert_ne!(other.fingerprint(), first, "{what}");
        }
    }

    #[test]
    fn a_key_that_somebody_added_on_the_way_is_none() {
        let added = with(&[]).arrives_with(&[KEY]).unwrap();
        assert_eq!(added.idempotency_key(), Ok(None));
        let signed = transfer().arrives_with(&[]).unwrap();
        assert_eq!(signed.idempotency_key(), Ok(Some(IdempotencyKey::named("1").unwrap())));
        let bare = with(&[("idempotency-key", "1")]).arrives_with(&[]).unwrap();
        assert_eq!(bare.idempotency_key(), Err(MalformedKey));
        // Beside the signed one it makes the request unreadable: nobody can say which one counts.
        assert!(matches!(transfer().arrives_with(&[KEY]), Err(Unreadable::Malformed(_))));
    }

    #[test]
    fn every_user_has_keys_of_their_own_and_every_server_names_of_its_own() {
        let (alice, bob) = (UserId::from_random([1; 16]), UserId::from_random([2; 16]));
        let key = IdempotencyKey::named("1").unwrap();
        let names = OutcomeNames::new(&Secret32::new([1; 32]));
        assert_eq!(names.id(alice, &key), names.id(alice, &key));
        assert_ne!(names.id(alice, &key).name, names.id(bob, &key).name);
        assert_ne!(names.id(alice, &key), names.id(alice, &IdempotencyKey::named("11").unwrap()));
        assert_ne!(names.id(alice, &key), OutcomeNames::new(&Secret32::new([2; 32])).id(alice, &key));
    }
}
