//! Sessions over real sockets, with a guard that does as it is told: what is signed, believed, renewed, and what is not.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign_client::session::Means;
use countersign_client::{
    BearerSession, CallError, Client, Conversation, Interference, LoginKey, PasswordLogin, Server, Session, SessionApi,
    SessionError, SignAndVerify, SignedSession, WantedProof, login_by_password,
};
use countersign_core::id::SessionRef;
use countersign_core::problem::Problem;
use countersign_core::time::Timestamp;
use http::{HeaderMap, Method};
use zeroize::Zeroizing;

use fake_guard::{FakeGuard, Heard, Reply, Signer, now};

const FIRST: SessionRef = SessionRef([1; 16]);
const SECOND: SessionRef = SessionRef([2; 16]);

fn grant(session: SessionRef, proof: &str, number: u32) -> Reply {
    Reply::json(&format!(
        r#"{{"access_token":"access-{number}","token_type":"Bearer","expires_in":900,"refresh_token":"csr_{number}","session":{}}}"#,
        row(session, proof)
    ))
}

fn row(session: SessionRef, proof: &str) -> String {
    format!(
        r#"{{"ref":"{session}","user_id":"u","username":"alice","device":"","ip_address":"127.0.0.1","user_agent":null,"proof":"{proof}","opened_by":"password","created_ms":1,"last_used_ms":1,"auth_time_ms":1,"expires_ms":9999999999999,"state":"open","ended_ms":null,"why":null,"current":true}}"#
    )
}

/// Who has signed this request, as it says itself.
fn keyid(heard: &Heard) -> Option<String> {
    heard.field("signature-input").map(|_| heard.read().keyid().to_owned())
}

/// A guard that opens the second session to whoever logs in, and says this to whoever asks in the first, and that in the
/// second.
fn guard(first: Reply, second: Reply) -> FakeGuard {
    let key = Signer::new(7);
    FakeGuard::start(move |heard, _| {
        let (signer, reply) = match keyid(heard).as_deref() {
            Some(name) if name == FIRST.keyid() => (key.in_session(FIRST), first.clone()),
            Some(name) if name == SECOND.keyid() => (key.in_session(SECOND), second.clone()),
            _ => (key.clone(), grant(SECOND, "key", 2)),
        };
        signer.judge(heard, reply, now()).octets()
    })
}

fn server(guard: &FakeGuard) -> Server {
    Server::parse(&guard.url("")).unwrap()
}

fn key(guard: &FakeGuard) -> LoginKey {
    let signer = Signer::new(7);
    let conversation = Conversation::new(signer.credentials(&guard.address.to_string()), 0);
    LoginKey::new(Client::new(server(guard), conversation).unwrap(), signer.root, "laptop")
}

/// The first session, kept from an earlier login.
async fn kept(guard: &FakeGuard) -> Session {
    let mut session = key(guard).login().await.unwrap();
    session.reference = FIRST;
    session.means = Means::Key(Signer::new(7).root.session_root(FIRST));
    session
}

async fn signed(guard: &FakeGuard, kept: Session) -> SignedSession {
    SignedSession::builder().reopened_by(key(guard)).build(server(guard), kept, 0).unwrap()
}

async fn get(session: &SignedSession) -> Result<u16, CallError> {
    let answer = session.call(&Method::GET, "/v1", HeaderMap::new(), Bytes::new()).await?;
    Ok(answer.verified.status.as_u16())
}

