//! Calls over real sockets, to a guard that does as it is told.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use bytes::Bytes;
use countersign_client::{Answer, BadUrl, CallError, Client, Conversation, Interference, Network, Server};
use countersign_core::problem::Problem;
use countersign_core::signature::Disposition;
use countersign_core::time::Timestamp;
use http::{HeaderMap, HeaderValue, Method};

use fake_guard::{FakeGuard, Heard, Reply, Signer, now};

fn client_as(guard: &FakeGuard, authority: &str) -> Client {
    let server = Server::parse(&guard.url("")).unwrap();
    Client::new(server, Conversation::new(Signer::new(7).credentials(authority), 0)).unwrap()
}

fn client(guard: &FakeGuard) -> Client {
    client_as(guard, &guard.address.to_string())
}

async fn get(client: &Client, target: &str) -> Result<Answer, CallError> {
    client.call(&Method::GET, target, HeaderMap::new(), Bytes::new()).await
}

/// A guard whose clock is `ahead` of ours, with an API behind it that always says the same.
fn honest(ahead_ms: i64, reply: Reply) -> FakeGuard {
    let signer = Signer::new(7);
    FakeGuard::start(move |heard, _| {
        let now = Timestamp::from_millis(now().as_millis().saturating_add_signed(ahead_ms));
        signer.judge(heard, reply.clone(), now).octets()
    })
}

/// A guard that tampers with its own answers.
fn lying(tamper: impl Fn(Reply, &Heard) -> Vec<u8> + Send + 'static) -> FakeGuard {
    let signer = Signer::new(7);
    FakeGuard::start(move |heard, _| tamper(signer.judge(heard, Reply::json("{}"), now()), heard))
}

fn interference(called: &Result<Answer, CallError>) -> Interference {
    match called {
        Err(CallError::Interference(class)) => *class,
        other => panic!("no interference: {other:?}"),
    }
}

