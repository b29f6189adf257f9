//! No secret is ever written where it does not belong: not by a server that logs all it can, not by a command, not in an
//! answer, and not into the database.

use std::process::Output;

use countersign_core::encoding::{hex, unhex};
use countersign_core::enrolment::{Card, CardKind};
use countersign_core::secret::{MacKey, Root, Secret32};
use countersign_server::service::control::InviteKind;

use crate::support::guard::Running;
use crate::support::knock::{Knocker, enrol, post};
use crate::support::process::{Place, Served};
use crate::support::signing::Key;
use crate::support::spellings::{Planted, assert_hidden};
use crate::support::wire::ask;

const SHARED: [u8; 32] = *b"planted: the seed's shared key!!";

/// The secrets of a key: what it is derived from, and what is derived from it.
fn of_key(whose: &str, key: &Key) -> [Planted; 3] {
    let derived = |name: &str| key.root.derive(name, key.keyid.as_bytes());
    [
        Planted::new(&format!("the root of {whose}"), key.root.secret().expose()),
        Planted::new(&format!("c2s of {whose}"), derived("c2s mac").expose()),
        Planted::new(&format!("s2c of {whose}"), derived("s2c mac").expose()),
    ]
}

fn of_card(which: &str, card: &Card) -> [Planted; 2] {
    [
        Planted::text(&format!("the {which} card"), card.to_text().split_once(':').unwrap().1),
        Planted::new(&format!("the psk of the {which} card"), card.psk().expose()),
    ]
}

/// Does with a guard what can be done with one, and much that cannot; gives what was answered and printed, and the
/// secrets that were in play.
async fn exercise(place: &Place, served: &Served) -> (Vec<u8>, Vec<Planted>) {
    let mut written = Vec::new();
    let mut secrets = vec![Planted::new("the shared key of the seed mode", &SHARED)];
    let group = place.group_card();
    secrets.extend(of_card("group", &group));
    let ticket = place.operate(&["user", "invite", "--ticket"]);
    let ticket: Card = ticket.lines().next().unwrap().parse().unwrap();
    secrets.extend(of_card("ticket", &ticket));
    let mut keep = |output: Output| written.extend(output.stdout.iter().chain(&output.stderr));
    let card = ticket.to_text().to_string();
    for name in ["alice", "admin", "bob"] {
        keep(place.enrol(served, &["--card", &card, "--username", name, "--profile", name]));
    }
    keep(place.enrol(served, &["--card", &card[..card.len() - 1], "--username", "x", "--profile", "x"]));
    let mut run = |args: &[&str]| keep(place.run(args));
    for args in [&["call", "/v1"][..], &["call", "--json", "-i", "/v1"], &["call", "--json", "/v1"], &["key", "show"]] {
        run(&[args, &["--profile", "alice"]].concat());
    }
    let data = place.data().display().to_string();
    for args in [
        &["user", "list"][..],
        &["user", "invite", "list", "--json"],
        &["key", "list", "--json"],
        &["event", "list", "--limit", "0", "--json"],
        &["doctor"],
        &["user", "disable", "nobody"],
    ] {
        run(&[args, &["--data", &data]].concat());
    }
    let alice = profile(place, "alice");
    secrets.extend(of_key("alice", &alice));
    let carol = served.service(place, "carol").await;
    secrets.extend(of_key("carol", &carol));
    written.extend(refusals(served, &carol, &group).await);
    let (answers, dave) = seed_mode(served).await;
    written.extend(answers);
    secrets.extend(of_key("dave", &dave));
    (written, secrets)
}

/// The key in a profile.
fn profile(place: &Place, name: &str) -> Key {
    let text = std::fs::read_to_string(place.path(&format!("home/profiles/{name}.toml"))).unwrap();
    let profile: toml::Table = text.parse().unwrap();
    let root = unhex(profile["root"].as_str().unwrap()).unwrap();
    Key::new(profile["keyid"].as_str().unwrap(), Root::new(Secret32::new(root.try_into().unwrap())))
}

/// One answer of each kind.
async fn refusals(served: &Served, key: &Key, card: &Card) -> Vec<u8> {
    let good = served.good(key);
    let sent = good.sign(key);
    let spoilt = sent.replaced("GET /v1/accounts ", "GET /v1/other ");
    let stale = crate::support::signing::Draft { created: "1700000000".to_owned(), ..served.good(key) }.sign(key);
    let ahead = crate::support::signing::Draft { created: "9999999999".to_owned(), ..served.good(key) }.sign(key);
    let mut knocker = Knocker::new(card, "root");
    let mut octets = Vec::new();
    for request in [spoilt, sent.clone(), sent, stale, ahead].map(|sent| sent.octets()).into_iter().chain([
        knocker.octets(),
        post("other.example", "application/octet-stream", b"x"),
        post(&served.address.to_string(), "application/octet-stream", &[1; 200]),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ]) {
        if crate::TRANSPORT.can_say(&String::from_utf8_lossy(&request)) {
            octets.extend(ask(served.address, &request).await.octets);
        }
    }
    let _ = knocker.knock(served.address).await;
    octets
}

