//! What `explain` finds: each mistake is made by a signer, and named.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::encoding::{b64, hex};
use countersign_core::secret::{MacKey, Root, Secret32};
use countersign_core::signature::Unreadable;
use countersign_core::signature::explain::{Body, Difference, Explanation, Finding, Keys, explain};
use countersign_core::stream::{BrokenStream, FrameSigner};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use vectors::{LIST, Message, PARAMS, transfer};

const C2S: [u8; 32] = [1; 32];
const S2C: [u8; 32] = [2; 32];
const ROOT: [u8; 32] = [3; 32];

fn request() -> Message {
    let list = LIST.replace(')', " \"x-list\" \"x-odd\")");
    let message = transfer().with("x-list", "a").with("x-list", "b").with("x-odd", "  Two  Words ");
    message.unsealed(&format!("cs={list};alg=\"hmac-sha256\"{PARAMS}"))
}

fn base() -> String {
    request().read().unwrap().signature_base().as_str().to_owned()
}

fn sealed_with(key: &[u8], text: &str) -> Message {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes();
    request().set("signature", &format!("cs=:{}:", b64(&mac)))
}

fn explained(message: &Message, signers_base: Option<&str>) -> Explanation {
    let [c2s, s2c, root] = [C2S, S2C, ROOT].map(Secret32::new);
    let keys = Keys { c2s: &c2s, s2c: Some(&s2c), root: Some(&root) };
    message.with_head(|head| explain(head, &message.body, &keys, signers_base)).unwrap()
}

