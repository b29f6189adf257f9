//! Properties: any changed covered octet breaks the MAC, what is accepted serialises to what was received, and nothing
//! panics.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::authority::Authority;
use countersign_core::signature::{
    Field, PathForm, Received, ReceivedAnswer, RequestHead, SignatureParams, Unreadable, sign_request,
};
use countersign_core::time::Timestamp;
use proptest::prelude::*;
use sfv::{Dictionary, ListEntry, Parser};
use vectors::{LIST, Message, PARAMS, key, transfer};

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

/// `Signature-Input` near enough to a good one that many are accepted and many are nearly so.
fn inputs() -> impl Strategy<Value = String> {
    let component = prop_oneof![
        8 => prop::sample::select(vec!["\"@method\"", "\"@authority\"", "\"@path\"", "\"@query\"", "\"content-digest\"", "\"accept\""]),
        1 => prop::sample::select(vec!["\"@path\";req", "\"accept\";bs", "a", "\"a\\\"b\"", "1", ":AA==:", "\"x\";a=1"]),
    ];
    let list = prop::collection::vec(component, 0..7).prop_map(|list| format!("({})", list.join(" ")));
    let list = prop_oneof![9 => Just(LIST.to_owned()), 6 => list, 1 => Just("( \"@path\"  )".to_owned())];
    let param = prop::sample::select(vec![
        ";created=1763780000",
        ";created=1763780001.0",
        ";nonce=\"AAECAwQFBgcICQoLDA0ODw\"",
        ";keyid=\"k\"",
        ";keyid=\"a\\\\b\"",
        ";tag=\"countersign-req-1\"",
        ";tag=\"other\"",
        ";alg=\"hmac-sha256\"",
        ";expires=1763780005",
        "; x=1",
        ";x",
        ";x=?0",
        ";expires=01763780005",
    ]);
    let params = prop::collection::vec(param, 0..4).prop_map(|params| params.concat());
    let params = (prop::bool::weighted(0.8), params)
        .prop_map(|(good, more)| if good { PARAMS.to_owned() + &more } else { more });
    let label = prop::sample::select(vec!["cs", "a", "x1", "*"]);
    let member = (label, list, params).prop_map(|(label, list, params)| format!("{label}={list}{params}"));
    let separator = prop::sample::select(vec![", ", ",", " ,\t", " "]);
    (member.clone(), prop::option::weighted(0.3, (separator, member)))
        .prop_map(|(first, second)| second.map_or(first.clone(), |(between, second)| first + between + &second))
}

/// Splices arbitrary text into a string, at the octet that `place` picks.
fn spliced(text: &str, place: prop::sample::Index, insert: &str) -> String {
    let place = place.index(text.len() + 1);
    format!("{}{insert}{}", &text[..place], &text[place..])
}

/// Our member of the dictionary as crate `sfv` serialises it.
fn reserialised(input: &str, params: &str) -> Option<String> {
    let dictionary: Dictionary = Parser::new(input).parse().ok()?;
    dictionary.into_iter().find_map(|(key, entry)| {
        let ListEntry::InnerList(list) = entry else { return None };
        let mut alone = Dictionary::new();
        alone.insert(key, ListEntry::InnerList(list));
        let text = sfv::FieldType::serialize(&alone)?;
        let (_, member) = text.split_once('=')?;
        (member == params).then(|| member.to_owned())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_serialises_to_the_octets_received(input in inputs(), place: prop::sample::Index, insert in "|[ \";,()=\\\\a0:]{1,2}") {
        let input = spliced(&input, place, &insert);
        let labels = "cs=:AAAA:, a=:AAAA:, x1=:AAAA:, *=:AAAA:";
        let message = transfer().with("signature-input", &input).with("signature", labels);
        if let Ok(received) = message.read() {
            let params = received.signature_base().params();
            let again = reserialised(&input, params);
            prop_assert_eq!(again.as_deref(), Some(params), "{}", input);
        }
    }

    #[test]
    fn arbitrary_octets_are_refused_without_a_panic(
        input in prop::collection::vec(any::<u8>(), 0..80),
        signature in prop::collection::vec(any::<u8>(), 0..80),
        text in "\\PC{0,40}",
    ) {
        let good = format!("cs={LIST}{PARAMS}");
        for (input, signature) in [(&input[..], &signature[..]), (good.as_bytes(), &signature), (&input, b"cs=:AAAA:")] {
            let fields = [
                Field { name: "signature-input", value: input },
                Field { name: "signature", value: signature },
                Field { name: "content-digest", value: signature },
                Field { name: &text, value: input },
            ];
            let head = RequestHead { method: &text, authority: &text, path: &text, query: Some(&text), fields: &fields };
            for paths in [PathForm::Canonical, PathForm::Raw] {
                prop_assert!(Received::read(&head, paths).is_err());
            }
            let request = transfer().with_head(|head| sign_request(&key(1), &params(), head)).unwrap();
            let answer = ReceivedAnswer { status: 200, fields: &fields, body: signature, bodyless: false };
            prop_assert!(request.verify_answer(&key(2), &answer).is_err());
        }
        let _ = text.parse::<Authority>();
    }

    #[test]
    fn any_changed_octet_of_what_is_covered_is_refused(part in 0..9_usize, place: prop::sample::Index, octet in 0x20_u8..0x7f) {
        let signed = transfer().signed(&key(1), &format!("{LIST}{PARAMS}"));
        let changed = changed(&signed, part, place, octet);
        prop_assume!(changed.start_line != signed.start_line || changed.fields != signed.fields);
        match changed.read() {
            Ok(_) => prop_assert_eq!(changed.authentication(&key(1), NOW), "bad signature"),
            Err(why) => prop_assert!(matches!(why, Unreadable::Malformed(_) | Unreadable::Unsigned), "{:?}", why),
        }
    }
}

fn params() -> SignatureParams<'static> {
    SignatureParams { keyid: "k", nonce: [1; 32], created_secs: NOW.as_secs(), expires_secs: None }
}

/// The request with one octet of one covered part replaced.
fn changed(signed: &Message, part: usize, place: prop::sample::Index, octet: u8) -> Message {
    let replaced = |text: &str| {
        let mut octets = text.as_bytes().to_vec();
        let place = place.index(octets.len());
        octets[place] = octet;
        String::from_utf8(octets).unwrap()
    };
    let line =
        |before: &str, part: &str, after: &str| format!("{before}{}{after}", replaced(part).replace([' ', '?'], "_"));
    let mut message = signed.clone();
    let field = |name: &str| signed.clone().set(name, &replaced(signed.field(name)));
    match part {
        0 => message.start_line = line("", "POST", " /v1/transfers?dry=0 HTTP/1.1"),
        1 => message.start_line = line("POST /", "v1/transfers", "?dry=0 HTTP/1.1"),
        2 => message.start_line = line("POST /v1/transfers?", "dry=0", " HTTP/1.1"),
        3 => return field("host"),
        4 => return field("content-type"),
        5 => return field("idempotency-key"),
        6 => return field("content-digest"),
        7 => {
            // The label is not covered, and need not be: it only leads to the octets.
            let input = signed.field("signature-input");
            return signed.clone().set("signature-input", &format!("cs={}", replaced(&input[3..])));
        }
        _ => return field("signature"),
    }
    message
}
