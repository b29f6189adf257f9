//! The base builder against the standard's own bases, and the MAC against RFC 4231. What the profile refuses as a whole is
//! compared here component by component.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::base::BaseWriter;
use super::component::{Flag, read_list};
use super::cursor::Cursor;
use super::request::Covered;
use super::verify::own_line;
use super::{Field, ReceivedAnswer, RequestHead};
use crate::encoding::{unb64, unb64u, unhex};
use crate::secret::{MacKey, Secret32};

type Pairs = Vec<(String, String)>;

fn pairs(message: &Value) -> Pairs {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers = message["headers"].as_array().into_iter().flatten();
    headers.map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect()
}

fn fields(pairs: &Pairs) -> Vec<Field<'_>> {
    pairs.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect()
}

fn with_head<T>(message: &Value, f: impl FnOnce(&RequestHead<'_>) -> T) -> T {
    let pairs = pairs(message);
    let mut words = message["start_line"].as_str().unwrap_or("GET / HTTP/1.1").split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let authority = pairs.iter().find(|(name, _)| name == "host").map_or("", |(_, value)| value);
    f(&RequestHead { method, authority, path, query, fields: &fields(&pairs) })
}

/// The base of a case of `rfc9421_vectors.json`, whatever its parameters.
fn base_of(message: &Value, request: &Value, params: &str) -> Option<String> {
    let components = read_list(&mut Cursor::new(params.as_bytes()), 32).ok()?;
    let is_answer = message["start_line"].as_str().is_some_and(|line| line.starts_with("HTTP"));
    let mut base = BaseWriter::with_capacity(0);
    let mut covered = Covered::default();
    for component in &components {
        let written = if is_answer && component.flag != Flag::Request {
            let pairs = pairs(message);
            let status = message["start_line"].as_str()?.split(' ').nth(1)?.parse().ok()?;
            own_line(
                &mut base,
                component,
                &ReceivedAnswer { status, fields: &fields(&pairs), body: b"", bodyless: false },
            )
        } else {
            let of = if is_answer { request } else { message };
            with_head(of, |head| covered.component(&mut base, component, head))
        };
        written.ok()?;
    }
    Some(base.close(params.as_bytes()).ok()?.as_str().to_owned())
}

#[test]
fn the_bases_of_the_standard_are_built_octet_for_octet() {
    let vectors: Value = serde_json::from_str(include_str!("../../../../vectors/rfc9421_vectors.json")).unwrap();
    let mut built = Vec::new();
    for case in vectors["signatures"].as_array().unwrap() {
        let params = case["signature_params"].as_str().unwrap();
        let Some(base) = base_of(&case["message"], &case["request"], params) else { continue };
        assert_eq!(base, case["signature_base"].as_str().unwrap(), "{}", case["id"]);
        built.push(case["id"].as_str().unwrap());
    }
    let all_but_query_param = [
        "B.2.1",
        "B.2.3",
        "B.2.4",
        "B.2.5",
        "B.2.6",
        "2.4-reqres-1",
        "2.4-reqres-2",
        "4.3-proxy",
        "B.3-ttrp",
        "B.4-original",
    ];
    assert_eq!(built, all_but_query_param);
}

#[test]
fn the_hmac_signatures_of_the_standard_and_of_our_own_vectors_hold() {
    let vectors: Value = serde_json::from_str(include_str!("../../../../vectors/rfc9421_vectors.json")).unwrap();
    let secret = vectors["keys"]["shared_secret_b64"].as_str().unwrap();
    let secret = unb64(secret).or_else(|| unb64u(secret)).unwrap();
    let message = &vectors["signatures"][0]["message"];
    let local = vectors["local_hmac"].as_array().unwrap().iter().map(|case| (case, message));
    let standard = vectors["signatures"].as_array().unwrap().iter().map(|case| (case, &case["message"]));
    let mut checked = 0;
    for (case, message) in local.chain(standard.filter(|(case, _)| case["alg"] == "hmac-sha256")) {
        let base = base_of(message, &Value::Null, case["signature_params"].as_str().unwrap()).unwrap();
        assert_eq!(base, case["signature_base"].as_str().unwrap(), "{}", case["id"]);
        let keyed = Hmac::<Sha256>::new_from_slice(&secret).unwrap().chain_update(base);
        keyed.verify_slice(&unb64(case["signature"].as_str().unwrap()).unwrap()).unwrap();
        checked += 1;
    }
    assert_eq!(checked, 5);
}

#[test]
fn byte_sequences_are_those_of_the_standard() {
    let vectors: Value = serde_json::from_str(include_str!("../../../../vectors/rfc9421_vectors.json")).unwrap();
    let cases = vectors["component_values"].as_array().unwrap().iter();
    let mut checked = 0;
    for case in cases.filter(|case| case["section"].as_str().unwrap().contains("(bs")) {
        let pairs = pairs(&case["message"]);
        let answer = ReceivedAnswer { status: 200, fields: &fields(&pairs), body: b"", bodyless: false };
        let line = case["lines"][0].as_str().unwrap();
        let list = format!("({})", line.split_once(": ").unwrap().0);
        let components = read_list(&mut Cursor::new(list.as_bytes()), 1).unwrap();
        let mut base = BaseWriter::with_capacity(0);
        own_line(&mut base, &components[0], &answer).unwrap();
        let base = base.close(b"").unwrap();
        assert_eq!(base.as_str(), format!("{line}\n\"@signature-params\": "));
        checked += 1;
    }
    assert_eq!(checked, 2);
}

#[test]
fn the_macs_of_rfc_4231_hold_and_keys_that_fit_give_them_through_our_own_type() {
    let vectors: Value = serde_json::from_str(include_str!("../../../../vectors/rfc4231_hmac.json")).unwrap();
    let mut through_our_type = 0;
    for case in vectors["tests"].as_array().unwrap() {
        let octets = |name: &str| unhex(case[name].as_str().unwrap()).unwrap();
        let (key, data, expected) = (octets("key"), octets("data"), octets("sha256"));
        let keyed = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(&data);
        keyed.verify_truncated_left(&expected).unwrap();
        // HMAC pads keys with zeros, so a shorter key is also one of 32 octets. That is why ours have a fixed length.
        let mut padded = key;
        padded.resize(padded.len().max(32), 0);
        if let Ok(padded) = <[u8; 32]>::try_from(padded) {
            let mac = MacKey::new(&Secret32::new(padded)).mac(&[&data]);
            assert!(mac.starts_with(&expected), "test case {}", case["tc"]);
            through_our_type += 1;
        }
    }
    assert_eq!(through_our_type, 5);
}
