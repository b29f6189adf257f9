//! The feed of revocations with somebody between the verifier and its guard, by hand-made clocks: answers that are silenced,
//! forged, replayed, swapped or held back. What they can reach is that nothing is known, and never that a token is good. And
//! the verifier that follows it over a socket: whom it wakes, and what it says when it hears nothing.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use countersign_client::conversation::{Conversation, Incoming, Outcome, Outgoing, Reading, Receipt};
use countersign_client::verifier::{
    Checker, Doubt, Page, Poll, Progress, Refused, Revocation, Settings, Trouble, Verifier,
};
use countersign_client::{Client, Interference, Server};
use countersign_core::account::Role;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::problem::Problem;
use countersign_core::secret::Secret32;
use countersign_core::session::Proof;
use countersign_core::time::Timestamp;
use countersign_core::token::{AccessClaims, Parties, TokenId, TokenKeys, TokenSigningKey, issue};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use fake_guard::{FakeGuard, Heard, Reply, Signer, now};

const NOON: u64 = 1_763_780_000_000;
const AUTHORITY: &str = "api.example.com";
const ISSUER: &str = "https://api.example.com";

fn at(millis: u64) -> Reading {
    Reading { wall: time(millis), monotonic: Duration::from_millis(millis) }
}

fn time(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOON + millis)
}

fn token_key() -> TokenSigningKey {
    TokenSigningKey::new(&Secret32::new([1; 32]))
}

fn token() -> String {
    let claims = AccessClaims {
        user: UserId::from_random([9; 16]),
        username: "alice".parse().unwrap(),
        role: Role::User,
        permissions: "orders:read".parse().unwrap(),
        session: SessionRef([1; 16]),
        proof: Proof::Bearer,
        id: TokenId([2; 16]),
        auth_time: time(0),
        issued: time(0),
        expires: time(600_000),
        generation: 0,
        epoch: 0,
        address: None,
    };
    issue(&claims, &Parties { issuer: ISSUER, audience: ISSUER }, &token_key()).unwrap()
}

