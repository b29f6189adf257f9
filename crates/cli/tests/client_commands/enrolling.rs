use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign_core::enrolment::{Answers, Card, CardKind, EnrolRefusal, Grant, Knock, public_key};
use countersign_core::problem::Problem;
use countersign_core::secret::Secret32;

use super::fake_guard::{FakeGuard, Heard, Reply, Signer, now};
use super::home::{Home, Ran};

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

/// To a program, whose key signs everything.
fn confirming() -> FakeGuard {
    letting_in(|signer, heard| signer.judge(heard, Reply::json(r#"{"role":"service"}"#), now()).octets())
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
fn a_key_is_enrolled_although_no_session_is_to_be_had_at_that_moment() {
    let guard = letting_in(|signer, heard| {
        let reply = match heard.target.as_str() {
            "/api/auth/whoami" => Reply::json(r#"{"role":"user"}"#),
            _ => Reply::problem(&Problem::UNAVAILABLE),
        };
        signer.judge(heard, reply, now()).octets()
    });
    let home = Home::empty();
    let ran = enrol(&home, &guard, &card(&guard)).expect(0);
    assert!(ran.err().contains("the next command opens one"), "{}", ran.err());
    assert_eq!(home.files(), ["default.toml"]);
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
