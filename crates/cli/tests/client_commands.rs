//! The commands of the client as a person or a script runs them: exit codes, stdout, stderr, files.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../client/tests/fake_guard/mod.rs"]
mod fake_guard;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use countersign_core::enrolment::{Answers, Card, CardKind, EnrolRefusal, Grant, Knock, public_key};
use countersign_core::problem::Problem;
use countersign_core::secret::Secret32;
use countersign_core::time::Timestamp;
use tempfile::TempDir;

use fake_guard::{FakeGuard, Heard, Reply, Signer, now};

/// A home with one profile, for the key of [`Signer::new`]`(7)`.
struct Home(TempDir);

impl Home {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with_profile(guard: &FakeGuard) -> Self {
        let home = Self::empty();
        let profiles = home.0.path().join("profiles");
        fs::create_dir(&profiles).unwrap();
        let address = guard.address;
        let profile = format!(
            "server = \"http://{address}\"\nauthority = \"{address}\"\nusername = \"alice\"\nkeyid = \"k7f3a9c2d4e5b6a1c\"\n\
             root = \"{}\"\ncreated_ms = 1763780000183\noffset_ms = 0\nanswers = \"all-signed\"\n",
            "07".repeat(32)
        );
        fs::write(profiles.join("default.toml"), profile).unwrap();
        fs::set_permissions(profiles.join("default.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        home
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, b"")
    }

    fn run_with(&self, args: &[&str], stdin: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(args)
            .env("COUNTERSIGN_HOME", self.0.path())
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        Ran(child.wait_with_output().unwrap())
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path().join("profiles")).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

/// What a command did.
struct Ran(Output);

impl Ran {
    fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    fn out(&self) -> &str {
        str::from_utf8(&self.0.stdout).unwrap()
    }

    fn err(&self) -> &str {
        str::from_utf8(&self.0.stderr).unwrap()
    }

    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "stdout: {}\nstderr: {}", self.out(), self.err());
        self
    }
}

fn honest(ahead_ms: u64, reply: Reply) -> FakeGuard {
    let signer = Signer::new(7);
    FakeGuard::start(move |heard, _| {
        signer.judge(heard, reply.clone(), Timestamp::from_millis(now().as_millis() + ahead_ms)).octets()
    })
}

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
    let (_, key) = ran.err().trim_end().rsplit_once("--idempotency-key ").unwrap();
    let ran = home.run(&["call", "-d", "x", "--idempotency-key", key, "/"]).expect(2);
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

fn server_key() -> Secret32 {
    Secret32::new([0x11; 32])
}

fn card(guard: &FakeGuard) -> String {
    let psk = Secret32::new([1; 32]);
    let card = Card::new(CardKind::Group, psk, public_key(&server_key()), &guard.address.to_string()).unwrap();
    card.to_text().to_string()
}

/// A guard that lets everybody in and says `confirm` to their first signed request.
fn letting_in(confirm: impl Fn(&Signer, &Heard) -> Vec<u8> + Send + 'static) -> FakeGuard {
    let signer = std::sync::Mutex::new(None);
    FakeGuard::start(move |heard, _| {
        let mut signer = signer.lock().unwrap();
        if heard.target != "/api/auth/enrol" {
            return confirm(signer.as_ref().unwrap(), heard);
        }
        let authority = heard.field("host").unwrap();
        let knock = Knock::read(&heard.body).unwrap();
        let introduced = knock.open(&server_key(), &Secret32::new([1; 32]), authority).unwrap();
        let keyid = "k7f3a9c2d4e5b6a1c".parse().unwrap();
        let (s_rand, answers) = (Secret32::new([2; 32]), Answers::AllSigned);
        let grant = Grant { keyid: &keyid, s_rand, now: now(), answers };
        let accepted = introduced.accept(&grant, &Secret32::new([3; 32])).unwrap();
        *signer = Some(Signer::with(keyid, accepted.root));
        Reply::new(200, "application/octet-stream", &accepted.response).octets()
    })
}

fn confirming() -> FakeGuard {
    letting_in(|signer, heard| signer.judge(heard, Reply::json("{}"), now()).octets())
}

fn enrol(home: &Home, guard: &FakeGuard, card: &str) -> Ran {
    home.run_with(&["enrol", "--server", &guard.url(""), "--card", card, "--username", "alice"], card.as_bytes())
}