/// A registration, and its key.
async fn seed_mode(served: &Served) -> (Vec<u8>, Key) {
    let nonce = countersign_server::edge::random::<32>();
    let shared = MacKey::new(&Secret32::new(SHARED));
    let body =
        format!(r#"{{"username":"dave","nonce":"{}","mac":"{}"}}"#, hex(&nonce), hex(&shared.mac(&[b"dave", &nonce])));
    let answer =
        enrol(9, served.address, &post(&served.address.to_string(), "application/json", body.as_bytes())).await;
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let key = Key::new(told["keyid"].as_str().unwrap(), Root::new(Secret32::new(shared.mac(&[&nonce]))));
    assert_eq!(served.whoami(&key).await, 200);
    (answer.octets, key)
}

async fn nothing_leaks(format: &str) {
    let place = Place::configured(&format!(
        "danger_seed_mode = true\nseed_shared_key = \"{}\"\n[log]\nlevel = \"trace\"\nformat = \"{format}\"",
        hex(&SHARED)
    ));
    let served = place.serve();
    let (written, mut secrets) = exercise(&place, &served).await;
    let kek = std::fs::read_to_string(place.data().join("kek")).unwrap();
    let kek = Planted::new("the key-encryption key", &unhex(kek.trim()).unwrap());
    secrets.push(kek);
    assert_hidden(&secrets, "what was answered and printed", &written);
    let look = |when: &str| {
        assert_hidden(&secrets, &format!("the log, {when}"), place.log().as_bytes());
        for entry in std::fs::read_dir(place.data()).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() && entry.file_name() != "kek" {
                let octets = std::fs::read(entry.path()).unwrap();
                assert_hidden(&secrets, &format!("{}, {when}", entry.path().display()), &octets);
            }
        }
    };
    look("while it runs");
    assert!(served.stop().success());
    look("after the stop");
    // What was looked at is what was meant to be looked at.
    let (log, written) = (place.log(), String::from_utf8_lossy(&written));
    assert!(log.contains("could not be authenticated"), "{log}");
    assert!(log.contains("malformed message") || !crate::TRANSPORT.has_octets(), "{log}");
    for code in ["unauthorized", "clock-skew", "replayed", "misdirected", "alice", "enrolled"] {
        assert!(written.contains(code), "{code} is not in {written}");
    }
    assert!(std::fs::metadata(place.data().join("replay.ring")).unwrap().len() > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_anything_that_is_written_with_logs_as_text() {
    nothing_leaks("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_anything_that_is_written_with_logs_as_json() {
    nothing_leaks("json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_by_debug() {
    let toml = format!("danger_seed_mode = true\nseed_shared_key = \"{}\"", hex(&SHARED));
    let guard = Running::start(&toml).await;
    let (group, ticket) = (guard.card(InviteKind::Group).await, guard.card(InviteKind::Ticket).await);
    let confirmed = guard.service("alice").await;
    let mut pending = Knocker::new(&ticket, "bob");
    let waiting = pending.knock(guard.address).await.unwrap();
    let kek = std::fs::read_to_string(guard.data().join("kek")).unwrap();
    let own = &guard.app.accounts.secrets;
    let mut secrets = vec![
        Planted::new("the shared key of the seed mode", &SHARED),
        Planted::new("the key-encryption key", &unhex(kek.trim()).unwrap()),
        Planted::new("the static key", own.static_keys.accepted().unwrap()[0].expose()),
        Planted::new("the key of fingerprints", own.fingerprint.expose()),
    ];
    secrets.extend(of_card("group", &group).into_iter().chain(of_card("ticket", &ticket)));
    secrets.extend(of_key("a confirmed key", &confirmed).into_iter().chain(of_key("a pending key", &waiting)));
    let app = &guard.app;
    let credentials = countersign_client::Credentials::new(
        guard.authority().parse().unwrap(),
        confirmed.keyid.parse().unwrap(),
        &confirmed.root,
    );
    let pending = app.accounts.pending.lock().unwrap();
    assert!(matches!(ticket.kind(), CardKind::Ticket(_)) && !pending.is_empty());
    for (what, shown) in [
        ("App", format!("{app:?} {app:#?}")),
        ("Accounts", format!("{:?} {:#?}", app.accounts, app.accounts)),
        ("Config", format!("{:?} {:#?}", app.accounts.config, app.accounts.config)),
        ("PendingEnrolments", format!("{pending:?} {pending:#?}")),
        ("Keyring", format!("{:?}", app.accounts.keyring)),
        ("Secrets", format!("{own:?} {own:#?}")),
        ("Card", format!("{group:?} {ticket:#?}")),
        ("Credentials", format!("{credentials:?} {:?} {:?}", confirmed.root, confirmed.keys)),
    ] {
        assert!(shown.len() > 30, "{what}");
        assert_hidden(&secrets, what, shown.as_bytes());
    }
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let secret = Planted::new("x", &SHARED);
    let texts = [
        format!("{SHARED:?}"),
        format!("{:?}", &SHARED[..20]),
        hex(&SHARED),
        hex(&SHARED).to_uppercase(),
        countersign_core::encoding::b64(&SHARED),
        countersign_core::encoding::b64u(&SHARED),
        countersign_core::encoding::b64(&[b"some".as_slice(), &SHARED].concat()),
        countersign_core::encoding::b64u(&[b"someth".as_slice(), &SHARED].concat()),
        format!("{:?}", String::from_utf8_lossy(&SHARED)),
    ];
    for text in texts {
        assert!(secret.found_in(format!("before {text} after").as_bytes()).is_some(), "{text}");
    }
    assert_eq!(secret.found_in(b"nothing of the kind"), None);
}
