//! Requests from the attacker's side: what is malformed, what is badly signed, and what is neither.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::encoding::{b64, b64u};
use countersign_core::signature::{Disposition, PathForm, Received, Unreadable};
use countersign_core::time::Timestamp;
use vectors::{LIST, Message, PARAMS, key, transfer};

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

/// Good list and parameters with a change.
fn param(from: &str, to: &str) -> String {
    format!("{LIST}{}", PARAMS.replacen(from, to, 1))
}

fn rule(message: &Message) -> &'static str {
    match message.read() {
        Err(Unreadable::Malformed(rule)) => rule,
        other => panic!("{:?}\n{other:?}", message.fields),
    }
}

#[test]
fn a_good_request_is_authentic_whatever_the_order_of_its_components_and_parameters() {
    for input in [
        format!("{LIST}{PARAMS}"),
        format!(r#"("content-digest" "@query" "@path" "@authority" "@method"){PARAMS}"#),
        format!(r#"{LIST};tag="countersign-req-1";keyid="k";nonce="AAECAwQFBgcICQoLDA0ODw";created=1763780000"#),
        format!(r#"{LIST};alg="hmac-sha256"{PARAMS};expires=1763780005"#),
        format!(r#"("@method" "@authority" "@path" "@query" "content-digest" "x-added" "host" "accept"){PARAMS}"#),
    ] {
        assert_eq!(transfer().signed(&key(1), &input).authentication(&key(1), NOW), "authentic", "{input}");
    }
}

#[test]
fn a_list_that_breaks_the_profile_is_malformed() {
    let derived = "a derived component that the profile does not know is covered";
    let parameter = "a component has a parameter that the profile does not know";
    let with = |component: &str| format!("{}{PARAMS}", LIST.replace(')', &format!(" {component})")));
    for (input, expected) in [
        (with("\"@target-uri\""), derived),
        (with("\"@scheme\""), derived),
        (with("\"@request-target\""), derived),
        (with("\"@query-param\";name=\"a\""), derived),
        (with("\"@signature-params\""), derived),
        (with("\"@Method\""), derived),
        (with("\"@status\""), "a request has no status"),
        (with("\"@method\""), "a component is covered twice"),
        (with("\"content-type\""), "a component is covered twice"),
        (with("\"content-digest\""), "a component is covered twice"),
        (with("\"@method\";req"), "a component of a request has a parameter"),
        (with("\"accept\";bs"), "a component of a request has a parameter"),
        (with("\"accept\";tr"), parameter),
        (with("\"accept\";sf"), parameter),
        (with("\"accept\";key=\"a\""), parameter),
        (with("\"accept\";req;bs"), parameter),
        (with("\"accept\";request"), parameter),
        (with("\"accept\"; bs"), parameter),
        (with("\"accept\"\"host\""), parameter),
        (with("\"signature\""), "a signature covers a signature"),
        (with("\"signature-input\""), "a signature covers a signature"),
        (with("\"no-such-field\""), "a covered field is absent"),
        (with("\"Accept\""), "a covered field is absent"),
        (with("\"\""), "a covered field is absent"),
        (with("\"acc\\\"ept\""), "a covered field is absent"),
        (with(" \"accept\""), "a string is malformed"),
        (with("accept"), "a string is malformed"),
        (with("1"), "a string is malformed"),
        (LIST.replace("(", "( ") + PARAMS, "a string is malformed"),
        (LIST.replace(")", " )") + PARAMS, "a string is malformed"),
        (LIST.replace("\" \"@path", "\"\t\"@path") + PARAMS, parameter),
        (LIST.replace("\"@path\" ", "\"@path\";req ") + PARAMS, "a component of a request has a parameter"),
        ("\"@method\"".to_owned() + PARAMS, "a signature does not cover a list"),
    ] {
        assert_eq!(rule(&transfer().unsealed(&format!("cs={input}"))), expected, "{input}");
    }
}

#[test]
fn parameters_are_there_once_and_none_that_the_profile_does_not_know() {
    let unknown = "a signature has a parameter that the profile does not know";
    let required = "created, nonce, keyid and tag are required";
    for (input, expected) in [
        (param(";created=1763780000", ""), required),
        (param(";nonce=\"gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8\"", ""), required),
        (param(";keyid=\"k7f3a9c2d4e5b6a1c\"", ""), required),
        (param(";tag=\"countersign-req-1\"", ""), required),
        (format!("{LIST}{PARAMS};created=1763780000"), "a parameter is repeated"),
        (format!("{LIST}{PARAMS};tag=\"countersign-req-1\""), "a parameter is repeated"),
        (format!("{LIST}{PARAMS};keyid=\"other\""), "a parameter is repeated"),
        (format!("{LIST}{PARAMS};nonce=\"AAECAwQFBgcICQoLDA0ODw\""), "a parameter is repeated"),
        (format!("{LIST}{PARAMS};alg=\"hmac-sha256\";alg=\"hmac-sha256\""), "a parameter is repeated"),
        (format!("{LIST}{PARAMS};expires=1763780001;expires=1763780001"), "a parameter is repeated"),
        (format!("{LIST}{PARAMS};x=1"), unknown),
        (format!("{LIST}{PARAMS};x"), unknown),
        (format!("{LIST}; {}", PARAMS.trim_start_matches(';')), unknown),
        (format!("{LIST}{PARAMS};alg=\"hmac-sha512\""), "alg is not hmac-sha256"),
        (format!("{LIST}{PARAMS};alg=\"HMAC-SHA256\""), "alg is not hmac-sha256"),
        (format!("{LIST}{PARAMS};alg=hmac-sha256"), "alg is not hmac-sha256"),
    ] {
        assert_eq!(rule(&transfer().unsealed(&format!("cs={input}"))), expected, "{input}");
    }
}

#[test]
fn times_are_written_in_one_way() {
    let unknown = "a signature has a parameter that the profile does not know";
    let required = "created, nonce, keyid and tag are required";
    let seconds = "created and expires are 10 to 13 digits";
    for (input, expected) in [
        (format!("{LIST}{PARAMS};expires=1763779999"), "expires lies before created"),
        (format!("{LIST}{PARAMS};expires=\"1763780001\""), seconds),
        (format!("{LIST}{PARAMS};expires=1763780001.5"), "a parameter is malformed"),
        (param("1763780000", "1763780000.0"), required),
        (param("1763780000", "\"1763780000\""), seconds),
        (param("1763780000", "0"), seconds),
        (param("1763780000", "-1763780000"), seconds),
        (param("1763780000", "+1763780000"), seconds),
        (param("1763780000", " 1763780000"), seconds),
        (param("1763780000", "01763780000"), seconds),
        (param("1763780000", "0763780000"), seconds),
        (param("1763780000", "176378000"), seconds),
        (param("1763780000", "17637800000000"), seconds),
        (param("1763780000", "9223372036854775807"), seconds),
        (param("=1763780000", "=?1"), seconds),
        (param("1763780000", "@1763780000"), seconds),
        (param("1763780000", "1e400"), seconds),
        (param("created=1763780000", "created"), unknown),
    ] {
        assert_eq!(rule(&transfer().unsealed(&format!("cs={input}"))), expected, "{input}");
    }
}

#[test]
fn nonce_keyid_and_tag_are_strings_of_their_kind() {
    let nonce = "a nonce is 16 to 64 octets in canonical base64url";
    let nonce_of = |text: &str| param("gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8", text);
    for (input, expected) in [
        (nonce_of(""), nonce),
        (nonce_of(&b64u(&[7; 15])), nonce),
        (nonce_of(&b64u(&[7; 65])), nonce),
        (nonce_of(&format!("{}==", b64u(&[7; 16]))), nonce),
        (nonce_of("gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp9"), nonce),
        (nonce_of("gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydn+8"), nonce),
        (nonce_of(" gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8"), nonce),
        (param("nonce=\"gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8\"", "nonce=:AAAA:"), "a string is malformed"),
        (param("keyid=\"k7f3a9c2d4e5b6a1c\"", "keyid=k7f3a9c2d4e5b6a1c"), "a string is malformed"),
        (param("k7f3a9c2d4e5b6a1c", &"k".repeat(257)), "keyid is longer than 256 octets"),
        (param("tag=\"countersign-req-1\"", "tag=countersign-req-1"), "a string is malformed"),
        (format!("{LIST}{PARAMS}x"), "a parameter is malformed"),
    ] {
        assert_eq!(rule(&transfer().unsealed(&format!("cs={input}"))), expected, "{input}");
    }
}

#[test]
fn a_field_that_is_no_dictionary_is_malformed() {
    let good = format!("cs={LIST}{PARAMS}");
    for input in [
        "",
        " ",
        ",",
        "cs",
        "cs=",
        "cs=?1",
        "CS=()",
        "1cs=()",
        "=()",
        &LIST.replace(')', ""),
        &format!("{good},"),
        &format!(",{good}"),
        &format!("{good} {good}"),
        &format!("{good};"),
        &format!(" {good}"),
        &format!("cs ={LIST}{PARAMS}"),
        &format!("cs= {LIST}{PARAMS}"),
        &good.replace("@path", "@p\u{e4}th"),
        &good.replace("@path", "@pa\nth"),
        &good.replace("countersign-req-1\"", "countersign-req-1"),
        &format!("{good}, x=(\"a"),
        &format!("{good}, x=(a b c)); y=1"),
        &format!("{good}, x=(a,b)"),
        &format!("{good}, x=()"),
    ] {
        let read = transfer().unsealed(input).read();
        let well_formed = input.ends_with("x=()");
        assert_eq!(matches!(read, Err(Unreadable::Malformed(_))), !well_formed, "{input:?} {read:?}");
    }
}

#[test]
fn a_request_without_any_signature_is_unsigned_and_half_of_one_is_malformed() {
    assert_eq!(transfer().read().unwrap_err(), Unreadable::Unsigned);
    let halves = "Signature and Signature-Input come together";
    assert_eq!(rule(&transfer().with("signature", "cs=:AAAA:")), halves);
    assert_eq!(rule(&transfer().with("signature-input", &format!("cs={LIST}{PARAMS}"))), halves);
}

#[test]
fn a_missing_component_is_a_bad_signature_even_when_the_mac_is_right() {
    for component in ["\"@method\" ", "\"@authority\" ", "\"@path\" ", "\"@query\" ", "\"content-digest\" "] {
        let list = LIST.replace(component, "");
        assert_ne!(list, LIST);
        let message = transfer().signed(&key(1), &format!("{list}{PARAMS}"));
        assert_eq!(message.authentication(&key(1), NOW), "bad signature", "{component}");
    }
    let nothing = transfer().signed(&key(1), &format!("(){PARAMS}"));
    assert_eq!(nothing.authentication(&key(1), NOW), "bad signature");
    assert!(!nothing.read().unwrap().content_digest().check().matches(), "no body matches what nobody vouches for");
}

#[test]
fn the_octets_of_a_signature_are_one_canonical_byte_sequence() {
    let message = transfer().signed(&key(1), &format!("{LIST}{PARAMS}"));
    let good = message.field("signature").to_owned();
    let lacks = "Signature lacks the label of Signature-Input";
    let octets = "a signature is 1 to 64 octets in canonical base64";
    for (signature, expected) in [
        ("x=:AAAA:".to_owned(), lacks),
        ("css=:AAAA:, c=:AAAA:".to_owned(), lacks),
        ("cs=::".to_owned(), octets),
        (format!("cs=:{}:", b64(&[0; 65])), octets),
        (good.replace("=:", ":").replace("cs:", "cs=:"), octets),
        (good.replace("=:", "==:").replace("cs==:", "cs=:"), octets),
        ("cs=:AAB=:".to_owned(), octets),
        ("cs=:AA-_:".to_owned(), octets),
        ("cs=:AAA A:".to_owned(), octets),
        ("cs=:AAAA".to_owned(), "a byte sequence is malformed"),
        ("cs=\"AAAA\"".to_owned(), "a byte sequence is malformed"),
        ("cs=AAAA".to_owned(), "a byte sequence is malformed"),
        ("cs".to_owned(), "Signature is malformed"),
        (String::new(), "a key is malformed"),
        (format!("{good};a=1"), "a dictionary is malformed"),
        (format!("{good},"), "a dictionary is malformed"),
    ] {
        assert_eq!(rule(&message.clone().set("signature", &signature)), expected, "{signature}");
    }
    for length in [1, 16, 31, 33, 64] {
        let mac = key(1).mac(&[message.read().unwrap().signature_base().as_str().as_bytes()]);
        let octets: Vec<u8> = mac.into_iter().chain([0; 32]).take(length).collect();
        let message = message.clone().set("signature", &format!("cs=:{}:", b64(&octets)));
        assert_eq!(message.authentication(&key(1), NOW), "bad signature", "{length} octets");
    }
}

#[test]
fn any_string_can_name_a_key() {
    for (text, name) in [
        ("", ""),
        ("../../etc/passwd", "../../etc/passwd"),
        ("' OR 1=1--", "' OR 1=1--"),
        (r#"a\"b\\c"#, r#"a"b\c"#),
        (r"\\\\", r"\\"),
        (&"k".repeat(256), &"k".repeat(256)),
    ] {
        let params = PARAMS.replace("k7f3a9c2d4e5b6a1c", text);
        let message = transfer().signed(&key(1), &format!("{LIST}{params}"));
        assert_eq!(message.read().unwrap().keyid(), name);
        assert_eq!(message.authentication(&key(1), NOW), "authentic");
    }
}

#[test]
fn the_window_and_expires_hold_to_the_second() {
    let message = |params: &str| transfer().signed(&key(1), &format!("{LIST}{PARAMS}{params}"));
    let at = |offset: i64| Timestamp::from_millis(NOW.as_millis().saturating_add_signed(offset));
    for (params, offset, expected) in [
        ("", 5_000, "authentic"),
        ("", 5_001, "stale"),
        ("", -5_000, "authentic"),
        ("", -5_001, "future-dated"),
        (";expires=1763780000", 0, "authentic"),
        (";expires=1763780000", 1, "stale"),
        (";expires=1763780000", -5_001, "future-dated"),
        (";expires=1763780005", 5_000, "authentic"),
        (";expires=1763780005", 5_001, "stale"),
        (";expires=1763780006", 0, "bad signature"),
        (";expires=9999999999999", 0, "bad signature"),
    ] {
        assert_eq!(message(params).authentication(&key(1), at(offset)), expected, "{params} {offset}");
        assert_eq!(message(params).authentication(&key(2), at(offset)), "bad signature", "the MAC comes first");
    }
}

#[test]
fn values_of_a_field_on_several_lines_are_combined_in_their_order() {
    let lines = |name: &str, values: [&str; 2]| transfer().with(name, values[0]).with(name, values[1]);
    let list = |name: &str| format!("{}{PARAMS}", LIST.replace(')', &format!(" \"{name}\")")));
    for (name, separator) in [("x-list", ", "), ("accept-charset", ", "), ("cookie", "; ")] {
        let signed = lines(name, ["a=1", "b=2"]).signed(&key(1), &list(name));
        let base = signed.read().unwrap().signature_base().as_str().to_owned();
        assert!(base.contains(&format!("\n\"{name}\": a=1{separator}b=2\n")), "{base}");
        let merged = signed.clone().without(&[name]).with(name, &format!("a=1{separator}b=2"));
        assert_eq!(merged.authentication(&key(1), NOW), "authentic", "an intermediary may join lines");
        let mut swapped = signed;
        let place = swapped.fields.iter().position(|(own, _)| own == name).unwrap();
        swapped.fields.swap(place, place + 1);
        assert_eq!(swapped.authentication(&key(1), NOW), "bad signature", "but not swap them");
    }
}

#[test]
fn a_field_that_has_one_value_must_not_be_there_twice() {
    let twice = "a field that has one value is there twice";
    for name in ["content-type", "content-digest", "idempotency-key"] {
        let message = transfer().unsealed(&format!("cs={LIST}{PARAMS}"));
        let value = message.field(name).to_owned();
        assert_eq!(rule(&message.with(name, &value)), twice, "{name}");
    }
    for name in ["authorization", "user-agent", "range", "if-range", "expect", "x-challenge-response", "host"] {
        let list = LIST.replace(')', &format!(" \"{name}\")"));
        let message = transfer().with(name, "a").with(name, "a").unsealed(&format!("cs={list}{PARAMS}"));
        assert_eq!(rule(&message), twice, "{name}");
    }
}

#[test]
fn a_covered_value_is_plain_ascii() {
    let list = LIST.replace(')', " \"x\")");
    let value = |value: &str| transfer().with("x", value).unsealed(&format!("cs={list}{PARAMS}"));
    for bad in [
        "a\0b",
        "a\nb",
        "a\r\n b",
        "a\rb",
        "a\x0bb",
        "a\x1bb",
        "a\x7fb",
        "caf\u{e9}",
        "\u{200b}",
        "a\n\"@method\": GET",
        "\n",
        "\r",
    ] {
        assert_eq!(
            rule(&value(bad)),
            "a covered value has a control, a line break or an octet beyond ASCII",
            "{bad:?}"
        );
    }
    for good in ["", "a", "a\tb", "  a  ", "\ta\t", "\"a: b\"", "~!@#$%^&*()"] {
        let base = value(good).read().unwrap().signature_base().as_str().to_owned();
        assert!(base.contains(&format!("\n\"x\": {}\n", good.trim_matches([' ', '\t']))), "{base}");
    }
}

#[test]
fn paths_queries_and_methods_are_checked_before_they_reach_the_base() {
    let line = |line: &str| Message { start_line: line.into(), ..transfer() }.unsealed(&format!("cs={LIST}{PARAMS}"));
    assert_eq!(rule(&line("GET /a/../b HTTP/1.1")), "no segment of a path ends in a dot");
    assert_eq!(rule(&line("GET /a?caf\u{e9} HTTP/1.1")), "a query is visible ASCII");
    assert_eq!(rule(&line("GET /a?b\tc HTTP/1.1")), "a query is visible ASCII");
    assert_eq!(rule(&line("GET /a?b\nc HTTP/1.1")), "a query is visible ASCII");
    assert_eq!(rule(&line(" /a HTTP/1.1")), "a method is a token");
    assert_eq!(rule(&line("G\u{ca}T /a HTTP/1.1")), "a method is a token");
    let raw = line("GET /a/../b;c HTTP/1.1").with_head(|head| Received::read(head, PathForm::Raw));
    assert!(raw.unwrap().signature_base().as_str().contains("\"@path\": /a/../b;c\n"));
}

#[test]
fn an_absent_query_counts_as_an_empty_one() {
    for target in ["/a", "/a?"] {
        let message = Message { start_line: format!("GET {target} HTTP/1.1"), ..transfer() };
        let read = message.unsealed(&format!("cs={LIST}{PARAMS}")).read().unwrap();
        assert!(read.signature_base().as_str().contains("\"@query\": ?\n"), "RFC 9421 section 2.2.7");
    }
}

#[test]
fn more_than_is_read_is_said_to_be_too_large() {
    let padded = |octets: usize| {
        let input = format!("cs={LIST}{PARAMS}, x=();a=\"\"");
        let filling = "a".repeat(octets - input.len());
        format!("cs={LIST}{PARAMS}, x=();a=\"{filling}\"")
    };
    assert!(transfer().unsealed(&padded(2_048)).read().is_ok());
    assert_eq!(transfer().unsealed(&padded(2_049)).read().unwrap_err(), Unreadable::TooLarge("Signature-Input"));
    let many = |count: usize| {
        let message = transfer().unsealed(&format!("cs={LIST}{PARAMS}"));
        let more = count - message.fields.len();
        (0..more).fold(message, |message, number| message.with(&format!("x{number}"), "a"))
    };
    assert!(many(64).read().is_ok());
    assert_eq!(many(65).read().unwrap_err(), Unreadable::TooLarge("fields"));
    let covering = |count: usize| {
        let names: String = (0..count - 7).map(|number| format!(" \"x{number}\"")).collect();
        let message = many(60);
        message.set("signature-input", &format!("cs={}{PARAMS}", LIST.replace(')', &format!("{names})"))))
    };
    assert!(covering(32).read().is_ok());
    assert_eq!(covering(33).read().unwrap_err(), Unreadable::TooLarge("components"));
}

#[test]
fn only_what_is_covered_or_harmless_goes_further() {
    let list = LIST.replace(')', " \"accept\")");
    let received = transfer().unsealed(&format!("cs={list}{PARAMS}")).read().unwrap();
    for name in ["content-type", "content-digest", "idempotency-key", "accept", "host", "content-length"] {
        assert_eq!(received.disposition(name), Disposition::Covered, "{name}");
    }
    for name in [
        "accept-language",
        "accept-encoding",
        "traceparent",
        "tracestate",
        "date",
        "referer",
        "origin",
        "dnt",
        "sec-fetch-site",
    ] {
        assert_eq!(received.disposition(name), Disposition::Inert, "{name}");
    }
    for name in [
        "x-added",
        "cookie",
        "authorization",
        "content-encoding",
        "range",
        "if-match",
        "expect",
        "user-agent",
        "upgrade",
        "x-forwarded-for",
        "x_added",
        "sec-fetch",
        "content",
        "signature",
        "signature-input",
        "",
    ] {
        assert_eq!(received.disposition(name), Disposition::Uncovered, "{name}");
    }
}

/// The seed concatenates its fields, so a nonce that ends in a digit lends it to the time.
#[test]
fn octets_cannot_move_from_one_field_into_its_neighbour() {
    let signed = transfer()
        .with("x-a", "ab")
        .with("x-b", "c")
        .signed(&key(1), &format!("{}{PARAMS}", LIST.replace(')', " \"x-a\" \"x-b\")")));
    assert_eq!(signed.authentication(&key(1), NOW), "authentic");
    let input = signed.field("signature-input").to_owned();
    for moved in [
        signed.clone().set("x-a", "a").set("x-b", "bc"),
        signed.clone().set("x-a", "abc").set("x-b", ""),
        Message { start_line: "POST /v1/transfers?dry=0/ HTTP/1.1".into(), ..signed.clone() },
        Message { start_line: "POST /v1/transfer?sdry=0 HTTP/1.1".into(), ..signed.clone() },
        Message { start_line: "POST /v1/transfers HTTP/1.1".into(), ..signed.clone() },
        Message { start_line: "POS T/v1/transfers?dry=0 HTTP/1.1".into(), ..signed.clone() }
            .set("host", "api.example.com"),
        signed.clone().set("signature-input", &input.replace("\"x-a\" \"x-b\"", "\"x-b\" \"x-a\"")),
        signed.clone().set("signature-input", &input.replace("1763780000;nonce=\"gIGC", "1763780000;nonce=\"gIGD")),
    ] {
        match moved.read() {
            Ok(_) => assert_eq!(moved.authentication(&key(1), NOW), "bad signature", "{:?}", moved.fields),
            Err(why) => assert!(matches!(why, Unreadable::Malformed(_)), "{why:?}"),
        }
    }
}
