//! The signed answer to a registration in seed mode: the one answer that has no signed request to be bound to.
//!
//! The registration carries a MAC under the shared key and no RFC 9421 signature, so there is neither a
//! `Countersign-Request` nor a component with `;req`. What binds the answer is the registration's nonce, 32 octets that
//! the client has just drawn: it is the `nonce` parameter. Covered are `@status` and, in this order, `content-type`,
//! `content-digest`, `cache-control` and `countersign-time`; the parameters are `created`, `nonce`, `alg`, `keyid` and
//! `tag`, as in any answer (protocol §3 and §5).
//!
//! Nothing is left to choice, so nothing is parsed: whoever verifies writes down what must have been signed and
//! compares.

use super::{Interference, ReceivedAnswer, sha256_digest_field};
use crate::encoding::{b64, b64u, unb64};
use crate::id::KeyId;
use crate::secret::Root;
use crate::time::Timestamp;

const STATUS: u16 = 200;
const CONTENT_TYPE: &str = "application/json";
const CACHE_CONTROL: &str = "no-store";

/// The whole signed answer to a registration, status 200, as text; `content-length` and `date` may be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationAnswer {
    /// The body.
    pub body: String,
    /// The fields, with names in lower case.
    pub fields: [(&'static str, String); 6],
}

/// Answers the registration of this nonce: the new key is `root`, called `keyid`, and it signs this itself.
pub fn answer_registration(root: &Root, keyid: &KeyId, nonce: &[u8; 32], now: Timestamp) -> RegistrationAnswer {
    let body = body(keyid);
    let content_digest = sha256_digest_field(body.as_bytes());
    let countersign_time = now.as_millis().to_string();
    let params = params(keyid, nonce, now);
    let base = base(&content_digest, &countersign_time, &params);
    let mac = root.key_pair(keyid.as_str()).s2c.mac(&[base.as_bytes()]);
    let fields = [
        ("content-type", CONTENT_TYPE.to_owned()),
        ("content-digest", content_digest),
        ("cache-control", CACHE_CONTROL.to_owned()),
        ("countersign-time", countersign_time),
        ("signature-input", format!("cs={params}")),
        ("signature", format!("cs=:{}:", b64(&mac))),
    ];
    RegistrationAnswer { body, fields }
}

/// Reads the answer to the registration of this nonce, whose private key is `root`: the name of the new key and the
/// server's clock, if whoever answered holds that key.
pub fn verify_registration_answer(
    root: &Root,
    nonce: &[u8; 32],
    answer: &ReceivedAnswer<'_>,
) -> Result<(KeyId, Timestamp), Interference> {
    let one = |name| only(answer, name);
    let signature = one("signature").ok_or(Interference::MissingSignature)?;
    let signature_input = one("signature-input").ok_or(Interference::MissingSignature)?;
    let keyid = keyid_in(answer.body).ok_or(Interference::Digest)?;
    let countersign_time = one("countersign-time").ok_or(Interference::BadMac)?;
    let time = canonical_millis(countersign_time).ok_or(Interference::BadMac)?;
    let params = params(&keyid, nonce, time);
    if signature_input.strip_prefix("cs=") != Some(&params) {
        return Err(Interference::WrongRequest);
    }
    let content_digest = sha256_digest_field(answer.body);
    let as_signed = answer.status == STATUS
        && one("content-type") == Some(CONTENT_TYPE)
        && one("cache-control") == Some(CACHE_CONTROL)
        && one("content-digest") == Some(&content_digest);
    let base = base(&content_digest, countersign_time, &params);
    let mac = signature.strip_prefix("cs=:").and_then(|rest| rest.strip_suffix(':')).and_then(unb64);
    let holds = mac.is_some_and(|mac| root.key_pair(keyid.as_str()).s2c.verifies(&[base.as_bytes()], &mac));
    if as_signed && holds { Ok((keyid, time)) } else { Err(Interference::BadMac) }
}

fn body(keyid: &KeyId) -> String {
    format!(r#"{{"keyid":"{keyid}"}}"#)
}

/// Reads [`body`] back, in its one spelling.
fn keyid_in(body: &[u8]) -> Option<KeyId> {
    str::from_utf8(body).ok()?.strip_prefix(r#"{"keyid":""#)?.strip_suffix(r#""}"#)?.parse().ok()
}

/// The inner list and its parameters (RFC 9421 §2.3).
fn params(keyid: &KeyId, nonce: &[u8; 32], time: Timestamp) -> String {
    format!(
        concat!(
            r#"("@status" "content-type" "content-digest" "cache-control" "countersign-time");"#,
            r#"created={};nonce="{}";alg="hmac-sha256";keyid="{}";tag="countersign-res-1""#
        ),
        time.as_secs(),
        b64u(nonce),
        keyid,
    )
}

/// The signature base (RFC 9421 §2.5).
fn base(content_digest: &str, countersign_time: &str, params: &str) -> String {
    let lines = [
        ("\"@status\"", STATUS.to_string().as_str()),
        ("\"content-type\"", CONTENT_TYPE),
        ("\"content-digest\"", content_digest),
        ("\"cache-control\"", CACHE_CONTROL),
        ("\"countersign-time\"", countersign_time),
        ("\"@signature-params\"", params),
    ]
    .map(|(name, value)| format!("{name}: {value}"));
    lines.join("\n")
}

/// The value of a field that stands there once.
fn only<'a>(answer: &ReceivedAnswer<'a>, name: &str) -> Option<&'a str> {
    let mut lines = answer.fields.iter().filter(|field| field.name == name);
    let first = lines.next()?;
    if lines.next().is_some() { None } else { str::from_utf8(first.value).ok() }
}

/// Milliseconds in their one spelling.
fn canonical_millis(text: &str) -> Option<Timestamp> {
    let millis: u64 = text.parse().ok()?;
    (millis.to_string() == text).then(|| Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::super::Field;
    use super::*;
    use crate::secret::Secret32;

    const NONCE: [u8; 32] = [0xa0; 32];
    const NOW: Timestamp = Timestamp::from_millis(1_763_780_000_183);

    fn keyid(text: &str) -> KeyId {
        text.parse().unwrap()
    }

    fn root() -> Root {
        Root::new(Secret32::new([7; 32]))
    }

    fn signed() -> RegistrationAnswer {
        answer_registration(&root(), &keyid("k7f3a9c2d4e5b6a1c"), &NONCE, NOW)
    }

    fn verify(status: u16, answer: &RegistrationAnswer) -> Result<(KeyId, Timestamp), Interference> {
        let fields: Vec<_> =
            answer.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let received = ReceivedAnswer { status, fields: &fields, body: answer.body.as_bytes(), bodyless: false };
        verify_registration_answer(&root(), &NONCE, &received)
    }

    fn altered(name: &str, value: &str) -> RegistrationAnswer {
        let mut answer = signed();
        for field in answer.fields.iter_mut().filter(|field| field.0 == name) {
            field.1 = value.to_owned();
        }
        answer
    }

    #[test]
    fn the_answer_to_our_own_registration_gives_the_key_id_and_the_servers_clock() {
        assert_eq!(verify(200, &signed()), Ok((keyid("k7f3a9c2d4e5b6a1c"), NOW)));
    }

    #[test]
    fn an_answer_to_another_registration_is_told_apart() {
        let other = answer_registration(&root(), &keyid("k7f3a9c2d4e5b6a1c"), &[0xa1; 32], NOW);
        assert_eq!(verify(200, &other), Err(Interference::WrongRequest));
    }

    #[test]
    fn whoever_does_not_hold_the_private_key_cannot_answer() {
        let forger = Root::new(Secret32::new([8; 32]));
        let forged = answer_registration(&forger, &keyid("k7f3a9c2d4e5b6a1c"), &NONCE, NOW);
        assert_eq!(verify(200, &forged), Err(Interference::BadMac));
    }

    #[test]
    fn a_change_anywhere_is_found() {
        assert_eq!(verify(201, &signed()), Err(Interference::BadMac));
        for (name, value) in [
            ("content-type", "text/html"),
            ("cache-control", "public"),
            ("content-digest", &sha256_digest_field(b"")),
            ("signature", "cs=:AAAA:"),
            ("signature", "other"),
        ] {
            assert_eq!(verify(200, &altered(name, value)), Err(Interference::BadMac), "{name}");
        }
        assert_eq!(verify(200, &altered("countersign-time", "1763780001183")), Err(Interference::WrongRequest));
        assert_eq!(verify(200, &altered("countersign-time", "1763780000184")), Err(Interference::BadMac));
        assert_eq!(verify(200, &altered("countersign-time", "+1763780000183")), Err(Interference::BadMac));
        let renamed = RegistrationAnswer { body: body(&keyid("k7f3a9c2d4e5b6a1d")), ..signed() };
        assert_eq!(verify(200, &renamed), Err(Interference::WrongRequest));
        let spaced = RegistrationAnswer { body: r#"{ "keyid":"k7f3a9c2d4e5b6a1c"}"#.to_owned(), ..signed() };
        assert_eq!(verify(200, &spaced), Err(Interference::Digest));
    }

    #[test]
    fn an_answer_without_a_signature_is_none() {
        let mut answer = signed();
        answer.fields[5].0 = "x-signature";
        assert_eq!(verify(200, &answer), Err(Interference::MissingSignature));
    }
}
