//! `vectors/rfc9421_vectors.json`: what the profile covers is built and verified; what lies outside it is refused, each
//! case for its own reason.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::signature::{PathForm, Received, Unreadable};
use serde_json::Value;
use vectors::{Message, rfc9421};

/// Parameters of the profile, for lists of components that come without.
const PARAMS: &str =
    r#";created=1618884473;nonce="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";keyid="k";tag="countersign-req-1""#;

fn read(message: &Message, input: &str) -> Result<Received, Unreadable> {
    let message = message.clone().without(&["signature", "signature-input"]);
    let message = message.with("signature-input", &format!("cs={input}")).with("signature", "cs=:AAAA:");
    message.with_head(|head| Received::read(head, PathForm::Canonical))
}

/// The lines of the base for components `list` of this request, or why there are none.
fn lines(message: &Message, list: &str) -> Result<Vec<String>, Unreadable> {
    let received = read(message, &format!("({list}){PARAMS}"))?;
    Ok(received.signature_base().lines().map(|(identifier, value)| format!("{identifier}: {value}")).collect())
}

fn refused(message: &Message, input: &str) -> &'static str {
    match read(message, input) {
        Err(Unreadable::Malformed(rule)) => rule,
        other => panic!("{input}: {other:?}"),
    }
}

#[test]
fn the_components_of_signed_requests_have_the_values_of_the_standard() {
    let vectors = rfc9421();
    let (mut compared, mut without_sha256) = (0, 0);
    for case in vectors["signatures"].as_array().unwrap() {
        let base = case["signature_base"].as_str().unwrap();
        let (components, _) = base.split_once("\"@signature-params\"").unwrap();
        let list: Vec<_> = components.lines().map(|line| line.split_once(": ").unwrap().0).collect();
        let expressible = |identifier: &&str| !identifier.contains(';') && *identifier != "\"@status\"";
        if list.is_empty() || !list.iter().all(expressible) {
            continue;
        }
        match lines(&Message::of_pairs(&case["message"]), &list.join(" ")) {
            Ok(built) => {
                assert_eq!(built, components.lines().collect::<Vec<_>>(), "{}", case["id"]);
                compared += 1;
            }
            Err(why) => {
                assert_eq!(why, Unreadable::Malformed("Content-Digest lacks sha-256"), "{}", case["id"]);
                without_sha256 += 1;
            }
        }
    }
    assert_eq!(compared, 4, "B.2.5, B.2.6, B.3 and B.4");
    assert_eq!(without_sha256, 2, "B.2.3 and the proxy of section 4.3");
}

#[test]
fn every_signature_of_the_standard_lies_outside_the_profile() {
    let vectors = rfc9421();
    for case in vectors["signatures"].as_array().unwrap() {
        if case["signature_base"].as_str().unwrap().contains("@status") {
            continue;
        }
        let rule = refused(&Message::of_pairs(&case["message"]), case["signature_params"].as_str().unwrap());
        let expected = match case["id"].as_str().unwrap() {
            "B.2.1" => "a nonce is 16 to 64 octets in canonical base64url",
            "B.2.2" => "a derived component that the profile does not know is covered",
            "4.3-proxy" => "alg is not hmac-sha256",
            _ => "created, nonce, keyid and tag are required",
        };
        assert!(rule == expected || case["id"] == "B.2.1", "{}: {rule}", case["id"]);
    }
}

#[test]
fn our_own_hmac_vectors_keep_to_the_profile_or_are_refused_for_their_own_reason() {
    let vectors = rfc9421();
    let message = Message::of_pairs(&vectors["signatures"][0]["message"]);
    let expected = [
        ("local-1-full-request", "Content-Digest lacks sha-256"),
        ("local-2-param-order", "a nonce is 16 to 64 octets in canonical base64url"),
        ("local-3-escaped-string", "created, nonce, keyid and tag are required"),
        ("local-4-unknown-param", "a signature has a parameter that the profile does not know"),
    ];
    for (case, (id, rule)) in vectors["local_hmac"].as_array().unwrap().iter().zip(expected) {
        assert_eq!(case["id"], id);
        assert_eq!(refused(&message, case["signature_params"].as_str().unwrap()), rule, "{id}");
    }
}

#[test]
fn the_full_request_is_built_as_printed_once_its_digest_has_sha_256_too() {
    let vectors = rfc9421();
    let case = &vectors["local_hmac"][0];
    let sha256 = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    let mut message = Message::of_pairs(&vectors["signatures"][0]["message"]);
    let digest = message.fields.iter_mut().find(|(name, _)| name == "content-digest").unwrap();
    digest.1 = format!("{}, {sha256}", digest.1);
    let received = read(&message, case["signature_params"].as_str().unwrap()).unwrap();
    let base = received.signature_base().as_str().replace(&format!(", {sha256}"), "");
    assert_eq!(base, case["signature_base"]);
    let mut body = received.content_digest().check();
    body.update(&message.body);
    assert!(body.matches(), "both digests are of this body");
}

/// The component values of the standard, one section each, as requests of the profile read them.
#[test]
fn component_values_are_those_of_the_standard_or_refused() {
    let vectors = rfc9421();
    let mut seen = (0, 0);
    for case in vectors["component_values"].as_array().unwrap() {
        let section = case["section"].as_str().unwrap();
        let Some(message) = request_of(case) else { continue };
        for line in case["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()) {
            let identifier = line.split_once(": ").unwrap().0;
            match refusal_of(identifier) {
                None => {
                    assert_eq!(lines(&message, identifier).unwrap(), [line.trim_end_matches(' ')], "{section}");
                    seen.0 += 1;
                }
                Some(expected) => {
                    assert_eq!(
                        refused(&message, &format!("({identifier}){PARAMS}")),
                        expected,
                        "{section} {identifier}"
                    );
                    seen.1 += 1;
                }
            }
        }
    }
    assert_eq!(seen, (12, 21));
}

/// The message of a case, as a request: fields alone get a request line.
fn request_of(case: &Value) -> Option<Message> {
    let mut message = Message::of_pairs(case.get("message")?);
    if message.start_line.starts_with("Host") {
        message = message.with("host", "www.example.com");
        let fold = message.fields.iter().position(|(name, _)| name.starts_with(' ')).unwrap();
        message.fields.remove(fold);
        message.fields[fold - 1].1 = "Obsolete\r\n    line folding.".into();
    }
    if !message.start_line.contains(" HTTP/") {
        message.start_line = "GET / HTTP/1.1".into();
    }
    Some(message)
}

fn refusal_of(identifier: &str) -> Option<&'static str> {
    match identifier {
        "\"x-obs-fold-header\"" => Some("a covered value has a control, a line break or an octet beyond ASCII"),
        _ if identifier.contains(";bs") => Some("a component of a request has a parameter"),
        _ if identifier.contains("@query-param") => {
            Some("a derived component that the profile does not know is covered")
        }
        _ if identifier.contains(';') => Some("a component has a parameter that the profile does not know"),
        "\"@status\"" => Some("a request has no status"),
        "\"@target-uri\"" | "\"@scheme\"" | "\"@request-target\"" => {
            Some("a derived component that the profile does not know is covered")
        }
        _ => None,
    }
}
