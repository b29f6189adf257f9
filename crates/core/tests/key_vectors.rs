//! The key hierarchy: `vectors/countersign.json`, RFC 4231, RFC 5869 and Wycheproof.

use countersign_core::encoding::{hex, unhex};
use countersign_core::secret::{MacKey, Root, Secret32, label};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::{Sha256, Sha384, Sha512};

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
