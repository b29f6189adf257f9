use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign_core::problem::Problem;

use super::fake_guard::{FakeGuard, Reply, Signer, now};
use super::home::{Home, honest};

#[test]
fn a_verified_answer_is_printed_as_it_came_and_the_exit_is_0() {
    for body in [b"{\"state\":\"done\"}".as_slice(), b"\xff\x00\n\r", b""] {
        let guard = honest(0, Reply::new(200, "application/octet-stream", body));
        let ran = Home::with_profile(&guard).run(&["call", &guard.url("/v1/x?y=1")]).expect(0);
        assert_eq!(ran.0.stdout, body);
        assert_eq!(ran.err(), "");
    }
}

#[test]
fn a_verified_redirect_is_0_and_a_verified_error_is_22() {
    let guard = honest(0, Reply::new(303, "text/plain", b"").with("location", "/x"));
    Home::with_profile(&guard).run(&["call", "/"]).expect(0);
    assert_eq!(guard.requests().len(), 1);

    let guard = honest(0, Reply::problem(&Problem::CONFLICT));
    let ran = Home::with_profile(&guard).run(&["call", "/"]).expect(22);
    assert_eq!(ran.out(), Problem::CONFLICT.json());
    assert!(ran.err().contains("409 conflict"), "{}", ran.err());

    let guard = honest(0, Reply::new(404, "text/plain", b"no such thing"));
    let ran = Home::with_profile(&guard).run(&["call", "/"]).expect(22);
    assert_eq!((ran.out(), ran.err().contains("404 Not Found")), ("no such thing", true));
}

#[test]
fn interference_is_3_with_its_class_on_stderr_and_nothing_on_stdout() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| {
        let reply = signer.judge(heard, Reply::json("{\"forged\":true}"), now());
        reply.without(&["signature", "signature-input"]).octets()
    });
    let ran = Home::with_profile(&guard).run(&["call", "/"]).expect(3);
    assert_eq!(ran.out(), "");
    assert!(ran.err().contains("missing-signature") && !ran.err().contains("forged"), "{}", ran.err());
}

