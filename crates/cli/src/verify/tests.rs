use countersign_core::secret::{MacKey, Root};
use countersign_core::signature::{RequestHead, SignatureParams, sign_request};

use super::*;

const KEYID: &str = "k7f3a9c2d4e5b6a1c";

fn root() -> Root {
    Root::new(Secret32::new([7; 32]))
}

fn key_file() -> String {
    let derived = |name| countersign_core::encoding::hex(root().derive(name, KEYID.as_bytes()).expose());
    format!(
        r#"{{"keyid":"{KEYID}","created":1,"root":"{}","c2s":"{}","s2c":"{}"}}"#,
        "07".repeat(32),
        derived("c2s mac"),
        derived("s2c mac")
    )
}

fn keys() -> Keys {
    Keys::read(key_file().as_bytes()).unwrap()
}

const UNSIGNED: &str = "POST /v1/x?a=b HTTP/1.1\r\nHost: api.example.com:8470\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Digest: sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:\r\nContent-Length: 5\r\n";

/// The request, signed; and the base that was covered.
fn signed() -> (String, String) {
    let request = RawRequest::read(format!("{UNSIGNED}\r\nhello").as_bytes()).unwrap();
    let fields = request.fields();
    let head = RequestHead { ..request.head(&fields) };
    let params = SignatureParams { keyid: KEYID, nonce: [9; 32], created_secs: 1_763_780_000, expires_secs: None };
    let signature = sign_request(&root().key_pair(KEYID).c2s, &params, &head).unwrap();
    let signed = format!(
        "{UNSIGNED}Signature-Input: {}\r\nSignature: {}\r\n\r\nhello",
        signature.signature_input(),
        signature.signature()
    );
    let base = base(&signed);
    (signed, base)
}

fn base(request: &str) -> String {
    let request = RawRequest::read(request.as_bytes()).unwrap();
    let fields = request.fields();
    Received::read(&request.head(&fields), PathForm::Raw).unwrap().signature_base().as_str().to_owned()
}

/// The request with the MAC over another base, under a key of this name.
fn signed_over(name: &str, base: &str) -> String {
    let mac = MacKey::new(&root().derive(name, KEYID.as_bytes())).mac(&[base.as_bytes()]);
    with_mac(&mac)
}

fn with_mac(mac: &[u8; 32]) -> String {
    let (request, _) = signed();
    let start = request.find("Signature: cs=:").unwrap() + "Signature: cs=:".len();
    let end = start + request[start..].find(':').unwrap();
    format!("{}{}{}", &request[..start], countersign_core::encoding::b64(mac), &request[end..])
}

fn said(request: &str, theirs: Option<&str>) -> (String, bool) {
    explain(false, &keys(), &RawRequest::read(request.as_bytes()).unwrap(), theirs)
}

#[test]
fn a_signature_that_holds_is_said_to_hold_and_its_base_shown() {
    let (request, base) = signed();
    let (text, holds) = explain(true, &keys(), &RawRequest::read(request.as_bytes()).unwrap(), None);
    assert!(holds && text.contains(&base) && text.contains("not judged"), "{text}");
    let c2s = countersign_core::encoding::hex(root().derive("c2s mac", KEYID.as_bytes()).expose());
    let by_hex = Keys::read(format!("{c2s}\n").as_bytes()).unwrap();
    assert!(explain(false, &by_hex, &RawRequest::read(request.as_bytes()).unwrap(), None).1);
}