fn entry() -> String {
    let session = SessionRef([1; 16]);
    format!(r#"{{"sequence":1,"epoch":0,"at_ms":{NOON},"kind":"session","session":"{session}"}}"#)
}

/// What the guard has to say whose log has so many entries: the first is the session of the token, if it was taken back.
fn body(revoked: bool) -> String {
    let (entries, head) = if revoked { (entry(), 1) } else { (String::new(), 0) };
    let kid = token_key().id().to_string();
    format!(
        r#"{{"head":{{"epoch":0,"sequence":{head}}},"revocations":[{entries}],"next":{head},"more":false,"token_keys":["{kid}"]}}"#
    )
}

/// A verifier by hand, and the guard that it talks to.
struct Stage {
    conversation: Conversation,
    checker: Checker,
    guard: Signer,
    nonce: u8,
}

/// A poll under way.
struct Sent {
    poll: Poll,
    heard: Heard,
    receipt: Receipt,
}

impl Stage {
    /// Its feed was read to its end by a poll of noon, and its keys are there.
    fn set() -> Self {
        let guard = Signer::new(7);
        let conversation = Conversation::new(guard.credentials(AUTHORITY), 0);
        let mut stage = Self { conversation, checker: Checker::new(&Settings::new(ISSUER)), guard, nonce: 0 };
        let sent = stage.send(at(0));
        let honest = stage.answer(&sent, &body(false), time(0));
        assert_eq!(stage.receive(&sent, &honest, at(0)), Ok(Progress::Complete));
        stage.checker.learn_keys(TokenKeys::new([token_key().public()]).to_jwks().as_bytes()).unwrap();
        stage
    }

    fn send(&mut self, now: Reading) -> Sent {
        self.nonce += 1;
        let poll = self.checker.poll(now);
        let (path, query) = ("/api/auth/revocations", format!("after={}", poll.after()));
        let headers = HeaderMap::new();
        let outgoing = Outgoing { method: &Method::GET, path, query: Some(&query), headers: &headers, body: b"" };
        let signed = self.conversation.sign(&outgoing, [self.nonce; 32], now).unwrap();
        let octets = |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.as_bytes().to_vec());
        let mut fields = vec![("host".to_owned(), AUTHORITY.as_bytes().to_vec())];
        fields.extend(signed.headers.iter().map(octets));
        let heard = Heard { method: "GET".to_owned(), target: format!("{path}?{query}"), fields, body: Vec::new() };
        Sent { poll, heard, receipt: signed.receipt }
    }

    fn answer(&self, sent: &Sent, body: &str, now: Timestamp) -> Reply {
        self.guard.sign(&sent.heard, Reply::json(body), now)
    }

    /// What the verifier makes of an answer: as its task does, page after proof.
    fn receive(&mut self, sent: &Sent, reply: &Reply, now: Reading) -> Result<Progress, Interference> {
        let mut headers = HeaderMap::new();
        for (name, value) in &reply.fields {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let body = Bytes::copy_from_slice(&reply.body);
        let status = StatusCode::from_u16(reply.status).unwrap();
        let incoming = Incoming { status, headers: &headers, body: Some(&body) };
        match self.conversation.receive(&sent.receipt, &incoming, now) {
            Outcome::Verified(verified) => {
                let page = Page::read(&verified.body).unwrap();
                Ok(self.checker.receive(&sent.poll, &page, verified.server_time))
            }
            Outcome::Interference(class) => Err(class),
            Outcome::Unverified(error) => panic!("{error:?}"),
        }
    }

    fn verdict(&self, now: Reading) -> Result<(), Refused> {
        self.checker.verify(&token(), now).map(drop)
    }
}

const SILENT: Result<(), Refused> = Err(Refused::Unavailable(Doubt::Silent));
const REVOKED: Result<(), Refused> = Err(Refused::Revoked(Revocation::Session));

#[test]
fn whoever_silences_the_feed_ends_the_acceptance_of_tokens_within_a_second() {
    let mut stage = Stage::set();
    for millis in [250, 500, 750] {
        stage.send(at(millis));
    }
    assert_eq!(stage.verdict(at(999)), Ok(()));
    assert_eq!(stage.verdict(at(1_000)), SILENT);
}

#[test]
fn whoever_forges_an_answer_is_found_out_and_nothing_becomes_fresh() {
    let mut stage = Stage::set();
    let forgers: [fn(Reply) -> Reply; 4] = [
        // The revocation is cut out.
        |reply| Reply { body: body(false).into_bytes(), ..reply },
        |reply| reply.without(&["signature", "signature-input"]),
        |reply| Reply { status: 203, ..reply },
        |mut reply| {
            reply.set("countersign-time", &(NOON + 900).to_string());
            reply
        },
    ];
    for forge in forgers {
        let sent = stage.send(at(500));
        let forged = forge(stage.answer(&sent, &body(true), time(500)));
        assert!(stage.receive(&sent, &forged, at(510)).is_err());
    }
    assert_eq!(stage.verdict(at(1_000)), SILENT);
}

#[test]
fn whoever_answers_with_the_answer_to_an_earlier_poll_is_found_out() {
    let mut stage = Stage::set();
    let before = stage.send(at(100));
    let kept = stage.answer(&before, &body(false), time(100));
    assert_eq!(stage.receive(&before, &kept, at(100)), Ok(Progress::Complete));
    // Taken back at 150. Whoever stands between has something older to say.
    let sent = stage.send(at(200));
    assert_eq!(stage.receive(&sent, &kept, at(200)), Err(Interference::WrongRequest));
    assert_eq!(stage.receive(&before, &kept, at(200)), Err(Interference::Replayed), "nor to the same one twice");
    assert_eq!(stage.verdict(at(1_100)), SILENT);
}

#[test]
fn whoever_swaps_the_answers_to_two_polls_is_found_out() {
    let mut stage = Stage::set();
    let (one, other) = (stage.send(at(100)), stage.send(at(110)));
    let (to_one, to_other) =
        (stage.answer(&one, &body(false), time(100)), stage.answer(&other, &body(true), time(160)));
    assert_eq!(stage.receive(&other, &to_one, at(170)), Err(Interference::WrongRequest));
    assert_eq!(stage.receive(&one, &to_other, at(170)), Err(Interference::WrongRequest));
    assert_eq!(stage.verdict(at(1_000)), SILENT);
}

#[test]
fn an_answer_that_is_held_back_is_as_old_as_its_poll_when_it_comes() {
    let mut stage = Stage::set();
    let sent = stage.send(at(500));
    let honest = stage.answer(&sent, &body(false), time(500));
    // Taken back at 501. The answer from before comes 4 s later: it is genuine, and worth nothing.
    assert_eq!(stage.receive(&sent, &honest, at(4_500)), Ok(Progress::Complete));
    assert_eq!(stage.verdict(at(4_500)), SILENT);
}

#[test]
fn what_is_taken_back_between_question_and_answer_is_known_in_time_whatever_is_done_to_the_answers() {
    let mut stage = Stage::set();
    let sent = stage.send(at(100));
    // Taken back at 101, behind the back of an answer that is under way.
    let honest = stage.answer(&sent, &body(false), time(100));
    assert_eq!(stage.receive(&sent, &honest, at(150)), Ok(Progress::Complete));
    assert_eq!(stage.verdict(at(1_099)), Ok(()), "the guard has not told, and it is not yet a second");
    assert_eq!(stage.verdict(at(1_100)), SILENT);
    let sent = stage.send(at(1_150));
    let honest = stage.answer(&sent, &body(true), time(1_151));
    assert_eq!(stage.receive(&sent, &honest, at(1_152)), Ok(Progress::Complete));
    assert_eq!(stage.verdict(at(1_152)), REVOKED);
    assert_eq!(stage.verdict(at(100_000)), REVOKED, "however silent it is afterwards");
}

#[test]
fn an_answer_that_is_older_than_its_question_by_more_than_the_window_is_no_answer() {
    let mut stage = Stage::set();
    let sent = stage.send(at(10_000));
    let stale = stage.answer(&sent, &body(false), time(4_999));
    assert_eq!(stage.receive(&sent, &stale, at(10_001)), Err(Interference::Stale));
}

/// A verifier that follows this guard.
fn following(guard: &FakeGuard) -> Verifier {
    let authority = guard.address.to_string();
    let conversation = Conversation::new(Signer::new(7).credentials(&authority), 0);
    let client = Client::new(Server::parse(&guard.url("")).unwrap(), conversation).unwrap();
    Verifier::start(client, Settings::new(ISSUER))
}

/// Once the guard has been asked so many times more.
async fn some_polls(guard: &FakeGuard) {
    let enough = guard.requests().len() + 4;
    while guard.requests().len() < enough {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn whoever_follows_the_news_is_woken_when_something_was_taken_back_and_only_then() {
    let revoked = Arc::new(AtomicBool::new(false));
    let (says, signer) = (Arc::clone(&revoked), Signer::new(7));
    let guard = FakeGuard::start(move |heard, _| match heard.target.as_str() {
        "/.well-known/jwks.json" => Reply::json(&TokenKeys::new([token_key().public()]).to_jwks()).octets(),
        target => {
            let body = match (says.load(Ordering::SeqCst), target.ends_with("after=0")) {
                (false, _) => body(false),
                (true, true) => body(true),
                (true, false) => body(true).replace(&entry(), ""),
            };
            signer.judge(heard, Reply::json(&body), now()).octets()
        }
    });
    let verifier = following(&guard);
    verifier.is_ready().await.unwrap();
    assert!(verifier.last_error().is_none());
    let mut news = verifier.news();
    some_polls(&guard).await;
    assert!(!news.has_changed().unwrap(), "polls that said nothing");
    revoked.store(true, Ordering::SeqCst);
    news.changed().await.unwrap();
    assert_eq!(*news.borrow_and_update(), 1);
    some_polls(&guard).await;
    assert!(!news.has_changed().unwrap());
}

#[tokio::test]
async fn a_verifier_with_the_key_of_a_person_or_a_revoked_one_is_told_instead_of_being_made_to_wait() {
    for (problem, is_wrong) in [(&Problem::FORBIDDEN, true), (&Problem::UNAUTHORIZED, false)] {
        let signer = Signer::new(7);
        let guard = FakeGuard::start(move |heard, _| signer.judge(heard, Reply::problem(problem), now()).octets());
        let verifier = following(&guard);
        let trouble = verifier.is_ready().await.unwrap_err();
        assert_eq!(matches!(trouble, Trouble::WrongKey(_)), is_wrong, "{trouble:?}");
        assert_eq!(trouble.to_string().contains("--role service"), is_wrong, "{trouble}");
        assert_eq!(verifier.last_error().unwrap().to_string(), trouble.to_string());
    }
}

/// Somebody on the way has sent the first poll twice, or the guard's clock has moved: the next poll is another.
#[tokio::test]
async fn a_refusal_of_one_poll_is_not_one_of_the_key() {
    for problem in [&Problem::REPLAYED, &Problem::CLOCK_SKEW, &Problem::THROTTLED, &Problem::UNAVAILABLE] {
        let signer = Signer::new(7);
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let guard = FakeGuard::start(move |heard, _| match heard.target.as_str() {
            "/.well-known/jwks.json" => Reply::json(&TokenKeys::new([token_key().public()]).to_jwks()).octets(),
            _ if counted.fetch_add(1, Ordering::SeqCst) == 0 => {
                signer.judge(heard, Reply::problem(problem), now()).octets()
            }
            _ => signer.judge(heard, Reply::json(&body(false)), now()).octets(),
        });
        let verifier = following(&guard);
        while polls.load(Ordering::SeqCst) < 2 {
            assert!(verifier.last_error().is_none_or(|trouble| !trouble.is_final()), "{}", problem.code);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_verifier_that_cannot_have_the_public_keys_says_so() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| match heard.target.as_str() {
        "/.well-known/jwks.json" => Reply::problem(&Problem::NOT_FOUND).octets(),
        _ => signer.judge(heard, Reply::json(&body(false)), now()).octets(),
    });
    let verifier = following(&guard);
    some_polls(&guard).await;
    while verifier.last_error().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(matches!(verifier.last_error(), Some(Trouble::NoKeys)), "{:?}", verifier.last_error());
}