fn mistake(message: &Message) -> (String, &'static str) {
    match explained(message, None).mac {
        Finding::Mistake(mistake) => (mistake.component, mistake.deed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signature_that_holds_needs_no_explanation() {
    let explanation = explained(&sealed_with(&C2S, &base()), None);
    assert_eq!(explanation.mac, Finding::Holds);
    assert_eq!(explanation.base.as_str(), base());
    assert_eq!(explanation.body, Body::Matches);
    assert!(explanation.flaws.is_empty());
}

#[test]
fn a_component_that_the_signer_gave_another_value_is_named() {
    for (from, to, component, deed) in [
        ("POST", "post", "@method", "wrote the method in lower case"),
        ("POST", "GET", "@method", "signed another method"),
        (": api.example.com", ": api.example.com:443", "@authority", "added the default port 443"),
        (": api.example.com", ": API.EXAMPLE.COM", "@authority", "wrote the authority in upper case"),
        (": api.example.com", ": localhost", "@authority", "called the server by another name"),
        ("/transfers\n", "/transfers/\n", "@path", "ended the path with a slash"),
        ("/transfers\n", "/transfers?dry=0\n", "@path", "put the query behind the path"),
        (
            ": /v1/transfers\n",
            ": https://api.example.com/v1/transfers?dry=0\n",
            "@path",
            "signed the whole URL as the path",
        ),
        ("?dry", "dry", "@query", "left out the question mark"),
        ("?dry=0", "?", "@query", "signed an empty query"),
        ("a, b", "a,b", "x-list", "joined the lines by commas without a space"),
        ("a, b", "b", "x-list", "took the last line alone"),
        ("Two  Words", "two  words", "x-odd", "wrote the value in lower case"),
        ("Two  Words", "  Two  Words ", "x-odd", "left the white space at the ends of the value"),
        ("Two  Words", "Two Words", "x-odd", "left the white space within the value as one space"),
        ("\"0f3c9a52\"", "0f3c9a52", "idempotency-key", "wrote the value without quotes"),
        ("json\n", "json; charset=utf-8\n", "content-type", "signed a charset that was not sent"),
        ("sha-256=:", "SHA-256=:", "content-digest", "wrote the name of the algorithm in upper case"),
        (
            "\"content-type\": application/json\n",
            "",
            "content-type",
            "listed the component, but left its line out of the base",
        ),
    ] {
        let text = base().replacen(from, to, 1);
        assert_ne!(text, base(), "{from}");
        assert_eq!(mistake(&sealed_with(&C2S, &text)), (component.to_owned(), deed), "{to}");
    }
}

#[test]
fn a_digest_of_another_body_is_named() {
    let digest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    let signed = sealed_with(&C2S, &base());
    let replaced = signed.set("content-digest", digest);
    let explanation = explained(&replaced, None);
    assert_eq!(explanation.body, Body::OtherDigest);
    assert_eq!(mistake(&replaced).1, "signed the digest of this body, but sent another");
}

#[test]
fn mistakes_with_the_base_as_a_text_are_named() {
    let text = base();
    let params = PARAMS.trim_start_matches(';');
    for (text, component, deed) in [
        (format!("{text}\n"), "base", "ended the base with a line feed"),
        (text.replace('\n', "\r\n"), "base", "separated the lines by CR LF"),
        (text.replace("\": ", "\":"), "base", "separated names and values by a colon without a space"),
        (text[..text.find("\n\"@signature-params").unwrap()].to_owned(), "base", "left out the line @signature-params"),
        (text.replace(";alg=\"hmac-sha256\"", ""), "@signature-params", "left out a parameter"),
        (
            text.replace(&format!("alg=\"hmac-sha256\"{PARAMS}"), &format!("{params};alg=\"hmac-sha256\"")),
            "@signature-params",
            "put the parameters into another order",
        ),
        (text.replace("1763780000", "\"1763780000\""), "@signature-params", "put created into quotes"),
        (text.replace("params\": ", "params\": cs="), "@signature-params", "put the label before the list"),
    ] {
        assert_eq!(mistake(&sealed_with(&C2S, &text)), (component.to_owned(), deed));
    }
}

#[test]
fn mistakes_with_the_key_are_named() {
    let c2s = C2S.as_slice();
    let with = |end: &[u8]| [c2s, end].concat();
    for (key, deed) in [
        (S2C.to_vec(), "signed with s2c, the key of answers"),
        (ROOT.to_vec(), "signed with the root, which is never used for a MAC"),
        (with(b"\n"), "signed with the key and a line feed at its end"),
        (with(b"\r\n"), "signed with the key and CR LF at its end"),
        (hex(c2s).into_bytes(), "signed with the hex text of the key, not decoded"),
        (b64(c2s).into_bytes(), "signed with the base64 text of the key, not decoded"),
        (Vec::new(), "signed with an empty key"),
    ] {
        assert_eq!(mistake(&sealed_with(&key, &base())), ("key".to_owned(), deed));
    }
}

#[test]
fn what_no_single_mistake_explains_is_said_to_be_so() {
    assert_eq!(explained(&sealed_with(&[9; 32], &base()), None).mac, Finding::Unexplained);
    let two = base().replacen("POST", "GET", 1).replacen("?dry", "dry", 1);
    assert_eq!(explained(&sealed_with(&C2S, &two), None).mac, Finding::Unexplained);
}

#[test]
fn the_signers_own_base_is_compared_line_by_line() {
    let theirs = base().replacen("POST", "GET", 1).replacen("?dry=0", "?dry=1", 1);
    let Finding::Differs { lines, holds_over_theirs } = explained(&sealed_with(&C2S, &theirs), Some(&theirs)).mac
    else {
        panic!("no difference")
    };
    let line = |component: &str, ours: &str, theirs: &str| Difference {
        component: component.into(),
        ours: Some(ours.into()),
        theirs: Some(theirs.into()),
    };
    assert_eq!(lines, [line("\"@method\"", "POST", "GET"), line("\"@query\"", "?dry=0", "?dry=1")]);
    assert!(holds_over_theirs, "their text is what they signed");

    let shorter = base().replacen("\"content-type\": application/json\n", "", 1) + "\n\"x\": y";
    let Finding::Differs { lines, holds_over_theirs } = explained(&request(), Some(&shorter)).mac else { panic!() };
    let components: Vec<_> =
        lines.iter().map(|line| (line.component.as_str(), line.ours.is_some(), line.theirs.is_some())).collect();
    assert_eq!(components, [("\"content-type\"", true, false), ("\"x\"", false, true)]);
    assert!(!holds_over_theirs);

    for (theirs, component) in [
        (base() + "\n", "line ends"),
        (base().replace('\n', "\r\n"), "line ends"),
        (
            base().replacen(
                "\"@method\": POST\n\"@authority\": api.example.com",
                "\"@authority\": api.example.com\n\"@method\": POST",
                1,
            ),
            "order",
        ),
    ] {
        let Finding::Differs { lines, .. } = explained(&request(), Some(&theirs)).mac else { panic!() };
        assert_eq!(lines.iter().map(|line| &*line.component).collect::<Vec<_>>(), [component]);
    }
    assert_eq!(explained(&request(), Some(&base())).mac, Finding::Unexplained, "equal texts leave the key");
}

#[test]
fn a_flaw_is_named_though_the_mac_holds_and_what_cannot_be_read_is_an_error() {
    let bare = transfer().signed(&MacKey::new(&Secret32::new(C2S)), &format!("(\"@method\"){PARAMS}"));
    let explanation = explained(&bare, None);
    assert_eq!(explanation.mac, Finding::Holds);
    let missing = ["@authority", "@path", "@query", "content-digest"];
    assert_eq!(explanation.flaws, missing.map(|name| format!("{name} is not covered; every request must cover it")));
    let tagged =
        transfer().signed(&MacKey::new(&Secret32::new(C2S)), &format!("{LIST}{}", PARAMS.replace("req-1", "req-2")));
    assert_eq!(explained(&tagged, None).flaws, [r#"the signature has no tag="countersign-req-1""#]);
    let line = "GET /a/../b HTTP/1.1".to_owned();
    let odd_path = explained(&Message { start_line: line, ..request() }, None);
    assert_eq!(odd_path.path, Some("no segment of a path ends in a dot"));
    let [c2s, s2c] = [C2S, S2C].map(Secret32::new);
    let keys = Keys { c2s: &c2s, s2c: Some(&s2c), root: None };
    let unread = transfer().with_head(|head| explain(head, b"", &keys, None));
    assert_eq!(unread.unwrap_err(), Unreadable::Unsigned);
}

#[test]
fn a_stream_is_read_frame_by_frame_and_the_place_where_it_breaks_is_named() {
    let root = Secret32::new(ROOT);
    let keys = Root::new(root.clone()).stream_pair("k7f3a9c2d4e5b6a1c");
    let message = transfer().without(&["content-digest", "content-length"]).with("countersign-stream", "1");
    let input = format!("{}{PARAMS}", LIST.replace("content-digest", "countersign-stream"));
    let signed = message.signed(&MacKey::new(&Secret32::new(C2S)), &input);
    let mut signer = FrameSigner::new(keys.c2s, signed.read().unwrap().mac());
    let frames = [signer.sign(b"one"), signer.sign(b"two"), signer.finish(b"")];
    let body = |frames: &[Vec<u8>]| explained(&Message { body: frames.concat(), ..signed.clone() }, None).body;
    assert_eq!(body(&frames), Body::Matches);
    assert_eq!(body(&frames[..2]), Body::Broken { good: 2, why: BrokenStream::Truncated });
    let doubled = [frames[0].clone(), frames[0].clone()];
    assert_eq!(body(&doubled), Body::Broken { good: 1, why: BrokenStream::BadTag });
    let c2s = Secret32::new(C2S);
    let keys = Keys { c2s: &c2s, s2c: None, root: None };
    let unknown = signed.with_head(|head| explain(head, &frames.concat(), &keys, None)).unwrap();
    assert_eq!((unknown.body, unknown.mac), (Body::Unjudged, Finding::Holds));
}