#[test]
fn a_changed_component_is_named_by_comparing_with_the_signers_base() {
    let (request, base) = signed();
    for (from, to, name) in [
        ("POST /", "PUT /", "@method"),
        ("/v1/x", "/v1/y", "@path"),
        ("?a=b", "?a=c", "@query"),
        ("api.example.com", "www.example.com", "@authority"),
        ("text/plain", "text/html", "content-type"),
    ] {
        let (text, holds) = said(&request.replacen(from, to, 1), Some(&base));
        assert!(!holds && text.contains(&format!("\"{name}\" differs")), "{text}");
        assert_eq!(text.matches(" differs: ").count(), 1, "{text}");
    }
    let without = base.replacen("\"@query\": ?a=b\n", "", 1);
    let shorter = said(&signed_over("c2s mac", &without), Some(&without)).0;
    assert!(shorter.contains("\"@query\" is not in the signer's base"), "{shorter}");
    let with = format!("\"x-a\": 1\n{base}");
    let longer = said(&signed_over("c2s mac", &with), Some(&with)).0;
    assert!(longer.contains("\"x-a\" is in the signer's base only"), "{longer}");
    let unchanged = said(&request, Some(&format!("{base}\n")));
    assert!(unchanged.1 && !unchanged.0.contains("signer"), "{unchanged:?}");
    let elsewhere = said(&request.replacen("/v1/x", "/v1/y", 1), Some(&base)).0;
    assert!(elsewhere.contains("holds over the signer's base"), "{elsewhere}");
    let other_key = said(&signed_over("another", &base), Some(&base.replace("POST", "GET"))).0;
    assert!(other_key.contains("does not hold over the signer's base either"), "{other_key}");
}

#[test]
fn the_usual_slips_are_found_without_the_signers_base() {
    let (_, base) = signed();
    for (from, to, slip) in [
        ("?a=b", "a=b", "@query: the signer left out the question mark: \"a=b\"; here it is \"?a=b\""),
        ("\"@method\": POST", "\"@method\": post", "@method: the signer wrote the method in lower case: \"post\""),
        ("text/plain; charset=utf-8", "text/plain", "content-type: the signer left out what follows the semicolon"),
    ] {
        let (text, holds) = said(&signed_over("c2s mac", &base.replacen(from, to, 1)), None);
        assert!(!holds && text.contains(slip), "{text}");
    }
    let line_feed = said(&signed_over("c2s mac", &format!("{base}\n")), None).0;
    assert!(line_feed.contains("note:  base: the signer ended the base with a line feed\n"), "{line_feed}");
    assert!(said(&signed_over("s2c mac", &base), None).0.contains("key: the signer signed with s2c"));
    let by_root = with_mac(&MacKey::new(root().secret()).mac(&[base.as_bytes()]));
    assert!(said(&by_root, None).0.contains("key: the signer signed with the root"));
    let unknown = said(&signed_over("another", &base), None).0;
    assert!(unknown.contains("fault: the MAC") && unknown.contains("no single slip explains it"), "{unknown}");
}

#[test]
fn what_else_is_wrong_is_said() {
    let (request, _) = signed();
    for (from, to, fault) in [
        ("\r\nhello", "\r\nhallo", "content-digest is not that of the body, which has 5 octets"),
        ("Content-Length", "X-Added: 1\r\nContent-Length", "x-added is not covered, so the guard drops it"),
        (KEYID, "k7f3a9c2d4e5b6a1d", "names the key \"k7f3a9c2d4e5b6a1d\""),
        ("countersign-req-1", "countersign-res-1", "has no tag=\"countersign-req-1\""),
        (" \"@query\"", "", "@query is not covered; every request must cover it"),
        ("nonce=\"", "nonce=\"!", "cannot be read"),
        ("\r\nSignature: ", "\r\nX-Signature: ", "cannot be read"),
    ] {
        let (text, holds) = said(&request.replacen(from, to, 1), None);
        assert!(text.contains(fault), "{text}");
        assert_eq!(holds, from == "Content-Length", "{text}");
        assert_eq!(text.contains("the MAC holds, but"), from == "\r\nhello", "{text}");
    }
}

#[test]
fn a_file_that_is_no_key_is_refused_without_showing_it() {
    for text in ["", "abc", &"AB".repeat(32), &"ab".repeat(31), "{}", r#"{"c2s":"planted"}"#, r#"{"c2s":["planted"]}"#]
    {
        let Err(error) = Keys::read(text.as_bytes()) else { panic!("{text}") };
        assert!(!format!("{error:#}").contains("planted"), "{error:#}");
    }
}
