//! Enrolments over real sockets, against the server's side of the handshake.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use countersign_client::{EnrolmentError, Interference, Network, Person, Server, enrol, enrol_in_seed_mode};
use countersign_core::enrolment::seed_mode::SeedRegistration;
use countersign_core::enrolment::{Answers, Card, CardKind, EnrolRefusal, Grant, Introduced, Knock, public_key};
use countersign_core::problem::Problem;
use countersign_core::secret::Secret32;
use countersign_core::signature::answer_registration;

use fake_guard::{FakeGuard, Heard, Reply, Signer, now};

const KEYID: &str = "k7f3a9c2d4e5b6a1c";
const ALICE: Person<'static> = Person { username: "alice", device: "laptop" };

fn server_key() -> Secret32 {
    Secret32::new([0x11; 32])
}

fn card(authority: &str) -> Card {
    Card::new(CardKind::Group, Secret32::new([1; 32]), public_key(&server_key()), authority).unwrap()
}

fn open(heard: &Heard) -> Introduced {
    let authority = heard.field("host").unwrap();
    Knock::read(&heard.body).unwrap().open(&server_key(), &Secret32::new([1; 32]), authority).unwrap()
}

fn accept(heard: &Heard) -> (Vec<u8>, Signer) {
    let keyid = KEYID.parse().unwrap();
    let grant = Grant { keyid: &keyid, s_rand: Secret32::new([2; 32]), now: now(), answers: Answers::AllSigned };
    let accepted = open(heard).accept(&grant, &Secret32::new([3; 32])).unwrap();
    let reply = Reply::new(200, "application/octet-stream", &accepted.response);
    (reply.octets(), Signer::with(keyid, accepted.root))
}