#[test]
fn enrol_keeps_a_confirmed_key_and_call_uses_it() {
    let guard = confirming();
    let home = Home::empty();
    let ran = enrol(&home, &guard, &card(&guard)).expect(0);
    assert!(ran.out().contains("alice is enrolled: key k7f3a9c2d4e5b6a1c"), "{}", ran.out());
    let targets: Vec<_> = guard.requests().into_iter().map(|heard| heard.target).collect();
    assert_eq!(targets, ["/api/auth/enrol", "/api/auth/whoami"]);
    home.run(&["call", "/v1/x"]).expect(0);
    let mode = fs::metadata(home.0.path().join("profiles/default.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_card_may_come_from_stdin() {
    let guard = confirming();
    let home = Home::empty();
    let text = card(&guard) + "\n";
    let url = guard.url("");
    home.run_with(&["enrol", "--server", &url, "--card", "@-", "--username", "bob"], text.as_bytes()).expect(0);
}

#[test]
fn enrol_never_overwrites_a_profile_and_sends_nothing_then() {
    let guard = confirming();
    let home = Home::with_profile(&guard);
    let ran = enrol(&home, &guard, &card(&guard)).expect(1);
    assert!(ran.err().contains("--profile"), "{}", ran.err());
    assert!(guard.requests().is_empty());
}

#[test]
fn a_key_that_will_never_be_confirmed_is_forgotten_and_one_that_may_be_is_kept() {
    for (problem, kept) in [(Problem::CONFLICT, false), (Problem::UNAVAILABLE, true), (Problem::UNAUTHORIZED, true)] {
        let guard = letting_in(move |signer, heard| signer.sign(heard, Reply::problem(&problem), now()).octets());
        let home = Home::empty();
        let ran = enrol(&home, &guard, &card(&guard)).expect(22);
        assert!(ran.err().contains("not confirmed"), "{}", ran.err());
        assert_eq!(!home.files().is_empty(), kept, "{}", problem.code);
    }
    let guard = letting_in(|_, _| Vec::new());
    let home = Home::empty();
    let ran = enrol(&home, &guard, &card(&guard)).expect(2);
    assert!(ran.err().contains("/api/auth/whoami"), "{}", ran.err());
    assert_eq!(home.files(), ["default.toml"]);
    let guard = letting_in(|_, _| Reply::json("{}").octets());
    let home = Home::empty();
    enrol(&home, &guard, &card(&guard)).expect(3);
    assert_eq!(home.files(), ["default.toml"]);
}

#[test]
fn a_refused_enrolment_leaves_nothing_behind() {
    let refusing = FakeGuard::start(|heard, _| {
        let authority = heard.field("host").unwrap();
        let knock = Knock::read(&heard.body).unwrap();
        let introduced = knock.open(&server_key(), &Secret32::new([1; 32]), authority).unwrap();
        let body = introduced.refuse(EnrolRefusal::Conflict, &Secret32::new([3; 32])).unwrap();
        Reply::new(200, "application/octet-stream", &body).octets()
    });
    let forging = FakeGuard::start(|_, _| Reply::new(200, "application/octet-stream", &[7; 80]).octets());
    let closed = FakeGuard::start(|_, _| Reply::problem(&Problem::UNAUTHORIZED).octets());
    for (guard, code, said) in
        [(refusing, 22, "choose another"), (forging, 3, "does not come from"), (closed, 2, "new one")]
    {
        let home = Home::empty();
        let ran = enrol(&home, &guard, &card(&guard)).expect(code);
        assert!(ran.err().contains(said), "{}", ran.err());
        assert!(home.files().is_empty());
    }
}

#[test]
fn a_damaged_card_or_a_missing_option_is_1() {
    let guard = confirming();
    let home = Home::empty();
    let mut damaged = card(&guard);
    damaged.pop();
    assert!(enrol(&home, &guard, &damaged).expect(1).err().contains("damaged"));
    assert!(enrol(&home, &guard, "hello").expect(1).err().contains("countersign1:"));
    let url = guard.url("");
    home.run(&["enrol", "--server", &url, "--username", "alice"]).expect(1);
    home.run(&["enrol", "--server", &url, "--username", "alice", "--seed-mode"]).expect(1);
    home.run(&["enrol", "--server", &url, "--username", "alice", "--shared-key", &"00".repeat(32)]).expect(1);
    let both = ["enrol", "--server", &url, "--username", "a", "--seed-mode", "--shared-key", "00", "--card", "x"];
    home.run(&both).expect(1);
    assert!(guard.requests().is_empty());
}

/// A guard that streams these pieces, whose frames somebody may keep back.
fn streaming(pieces: &'static [&'static str], status: u16, frames_that_arrive: usize) -> FakeGuard {
    let signer = Signer::new(7);
    FakeGuard::start(move |heard, _| {
        let (mut reply, mut frames) = signer.sign_stream(heard, Reply::new(status, "text/plain", b""), now());
        let mut octets: Vec<_> = pieces.iter().map(|piece| frames.sign(piece.as_bytes())).collect();
        octets.push(frames.finish(b""));
        reply.body = octets.into_iter().take(frames_that_arrive).flatten().collect();
        reply.octets()
    })
}

#[test]
fn a_stream_is_printed_as_it_is_verified_and_its_status_is_the_exit_code() {
    for (status, code) in [(200, 0), (404, 22)] {
        let guard = streaming(&["one ", "two\n"], status, 3);
        let ran = Home::with_profile(&guard).run(&["call", "--stream", "/events"]);
        assert_eq!((ran.code(), ran.out()), (code, "one two\n"), "{}", ran.err());
    }
    let guard = streaming(&["one\n"], 200, 2);
    let ran = Home::with_profile(&guard).run(&["call", "--stream", "-i", "/events"]);
    assert!(ran.out().starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"), "{}", ran.out());
    assert!(ran.out().ends_with("\r\n\r\none\n"), "{}", ran.out());
}

#[test]
fn a_stream_without_its_end_says_what_the_printed_part_is_worth() {
    let guard = streaming(&["one ", "two\n"], 200, 2);
    let ran = Home::with_profile(&guard).run(&["call", "--stream", "/events"]);
    assert_eq!((ran.code(), ran.out()), (3, "one two\n"));
    assert!(ran.err().contains("interference (truncated)"), "{}", ran.err());
    assert!(ran.err().contains("what was printed so far was verified; its end is missing"), "{}", ran.err());
}

#[test]
fn a_file_or_stdin_is_sent_as_a_stream_and_text_of_the_command_line_in_one_piece() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| signer.sign(heard, Reply::json("{}"), now()).octets());
    let home = Home::with_profile(&guard);
    let file = home.0.path().join("data");
    fs::write(&file, vec![b'x'; 200_000]).unwrap();
    let of_file = format!("@{}", file.display());
    assert_eq!(home.run(&["call", "--stream", "-X", "PUT", "-d", &of_file, "/files/1"]).code(), 0);
    assert_eq!(home.run_with(&["call", "--stream", "-d", "@-", "/files/1"], b"from stdin").code(), 0);
    assert_eq!(home.run(&["call", "--stream", "-d", "text", "/files/1"]).code(), 0);
    let (requests, signer) = (guard.requests(), Signer::new(7));
    assert!(signer.uploaded(&requests[0]) == Some(vec![b'x'; 200_000]));
    assert_eq!((requests[0].method.as_str(), requests[1].method.as_str()), ("PUT", "POST"));
    assert_eq!(signer.uploaded(&requests[1]).as_deref(), Some(b"from stdin".as_slice()));
    assert!(signer.admits(&requests[2], now()) && requests[2].body == b"text" && requests[2].read().accepts_stream());
    let ran = home.run(&["call", "--stream", "-d", "@/no/such/file", "/files/1"]);
    assert!(ran.code() == 1 && ran.err().contains("cannot read /no/such/file"), "{}", ran.err());
    assert_eq!(guard.requests().len(), 3, "nothing was sent");
}

#[test]
fn a_file_that_was_rejected_for_its_time_is_sent_once_more() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| {
        let ahead = Timestamp::from_millis(now().as_millis() + 73_000);
        signer.judge(heard, Reply::json("{}"), ahead).octets()
    });
    let home = Home::with_profile(&guard);
    let file = home.0.path().join("data");
    fs::write(&file, "data").unwrap();
    let ran = home.run(&["call", "--stream", "-d", &format!("@{}", file.display()), "/files/1"]);
    assert_eq!((ran.code(), ran.out()), (0, "{}"), "{}", ran.err());
    assert!(ran.err().contains("behind the server's; corrected"), "{}", ran.err());
    assert_eq!(guard.requests().len(), 2);
}
