//! Which of several signatures is ours: the one with our tag, and never two.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::signature::Unreadable;
use countersign_core::time::Timestamp;
use vectors::{LIST, Message, PARAMS, key, transfer};

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

fn rule(message: &Message) -> &'static str {
    match message.read() {
        Err(Unreadable::Malformed(rule)) => rule,
        other => panic!("{:?}\n{other:?}", message.fields),
    }
}

#[test]
fn our_signature_is_found_by_its_tag_among_those_of_others() {
    let ours = transfer().signed(&key(1), &format!("{LIST}{PARAMS}"));
    let (input, signature) = (ours.field("signature-input").to_owned(), ours.field("signature").to_owned());
    let proxy = r#"sig1=("@method" "x-forwarded";sf "a";key="b" @1659578233);created=1618884480;keyid="\"(,"#
        .to_owned()
        + r#"\\";alg="rsa-v1_5-sha256";tag="proxy";n=-1.5;t=a/b:c;d=%"%c3%a9";b=:AA==:;f=?0"#;
    for (input, signature) in [
        (format!("{proxy}, {input}"), format!("sig1=:AAAA:, {signature}")),
        (format!("{input},{proxy}"), format!("{signature},sig1=:AAAA:")),
        (input.replace("cs=", "other.label_1-*="), signature.replace("cs=", "other.label_1-*=")),
        (format!("{input}, x=();tag=\"a\"\t,\ty=1;tag=b"), format!("x=:AA==:, y=:AA==:\t,\t{signature}")),
        (format!("x=();tag=\"countersign-req-1\";tag=\"later\", {input}"), format!("x=:AA==:, {signature}")),
    ] {
        let message = ours.clone().set("signature-input", &input).set("signature", &signature);
        assert_eq!(message.authentication(&key(1), NOW), "authentic", "{input}");
        let (first, second) = input.split_once(',').unwrap_or((&input, ""));
        if !second.is_empty() && !first.contains('\\') {
            let lines = ours.clone().without(&["signature-input"]);
            let lines = lines.with("signature-input", first).with("signature-input", second.trim());
            let message = lines.set("signature", &signature);
            assert_eq!(message.authentication(&key(1), NOW), "authentic", "the same on two lines");
        }
    }
}

#[test]
fn two_signatures_that_could_both_be_ours_are_malformed() {
    let ours = transfer().signed(&key(1), &format!("{LIST}{PARAMS}"));
    let (input, signature) = (ours.field("signature-input").to_owned(), ours.field("signature").to_owned());
    for (input, signature, expected) in [
        (format!("{input}, {}", input.replace("cs=", "b=")), signature.clone(), "two signatures have our tag"),
        (format!("{input}, {input}"), signature.clone(), "two signatures have our tag"),
        (format!("{input}, cs=()"), signature.clone(), "two signatures have one label"),
        (format!("cs=();tag=\"x\", {input}"), signature.clone(), "two signatures have one label"),
        (input.clone(), format!("{signature}, {signature}"), "two signatures have one label"),
        (
            format!("{input}, b=(\"@method\";x);tag=\"countersign-req-1\""),
            signature,
            "a component has a parameter that the profile does not know",
        ),
    ] {
        let message = ours.clone().set("signature-input", &input).set("signature", &signature);
        assert_eq!(rule(&message), expected, "{input}");
    }
}

#[test]
fn another_tag_alone_is_a_bad_signature_even_when_its_mac_is_right() {
    for tag in ["countersign-res-1", "countersign-req-2", "countersign-req-1 ", "", "Countersign-Req-1"] {
        let params = PARAMS.replace("countersign-req-1", tag);
        let message = transfer().signed(&key(1), &format!("{LIST}{params}"));
        assert_eq!(message.authentication(&key(1), NOW), "bad signature", "{tag}");
    }
    let two = format!("a={LIST}{0}, b={LIST}{0}", PARAMS.replace("countersign-req-1", "proxy"));
    assert_eq!(transfer().unsealed(&two).read().unwrap_err(), Unreadable::Unsigned);
}