#[tokio::test]
async fn a_call_is_sent_as_it_was_written_and_every_header_of_it_is_vouched_for() {
    let guard = honest(0, Reply::json(r#"{"state":"done"}"#));
    let headers = HeaderMap::from_iter([
        (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (http::header::COOKIE, HeaderValue::from_static("a=b")),
    ]);
    let body = Bytes::from_static(br#"{"amount":25}"#);
    let answer = client(&guard).call(&Method::POST, "/v1/x%20y?b=%61&c", headers, body.clone()).await.unwrap();
    assert_eq!((answer.verified.status.as_u16(), &*answer.verified.body), (200, br#"{"state":"done"}"#.as_slice()));
    assert!(!answer.retried);

    let [heard] = &guard.requests()[..] else { panic!("one request") };
    assert_eq!((heard.method.as_str(), heard.target.as_str()), ("POST", "/v1/x%20y?b=%61&c"));
    assert_eq!(heard.body, body);
    assert!(Signer::new(7).admits(heard, now()));
    let read = heard.read();
    for (name, _) in heard.fields.iter().filter(|field| !field.0.starts_with("signature")) {
        assert_ne!(read.disposition(name), Disposition::Uncovered, "{name}");
    }
    let mut names: Vec<_> = heard.fields.iter().map(|field| field.0.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "content-digest",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "idempotency-key",
        "signature",
        "signature-input",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_body_of_no_octets_is_sent_as_one_where_the_method_expects_a_body() {
    let guard = honest(0, Reply::json("{}"));
    let client = client(&guard);
    for (method, length) in
        [(Method::POST, 1), (Method::PUT, 1), (Method::PATCH, 1), (Method::GET, 0), (Method::DELETE, 0)]
    {
        client.call(&method, "/", HeaderMap::new(), Bytes::new()).await.unwrap();
        let heard = guard.requests().pop().unwrap();
        let lengths: Vec<_> = heard.fields.iter().filter(|field| field.0 == "content-length").collect();
        assert_eq!(lengths.len(), length, "{method}: {lengths:?}");
        assert!(lengths.iter().all(|field| field.1 == b"0"), "{method}: {lengths:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = honest(0, Reply::json("{}"));
    let guard = honest(0, Reply::new(302, "text/plain", b"").with("location", &elsewhere.url("/")));
    let answer = get(&client(&guard), "/").await.unwrap();
    assert_eq!(answer.verified.status.as_u16(), 302);
    assert_eq!(answer.verified.headers["location"], elsewhere.url("/"));
    assert_eq!((guard.requests().len(), elsewhere.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once_and_the_call_repeated_under_a_new_nonce() {
    let guard = honest(-3_600_000, Reply::json("{}"));
    let client = client(&guard);
    let answer = get(&client, "/").await.unwrap();
    assert_eq!((answer.verified.status.as_u16(), answer.retried), (200, true));
    assert!(answer.clock_change.unwrap().is_jump());
    assert!((-3_602_000..-3_598_000).contains(&client.conversation().offset_ms()));
    let [first, second] = &guard.requests()[..] else { panic!("two requests") };
    assert_ne!(first.nonce(), second.nonce());
    let third = get(&client, "/").await.unwrap();
    assert_eq!((third.retried, third.clock_change), (false, None), "what was learnt is kept");
}

#[tokio::test]
async fn a_server_that_is_never_content_is_not_asked_a_third_time() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, count| {
        let hours = 3_600_000 * (count as u64 + 1);
        let now = Timestamp::from_millis(now().as_millis() + hours);
        signer.sign(heard, Reply::problem(&Problem::CLOCK_SKEW), now).octets()
    });
    let answer = get(&client(&guard), "/").await.unwrap();
    assert_eq!(answer.verified.problem, Some(&Problem::CLOCK_SKEW));
    assert_eq!(guard.requests().len(), 2);
}

#[tokio::test]
async fn a_clock_skew_that_the_servers_own_time_denies_is_not_retried() {
    let signer = Signer::new(7);
    let guard =
        FakeGuard::start(move |heard, _| signer.sign(heard, Reply::problem(&Problem::CLOCK_SKEW), now()).octets());
    let answer = get(&client(&guard), "/").await.unwrap();
    assert_eq!((answer.verified.problem, answer.retried), (Some(&Problem::CLOCK_SKEW), false));
    assert_eq!(guard.requests().len(), 1);
}

#[tokio::test]
async fn a_man_in_the_middle_can_only_cut_the_line() {
    for (class, guard) in [
        (Interference::MissingSignature, lying(|reply, _| reply.without(&["signature", "signature-input"]).octets())),
        (Interference::BadMac, lying(|reply, _| Reply { status: 201, ..reply }.octets())),
        (Interference::Digest, lying(|reply, _| Reply { body: b"[]".to_vec(), ..reply }.octets())),
        (
            Interference::Truncated,
            lying(|reply, _| {
                let octets = reply.octets();
                octets[..octets.len() - 1].to_vec()
            }),
        ),
        (Interference::BadMac, lying(|_, heard| Signer::new(8).judge(heard, Reply::json("{}"), now()).octets())),
        (
            Interference::Replayed,
            lying(|_, heard| Signer::new(7).sign(heard, Reply::problem(&Problem::REPLAYED), now()).octets()),
        ),
    ] {
        assert_eq!(interference(&get(&client(&guard), "/").await), class);
        assert_eq!(guard.requests().len(), 1, "{class:?}: nothing is tried again");
    }
}

#[tokio::test]
async fn an_answer_without_a_length_that_is_cut_off_is_truncated_too() {
    let guard = lying(|reply, _| {
        let text = String::from_utf8(reply.octets()).unwrap();
        text.replace("content-length: 2\r\n", "transfer-encoding: chunked\r\n")
            .replace("\r\n{}", "\r\n2\r\n{}\r\n")
            .into()
    });
    assert_eq!(interference(&get(&client(&guard), "/").await), Interference::Truncated);
}

#[tokio::test]
async fn an_answer_that_belongs_to_another_call_is_interference() {
    let signer = Signer::new(7);
    let kept = std::sync::Mutex::new(Vec::new());
    let guard = FakeGuard::start(move |heard, _| {
        let mut kept = kept.lock().unwrap();
        kept.push(signer.judge(heard, Reply::json("{}"), now()).octets());
        kept[0].clone()
    });
    let client = client(&guard);
    get(&client, "/").await.unwrap();
    assert_eq!(interference(&get(&client, "/").await), Interference::WrongRequest);
}

#[tokio::test]
async fn an_unsigned_error_is_unverified_and_its_body_withheld() {
    let guard = lying(|_, _| Reply::new(503, "text/html", b"<script>").octets());
    match get(&client(&guard), "/").await {
        Err(error @ CallError::Unverified(_)) => assert!(!format!("{error} {error:?}").contains("<script>")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_line_that_is_cut_says_whether_anything_was_sent() {
    let guard = lying(|_, _| Vec::new());
    let client = client(&guard);
    let error = get(&client, "/secret?token=x").await.unwrap_err();
    assert!(matches!(&error, CallError::Network(network @ Network::NoAnswer(_)) if network.outcome_is_unknown()));
    assert!(!format!("{error:?}").contains("token"), "no URL stands in an error");
    assert_eq!(guard.requests().len(), 1, "nothing is sent twice");

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::parse(&format!("http://{closed}")).unwrap();
    let conversation = Conversation::new(Signer::new(7).credentials(&closed.to_string()), 0);
    let error = get(&Client::new(server, conversation).unwrap(), "/").await.unwrap_err();
    assert!(matches!(error, CallError::Network(network @ Network::NoConnection(_)) if !network.outcome_is_unknown()));
}

#[tokio::test]
async fn a_server_that_is_reached_by_another_address_is_called_by_its_name() {
    let guard = honest(0, Reply::json("{}"));
    let client = client_as(&guard, "api.example.com");
    get(&client, "/a").await.unwrap();
    get(&client, &guard.url("/b")).await.unwrap();
    for heard in guard.requests() {
        assert_eq!(heard.field("host"), Some("api.example.com"));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_as_written_is_not_sent() {
    let guard = honest(0, Reply::json("{}"));
    let client = client(&guard);
    for target in ["/a/../b", "/a b", "/a#b", "http://127.0.0.1:1/x"] {
        assert!(matches!(get(&client, target).await, Err(CallError::BadUrl(_))), "{target}");
    }
    for target in ["/a//b", "/a;b", "/%61"] {
        assert!(matches!(get(&client, target).await, Err(CallError::CannotSign(_))), "{target}");
    }
    assert!(matches!(
        get(&client, &guard.url("/").replace("://", "://u:p@")).await,
        Err(CallError::BadUrl(BadUrl::UserInfo))
    ));
    assert!(guard.requests().is_empty());
}

#[tokio::test]
async fn calls_at_once_are_told_apart() {
    let guard = honest(0, Reply::json("{}"));
    let client = client(&guard);
    let calls: Vec<_> = (0..16)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { get(&client, &format!("/{number}")).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().verified.status.as_u16(), 200);
    }
    assert_eq!(guard.requests().len(), 16);
}