fn who_asked(guard: &FakeGuard) -> Vec<String> {
    guard.requests().iter().map(|heard| keyid(heard).unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_key_opens_a_session_and_the_session_signs_with_keys_of_its_own() {
    let guard = guard(Reply::json("{}"), Reply::json("{}"));
    let session = key(&guard).login().await.unwrap();
    let session = SignedSession::builder().build(server(&guard), session, 0).unwrap();
    assert_eq!(get(&session).await.unwrap(), 200);
    assert_eq!(who_asked(&guard), ["k7f3a9c2d4e5b6a1c".to_owned(), SECOND.keyid()]);
    assert_eq!(guard.requests()[0].body, br#"{"device":"laptop"}"#);
    assert!(guard.requests()[0].field("idempotency-key").is_none(), "no guard keeps what a login was answered");
}

#[tokio::test]
async fn an_answer_that_is_signed_by_the_key_and_not_by_the_session_is_interference() {
    let honest = Signer::new(7);
    let guard = FakeGuard::start(move |heard, count| {
        let reply = if count == 0 { grant(FIRST, "key", 1) } else { Reply::json("{}") };
        honest.sign(heard, reply, now()).octets()
    });
    let session = key(&guard).login().await.unwrap();
    let session = signed(&guard, session).await;
    let error = get(&session).await.unwrap_err();
    assert!(matches!(error, CallError::Interference(Interference::BadMac)), "{error:?}");
}

#[tokio::test]
async fn a_session_that_has_expired_is_opened_anew_and_kept_before_the_request_goes_out_again() {
    let guard = guard(Reply::problem(&Problem::TOKEN_INVALID), Reply::json("{}"));
    let first = kept(&guard).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let (tell, requests) = (Arc::clone(&told), guard.heard.clone());
    let session = SignedSession::builder()
        .reopened_by(key(&guard))
        .kept_by(move |session| {
            tell.lock().unwrap().push((session.reference, requests.lock().unwrap().len()));
        })
        .build(server(&guard), first, 0)
        .unwrap();
    assert_eq!(get(&session).await.unwrap(), 200);
    let by_key = "k7f3a9c2d4e5b6a1c".to_owned();
    assert_eq!(who_asked(&guard)[1..], [FIRST.keyid(), by_key, SECOND.keyid()]);
    assert_eq!(*told.lock().unwrap(), [(SECOND, 3)]);
    assert_eq!(get(&session).await.unwrap(), 200);
    assert_eq!(guard.requests().len(), 5, "and it goes on in that");
}

#[tokio::test]
async fn a_session_that_is_over_by_its_own_time_is_asked_about_and_opened_anew_only_where_it_was_not_revoked() {
    for (problem, status, then) in [
        (&Problem::TOKEN_REVOKED, 401, vec![FIRST.keyid()]),
        (&Problem::TOKEN_INVALID, 200, vec![FIRST.keyid(), "k7f3a9c2d4e5b6a1c".to_owned(), SECOND.keyid()]),
    ] {
        let guard = guard(Reply::problem(problem), Reply::json("{}"));
        let mut first = kept(&guard).await;
        first.expires = now();
        assert_eq!(get(&signed(&guard, first).await).await.unwrap(), status);
        assert_eq!(who_asked(&guard)[1..], then, "{}", problem.code);
    }
}

#[tokio::test]
async fn a_session_that_was_revoked_stays_so_although_the_key_is_at_hand() {
    let guard = guard(Reply::problem(&Problem::TOKEN_REVOKED), Reply::json("{}"));
    let session = signed(&guard, kept(&guard).await).await;
    assert_eq!(get(&session).await.unwrap(), 401);
    let refused = session.whoami().await.unwrap_err();
    assert!(matches!(&refused, SessionError::Refused(refusal) if refusal.is_revoked() && refusal.proven), "{refused}");
    assert!(refused.to_string().contains("Token has been revoked"), "{refused}");
    assert_eq!(who_asked(&guard)[1..], [FIRST.keyid(), FIRST.keyid()]);
}

#[tokio::test]
async fn what_a_man_in_the_middle_says_of_a_session_opens_no_other() {
    let key_signs = Signer::new(7);
    let guard = FakeGuard::start(move |heard, count| match count {
        0 => key_signs.judge(heard, grant(SECOND, "key", 2), now()).octets(),
        _ => Reply::problem(&Problem::TOKEN_INVALID).octets(),
    });
    let session = signed(&guard, kept(&guard).await).await;
    let error = get(&session).await.unwrap_err();
    assert!(matches!(error, CallError::Interference(Interference::MissingSignature)), "{error:?}");
    assert_eq!(guard.requests().len(), 2);
}

#[tokio::test]
async fn a_program_under_the_middleware_goes_on_in_another_session() {
    let guard = guard(Reply::problem(&Problem::TOKEN_INVALID), Reply::json("{}"));
    let session = signed(&guard, kept(&guard).await).await;
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().tls_certs_only([]);
    let program = reqwest_middleware::ClientBuilder::new(plain.build().unwrap());
    let program = program.with(SignAndVerify::in_session(session)).build();
    assert_eq!(program.post(guard.url("/v1")).body("x").send().await.unwrap().status(), 200);
    let requests = guard.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[1].field("idempotency-key"), requests[3].field("idempotency-key"));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_corrected_for_sessions_too() {
    let signer = Signer::new(7);
    let ahead = || Timestamp::from_millis(now().as_millis() + 3_600_000);
    let guard = FakeGuard::start(move |heard, _| match keyid(heard).as_deref() {
        Some("k7f3a9c2d4e5b6a1c") => signer.judge(heard, grant(FIRST, "key", 1), ahead()).octets(),
        _ => signer.in_session(FIRST).judge(heard, Reply::json("{}"), ahead()).octets(),
    });
    let session = key(&guard).login().await.unwrap();
    let session = signed(&guard, session).await;
    assert_eq!(get(&session).await.unwrap(), 200);
    assert_eq!(guard.requests().len(), 4, "each conversation learns the time once");
    assert_eq!(get(&session).await.unwrap(), 200);
    assert_eq!(guard.requests().len(), 5);
}

fn login(proof: WantedProof) -> PasswordLogin {
    PasswordLogin {
        username: "alice".to_owned(),
        password: Zeroizing::new("correct horse".to_owned()),
        device: "phone".to_owned(),
        proof,
        user_agent: None,
        danger_plain_text: false,
    }
}

async fn log_in(guard: &FakeGuard, proof: WantedProof) -> Result<Session, SessionError> {
    login_by_password(&server(guard), &guard.address.to_string().parse().unwrap(), &login(proof)).await
}

#[tokio::test]
async fn no_password_and_no_token_goes_in_plain_text_over_a_network() {
    let authority = "api.example.com".parse().unwrap();
    let away = Server::parse("http://192.0.2.1:1").unwrap();
    let refused = login_by_password(&away, &authority, &login(WantedProof::Key)).await.unwrap_err();
    assert!(matches!(refused, SessionError::PlainText), "{refused}");
    let guard = FakeGuard::start(|_, _| grant(FIRST, "bearer", 1).octets());
    let session = log_in(&guard, WantedProof::Bearer).await.unwrap();
    assert!(matches!(BearerSession::new(&away, session, false), Err(SessionError::PlainText)));
}

#[tokio::test]
async fn whoever_asked_for_a_key_takes_no_session_without_one() {
    let guard = FakeGuard::start(|_, _| grant(FIRST, "bearer", 1).octets());
    let refused = log_in(&guard, WantedProof::Key).await.unwrap_err();
    assert!(matches!(refused, SessionError::NotUnderstood), "{refused}");
    let heard = &guard.requests()[0];
    assert!(heard.body.starts_with(b"{") && keyid(heard).is_none());
    assert!(String::from_utf8_lossy(&heard.body).contains(r#""proof":"key""#));
}

#[tokio::test]
async fn a_password_that_is_not_right_is_told_as_a_refusal_that_nobody_has_proven() {
    let guard = FakeGuard::start(|_, _| Reply::problem(&Problem::THROTTLED).with("retry-after", "7").octets());
    let Err(SessionError::Refused(refusal)) = log_in(&guard, WantedProof::Bearer).await else { panic!("refused") };
    assert_eq!((refusal.proven, refusal.retry_after), (false, Some(7)));
}

/// A bearer session at a guard that answers so: the number of the request, and the token that it shows.
async fn bearer(answer: impl Fn(usize, &Heard) -> Reply + Send + 'static) -> (FakeGuard, BearerSession) {
    let guard = FakeGuard::start(move |heard, count| match count {
        0 => grant(FIRST, "bearer", 0).octets(),
        _ => answer(count, heard).octets(),
    });
    let session = log_in(&guard, WantedProof::Bearer).await.unwrap();
    let session = BearerSession::new(&server(&guard), session, false).unwrap();
    (guard, session)
}

fn shown(guard: &FakeGuard) -> Vec<String> {
    let shown = |heard: &Heard| match heard.field("authorization") {
        Some(token) => token.to_owned(),
        None => String::from_utf8(heard.body.clone()).unwrap(),
    };
    guard.requests()[1..].iter().map(shown).collect()
}

async fn get_by_token(session: &BearerSession) -> Result<u16, SessionError> {
    let answer = session.call(&Method::GET, "/v1", HeaderMap::new(), Bytes::new()).await?;
    Ok(answer.status.as_u16())
}

#[tokio::test]
async fn a_token_that_has_expired_is_replaced_and_the_request_sent_once_more() {
    let (guard, session) = bearer(|count, _| match count {
        1 => Reply::problem(&Problem::TOKEN_INVALID),
        2 => grant(FIRST, "bearer", 1),
        _ => Reply::json("{}"),
    })
    .await;
    assert_eq!(get_by_token(&session).await.unwrap(), 200);
    assert_eq!(shown(&guard), ["Bearer access-0", r#"{"refresh_token":"csr_0"}"#, "Bearer access-1"]);
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_replaced_before_it_is_used_and_one_that_is_not_is_used() {
    for (left, requests) in [(35, 1), (29, 2)] {
        let (guard, session) = bearer(|_, heard| match heard.target.as_str() {
            "/api/auth/refresh" => grant(FIRST, "bearer", 1),
            _ => Reply::json("{}"),
        })
        .await;
        let mut nearly = session.session();
        nearly.tokens.good_until = Timestamp::from_millis(now().as_millis() + left * 1_000);
        let session = BearerSession::new(&server(&guard), nearly, false).unwrap();
        assert_eq!(get_by_token(&session).await.unwrap(), 200);
        assert_eq!(shown(&guard).len(), requests, "{left} s");
    }
}

#[tokio::test]
async fn a_conflict_is_waited_out_and_tried_once_more_and_no_more() {
    let (guard, session) = bearer(|count, _| match count {
        1 => Reply::problem(&Problem::CONFLICT),
        _ => grant(FIRST, "bearer", 1),
    })
    .await;
    session.refresh().await.unwrap();
    assert_eq!(shown(&guard), [r#"{"refresh_token":"csr_0"}"#; 2]);
    assert_eq!(session.session().tokens.access.as_str(), "access-1");

    let (guard, session) = bearer(|_, _| Reply::problem(&Problem::CONFLICT)).await;
    assert!(matches!(session.refresh().await, Err(SessionError::Refused(_))));
    assert_eq!(shown(&guard).len(), 2);
}

#[tokio::test]
async fn many_requests_at_once_refresh_once() {
    let (guard, session) = bearer(|_, heard| match (heard.target.as_str(), heard.field("authorization")) {
        ("/api/auth/refresh", _) => grant(FIRST, "bearer", 1),
        (_, Some("Bearer access-1")) => Reply::json("{}"),
        _ => Reply::problem(&Problem::TOKEN_INVALID),
    })
    .await;
    let calls = std::iter::repeat_with(|| get_by_token(&session)).take(8);
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(shown(&guard).iter().filter(|shown| shown.contains("csr_")).count(), 1);
}

#[tokio::test]
async fn a_revoked_bearer_session_is_left_alone() {
    let (guard, session) = bearer(|_, _| Reply::problem(&Problem::TOKEN_REVOKED)).await;
    assert_eq!(get_by_token(&session).await.unwrap(), 401);
    assert_eq!(shown(&guard), ["Bearer access-0"]);
    let refused = session.sessions().await.unwrap_err();
    assert!(matches!(refused, SessionError::Refused(refusal) if refusal.is_revoked() && !refusal.proven), "{refused}");
}

#[tokio::test]
async fn a_list_of_sessions_is_read_to_its_end() {
    let (_guard, session) = bearer(|_, heard| match heard.target.as_str() {
        "/api/auth/sessions?limit=100" => {
            Reply::json(&format!(r#"{{"sessions":[{}],"next":"{FIRST}"}}"#, row(FIRST, "key")))
        }
        _ => Reply::json(&format!(r#"{{"sessions":[{}],"next":null}}"#, row(SECOND, "bearer"))),
    })
    .await;
    let proofs: Vec<_> = session.sessions().await.unwrap().into_iter().map(|row| row.proof).collect();
    assert_eq!(proofs, ["key", "bearer"]);
}