/// A guard with the server's side of the handshake, which confirms the key when asked who it is.
fn honest() -> FakeGuard {
    let signer = std::sync::Mutex::new(None);
    FakeGuard::start(move |heard, _| {
        let mut signer = signer.lock().unwrap();
        if heard.target == "/api/auth/enrol" {
            let (octets, new) = accept(heard);
            *signer = Some(new);
            octets
        } else {
            signer.as_ref().unwrap().judge(heard, Reply::json(r#"{"username":"alice"}"#), now()).octets()
        }
    })
}

fn server(guard: &FakeGuard) -> Server {
    Server::parse(&guard.url("")).unwrap()
}

#[tokio::test]
async fn a_card_becomes_a_key_that_the_server_knows() {
    for authority in [None, Some("api.example.com")] {
        let guard = honest();
        let authority = authority.map_or_else(|| guard.address.to_string(), str::to_owned);
        let enrolment = enrol(&server(&guard), &card(&authority), &ALICE).await.unwrap();
        assert_eq!(enrolment.credentials.keyid.as_str(), KEYID);
        assert_eq!(enrolment.credentials.authority.as_str(), authority);
        let confirmed = enrolment.client(server(&guard)).unwrap().whoami().await.unwrap();
        assert_eq!(confirmed.verified.status.as_u16(), 200);
        let [knock, whoami] = &guard.requests()[..] else { panic!("two requests") };
        assert_eq!(knock.field("content-type"), Some("application/octet-stream"));
        assert_eq!(whoami.target, "/api/auth/whoami");
    }
}

#[tokio::test]
async fn a_refusal_inside_the_handshake_is_the_servers_own() {
    for refusal in [EnrolRefusal::Conflict, EnrolRefusal::TicketUsed, EnrolRefusal::Unprocessable] {
        let guard = FakeGuard::start(move |heard, _| {
            let refused = open(heard).refuse(refusal, &Secret32::new([3; 32])).unwrap();
            Reply::new(200, "application/octet-stream", &refused).octets()
        });
        let refused = enrol(&server(&guard), &card(&guard.address.to_string()), &ALICE).await.unwrap_err();
        assert!(matches!(refused, EnrolmentError::Refused(code) if code == refusal), "{refused:?}");
    }
}

#[tokio::test]
async fn whoever_does_not_hold_the_servers_key_cannot_let_us_in() {
    let guard = FakeGuard::start(|heard, _| {
        let mut octets = accept(heard).0;
        *octets.last_mut().unwrap() ^= 1;
        octets
    });
    let error = enrol(&server(&guard), &card(&guard.address.to_string()), &ALICE).await.unwrap_err();
    assert!(matches!(error, EnrolmentError::NotOurServer), "{error:?}");
}

#[tokio::test]
async fn an_unsigned_refusal_proves_nothing() {
    for problem in [Problem::UNAUTHORIZED, Problem::THROTTLED] {
        let guard = FakeGuard::start(move |_, _| Reply::problem(&problem).octets());
        match enrol(&server(&guard), &card(&guard.address.to_string()), &ALICE).await {
            Err(EnrolmentError::Unverified(answer)) => assert_eq!(answer.claimed_problem(), Some(&problem)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_message() {
    let guard = FakeGuard::start(|heard, count| if count == 0 { Vec::new() } else { accept(heard).0 });
    enrol(&server(&guard), &card(&guard.address.to_string()), &ALICE).await.unwrap();
    let [first, second] = &guard.requests()[..] else { panic!("two requests") };
    assert_eq!(first.body, second.body);

    let silent = FakeGuard::start(|_, _| Vec::new());
    let error = enrol(&server(&silent), &card(&silent.address.to_string()), &ALICE).await.unwrap_err();
    assert!(matches!(error, EnrolmentError::Network(Network::NoAnswer(_))), "{error:?}");
    assert_eq!(silent.requests().len(), 2);
}

#[tokio::test]
async fn a_name_that_cannot_be_had_is_not_sent() {
    let guard = honest();
    for username in ["", "a b", "admin", "a,b", &"a".repeat(65)] {
        let person = Person { username, device: "" };
        let error = enrol(&server(&guard), &card(&guard.address.to_string()), &person).await.unwrap_err();
        assert!(matches!(error, EnrolmentError::Username(_)), "{username}: {error:?}");
    }
    assert!(guard.requests().is_empty());
}

fn seed_guard(shared: [u8; 32]) -> FakeGuard {
    let signer = std::sync::Mutex::new(None);
    FakeGuard::start(move |heard, _| {
        let mut signer = signer.lock().unwrap();
        if heard.target != "/api/auth/enrol" {
            let signer: &Signer = signer.as_ref().unwrap();
            return signer.judge(heard, Reply::json("{}"), now()).octets();
        }
        let body: serde_json::Value = serde_json::from_slice(&heard.body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap();
        let registration = SeedRegistration::from_hex(text("username"), text("nonce"), text("mac")).unwrap();
        let Ok(root) = registration.verify(&Secret32::new([5; 32])) else {
            return Reply::problem(&Problem::UNAUTHORIZED).octets();
        };
        // A forger who doesn't hold the shared key answers under a key of their own.
        let root = if shared == [5; 32] { root } else { Signer::new(9).root };
        let keyid = KEYID.parse().unwrap();
        let answer = answer_registration(&root, &keyid, registration.nonce(), now());
        *signer = Some(Signer::with(keyid, root));
        let fields = answer.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Reply { status: 200, fields, body: answer.body.into_bytes() }.octets()
    })
}

#[tokio::test]
async fn seed_mode_gives_a_key_to_a_holder_of_the_shared_key() {
    let guard = seed_guard([5; 32]);
    let enrolment = enrol_in_seed_mode(&server(&guard), &Secret32::new([5; 32]), &ALICE).await.unwrap();
    assert_eq!(enrolment.credentials.keyid.as_str(), KEYID);
    enrolment.client(server(&guard)).unwrap().whoami().await.unwrap();
}

#[tokio::test]
async fn seed_mode_believes_nobody_without_the_shared_key() {
    let guard = seed_guard([6; 32]);
    let error = enrol_in_seed_mode(&server(&guard), &Secret32::new([5; 32]), &ALICE).await.unwrap_err();
    assert!(matches!(error, EnrolmentError::Interference(Interference::BadMac)), "{error:?}");
    let error = enrol_in_seed_mode(&server(&guard), &Secret32::new([4; 32]), &ALICE).await.unwrap_err();
    assert!(matches!(error, EnrolmentError::Unverified(_)), "{error:?}");
}