#[test]
fn an_answer_that_nobody_signed_is_2_and_its_body_has_to_be_asked_for() {
    let guard = FakeGuard::start(|_, _| Reply::new(503, "text/html", b"<h1>sorry</h1>").octets());
    let home = Home::with_profile(&guard);
    let ran = home.run(&["call", "/"]).expect(2);
    assert!(ran.out().is_empty() && ran.err().contains("not proven"), "{}", ran.err());
    assert_eq!(home.run(&["call", "--show-unverified", "/"]).expect(2).out(), "<h1>sorry</h1>");
    let ran = home.run(&["call", "--json", "/"]).expect(2);
    assert!(ran.out().starts_with(r#"{"status":503,"verified":false,"keyid":"k7f3a9c2d4e5b6a1c","#), "{}", ran.out());
    assert!(ran.out().ends_with("\"problem\":null,\"interference\":null,\"body_b64\":null}\n"), "{}", ran.out());
}

#[test]
fn no_answer_is_2() {
    let guard = FakeGuard::start(|_, _| Vec::new());
    let ran = Home::with_profile(&guard).run(&["call", "/"]).expect(2);
    assert!(ran.err().contains("unknown"), "{}", ran.err());
}

#[test]
fn wrong_use_is_1_and_nothing_is_sent() {
    let guard = honest(0, Reply::json("{}"));
    let home = Home::with_profile(&guard);
    for (args, said) in [
        (&["call"][..], "<URL>"),
        (&["call", "--jsn", "/"], "--json"),
        (&["call", "-H", "no colon", "/"], "name: value"),
        (&["call", "-H", "signature: x", "/"], "signature"),
        (&["call", "-i", "--json", "/"], "--json"),
        (&["call", "http://127.0.0.1:1/"], "names 127.0.0.1:1"),
        (&["call", "/a/../b"], "/b"),
        (&["call", "/a//b"], "empty segment"),
        (&["call", "-d", "@/nonexistent", "/"], "/nonexistent"),
        (&["call", "--idempotency-key", "x", "/"], "GET changes nothing"),
        (&["call", "-X", "POST", "--idempotency-key", "", "/"], "1 to 255 characters"),
        (&["call", "-X", "POST", "--idempotency-key", "x", "--no-idempotency", "/"], "cannot be used with"),
        (&["call", "-X", "POST", "--idempotency-key", "x", "-H", "Idempotency-Key: \"x\"", "/"], "leave one of them"),
        (&["call", "--profile", "other", "/"], "countersign enrol"),
        (&["call", "--profile", "../x", "/"], "letters"),
        (&["cal", "/"], "call"),
        (&[], "Usage"),
    ] {
        let ran = home.run(args).expect(1);
        assert!(ran.err().contains(said), "{args:?}: {}", ran.err());
        assert_eq!(ran.out(), "", "{args:?}");
    }
    assert!(guard.requests().is_empty());
    assert!(home.run(&["call", "--help"]).expect(0).out().contains("interference"));
}

#[test]
fn a_method_headers_and_a_body_are_sent_as_given() {
    let guard = honest(0, Reply::json("{}"));
    let home = Home::with_profile(&guard);
    home.run(&["call", "-d", "{\"a\":1}\n", "-H", "Content-Type: application/json", "-H", "X-A: 1", "/"]).expect(0);
    home.run_with(&["call", "-X", "PUT", "-d", "@-", "/"], b"\x00\xff").expect(0);
    let file = home.0.path().join("body");
    fs::write(&file, b"from a file\n").unwrap();
    home.run(&["call", "-d", &format!("@{}", file.display()), "/"]).expect(0);
    home.run(&["call", "-X", "DELETE", "/"]).expect(0);
    let heard = guard.requests();
    let sent: Vec<_> = heard.iter().map(|heard| (heard.method.as_str(), heard.body.as_slice())).collect();
    let expected: [(&str, &[u8]); 4] =
        [("POST", b"{\"a\":1}\n"), ("PUT", b"\x00\xff"), ("POST", b"from a file\n"), ("DELETE", b"")];
    assert_eq!(sent, expected);
    assert_eq!((heard[0].field("content-type"), heard[0].field("x-a")), (Some("application/json"), Some("1")));
    assert!(heard.iter().all(|heard| Signer::new(7).admits(heard, now())));
}

/// The keys of the requests that a guard has heard.
fn keys(guard: &FakeGuard) -> Vec<Option<String>> {
    guard.requests().iter().map(|heard| heard.field("idempotency-key").map(str::to_owned)).collect()
}

#[test]
fn a_request_whose_answer_got_lost_is_sent_once_more_and_a_person_is_told() {
    let guard = FakeGuard::start(|heard, count| match count {
        0 => Vec::new(),
        _ => Signer::new(7).judge(heard, Reply::json("{}"), now()).octets(),
    });
    let ran = Home::with_profile(&guard).run(&["call", "-d", "x", "/"]).expect(0);
    assert_eq!(ran.out(), "{}");
    assert!(ran.err().contains("sent once more with the same Idempotency-Key"), "{}", ran.err());
    let keys = keys(&guard);
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[test]
fn without_an_answer_a_person_is_told_how_to_send_the_same_request_again() {
    let guard = FakeGuard::start(|_, _| Vec::new());
    let home = Home::with_profile(&guard);
    let ran = home.run(&["call", "-d", "x", "/"]).expect(2);
    // A random key may begin with a hyphen, and is quoted then.
    let (_, key) = ran.err().trim_end().rsplit_once("--idempotency-key=").unwrap();
    let key = key.trim_matches('\'');
    let ran = home.run(&["call", "-d", "x", &format!("--idempotency-key={key}"), "/"]).expect(2);
    assert!(ran.err().contains(key), "{}", ran.err());
    assert_eq!(keys(&guard), vec![Some(format!("\"{key}\"")); 4]);
}

#[test]
fn a_key_is_sent_as_a_string_and_none_where_none_is_wanted() {
    let guard = FakeGuard::start(|heard, count| match count {
        2 => Vec::new(),
        _ => Signer::new(7).judge(heard, Reply::json("{}"), now()).octets(),
    });
    let home = Home::with_profile(&guard);
    home.run(&["call", "-d", "x", "--idempotency-key", "order \"7\"", "/"]).expect(0);
    home.run(&["call", "-d", "x", "-H", "Idempotency-Key: \"mine\"", "/"]).expect(0);
    let ran = home.run(&["call", "-d", "x", "--no-idempotency", "/"]).expect(2);
    assert!(!ran.err().contains("idempotency-key"), "{}", ran.err());
    home.run(&["call", "/"]).expect(0);
    let expected = [Some(r#""order \"7\"""#), Some("\"mine\""), None, None].map(|key| key.map(str::to_owned));
    assert_eq!(keys(&guard), expected);
}

#[test]
fn include_prints_status_and_covered_headers_first() {
    let guard = honest(0, Reply::json("{}"));
    let ran = Home::with_profile(&guard).run(&["call", "-i", "/"]).expect(0);
    let (head, body) = ran.out().split_once("\r\n\r\n").unwrap();
    assert_eq!((head.lines().next(), body), (Some("HTTP/1.1 200 OK"), "{}"));
    assert!(head.contains("content-type: application/json") && !head.contains("connection"), "{head}");
}

#[test]
fn json_prints_the_members_of_the_contract_in_their_order() {
    let guard = honest(0, Reply::problem(&Problem::FORBIDDEN));
    let ran = Home::with_profile(&guard).run(&["call", "--json", "/"]).expect(22);
    let mut place = 0;
    for member in ["status", "verified", "keyid", "server_time_ms", "offset_ms", "problem", "interference", "body_b64"]
    {
        let found = ran.out().find(&format!("\"{member}\":")).unwrap_or_else(|| panic!("{member} in {}", ran.out()));
        assert!(found >= place, "{member}");
        place = found;
    }
    let report: serde_json::Value = serde_json::from_str(ran.out()).unwrap();
    assert_eq!((&report["status"], &report["verified"]), (&403.into(), &true.into()));
    assert_eq!((&report["problem"], &report["interference"]), (&"forbidden".into(), &serde_json::Value::Null));
}

#[test]
fn a_wrong_clock_is_corrected_said_and_remembered() {
    let guard = honest(3_600_000, Reply::json("{}"));
    let home = Home::with_profile(&guard);
    let ran = home.run(&["call", "/"]).expect(0);
    assert!(
        ran.err().contains("behind the server's") && ran.err().contains("set this machine's clock"),
        "{}",
        ran.err()
    );
    assert_eq!(guard.requests().len(), 2);
    let key = fs::read(home.0.path().join("profiles/default.toml")).unwrap();
    let ran = home.run(&["call", "/"]).expect(0);
    assert_eq!((ran.err(), guard.requests().len()), ("", 3), "the second call knows");
    assert_eq!(fs::read(home.0.path().join("profiles/default.toml")).unwrap(), key, "the key's file is left alone");
}

#[test]
fn unauthorized_leaves_the_key_where_it_is() {
    let guard =
        FakeGuard::start(|heard, _| Signer::new(7).sign(heard, Reply::problem(&Problem::UNAUTHORIZED), now()).octets());
    let home = Home::with_profile(&guard);
    home.run(&["call", "/"]).expect(22);
    assert_eq!(home.files(), ["default.toml"]);
}

#[test]
fn key_show_shows_secrets_only_when_told_to() {
    let guard = honest(0, Reply::json("{}"));
    let home = Home::with_profile(&guard);
    let secrets = ["root", "c2s", "s2c"];
    let ran = home.run(&["key", "show", "--profile", "default", "--json"]).expect(0);
    assert_eq!(ran.out(), "{\"keyid\":\"k7f3a9c2d4e5b6a1c\",\"created\":1763780000}\n");
    let ran = home.run(&["key", "show", "--danger-secret", "--json"]).expect(0);
    let shown: serde_json::Value = serde_json::from_str(ran.out()).unwrap();
    assert!(secrets.iter().all(|name| shown[name].as_str().unwrap().len() == 64));
    assert_eq!(shown["root"], "07".repeat(32));
    let ran = home.run(&["key", "show"]).expect(0);
    assert!(!ran.out().contains(&"07".repeat(32)));
    fs::set_permissions(home.0.path().join("profiles/default.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(home.run(&["key", "show"]).expect(1).err().contains("chmod 600"));
}

#[test]
fn verify_takes_what_key_show_prints_and_what_went_over_the_wire() {
    let guard = honest(0, Reply::json("{}"));
    let home = Home::with_profile(&guard);
    home.run(&["call", "-d", "hello", "/v1/x?a=b"]).expect(0);
    let [heard] = &guard.requests()[..] else { panic!("one request") };
    let mut raw = format!("{} {} HTTP/1.1\r\n", heard.method, heard.target);
    for (name, value) in &heard.fields {
        raw += &format!("{name}: {}\r\n", str::from_utf8(value).unwrap());
    }
    raw += "\r\nhello";
    let file = |name: &str, content: &str| {
        fs::write(home.0.path().join(name), content).unwrap();
        home.0.path().join(name).into_os_string().into_string().unwrap()
    };
    let key = file("key", home.run(&["key", "show", "--danger-secret", "--json"]).expect(0).out());
    let good = file("good", &raw);
    let ran = home.run(&["verify", "--explain", "--key-file", &key, "--request", &good]).expect(0);
    assert!(ran.out().contains("\"@path\": /v1/x\n") && ran.out().contains("the signature holds"), "{}", ran.out());
    let bad = file("bad", &raw.replacen("/v1/x", "/v1/y", 1));
    let ran = home.run(&["verify", "--explain", "--key-file", &key, "--request", &bad]).expect(22);
    assert!(ran.out().contains("fault: the MAC"), "{}", ran.out());
    home.run(&["verify", "--explain", "--key-file", &key, "--request", "/nonexistent"]).expect(1);
}
