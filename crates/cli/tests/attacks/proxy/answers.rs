//! What the client gets of the API's answer (protocol §4.6, §5.1).

use crate::support::guard::Running;
use crate::support::signing::Key;
use crate::support::upstream::{Act, Api, answer};
use crate::support::wire::{Answer, Wire};

/// What a client gets for a request of this method when the API acts like this, verified.
async fn told(method: &str, acts: Vec<Act>) -> Answer {
    let api = Api::start(move |_| acts.clone()).await;
    let guard = Running::before(api.address, "").await;
    let key = guard.service("alice").await;
    verified(&guard, &key, method).await
}

async fn verified(guard: &Running, key: &Key, method: &str) -> Answer {
    let sent = guard.draft(method, "/v1", key).without_body().sign(key);
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&sent.octets()).await;
    let answer = wire.any_answer(method == "HEAD").await.unwrap();
    sent.assert_answered(&key.keys.s2c, &answer);
    // The connection is still good for another request: nothing was left over on it.
    let again = guard.draft("GET", "/api/auth/whoami", key).without_body().sign(key);
    wire.send(&again.octets()).await;
    let whoami = wire.answer().await.unwrap();
    again.assert_answered(&key.keys.s2c, &whoami);
    assert_eq!(whoami.status, 200);
    answer
}

fn names(answer: &Answer) -> Vec<&str> {
    let mut names: Vec<_> = answer.fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// What every signed answer with a body has.
const OURS: [&str; 8] = [
    "cache-control",
    "content-digest",
    "content-length",
    "countersign-request",
    "countersign-time",
    "date",
    "signature",
    "signature-input",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_guard_may_say_is_taken_out_of_the_apis_answer() {
    let lines = "Signature: cs=:AAAA:\r\nSignature-Input: cs=(\"@status\");tag=\"countersign-res-1\"\r\n\
        Signature: sig1=:BBBB:\r\nContent-Digest: sha-256=:AAAA:\r\nCountersign-Time: 1\r\nCountersign-Request: :AA==:\r\n\
        Countersign-Anything: evil\r\nX-Security-Level: 1\r\nX-Auth-Required: challenge-response\r\n\
        Cache-Control: public, max-age=9\r\nKeep-Alive: timeout=9\r\nConnection: X-Nominated, keep-alive\r\n\
        X-Nominated: evil\r\nProxy-Authenticate: Basic\r\nTrailer: Expires\r\nUpgrade: h2c\r\n\
        WWW-Authenticate: HMAC-Challenge challenge=\"evil\"\r\nWWW-Authenticate: Countersign realm=\"evil\"\r\n\
        WWW-Authenticate: Basic realm=\"api\"\r\nETag: \"1\"\r\n";
    let answer = told("GET", answer("401 Unauthorized", lines, b"no")).await;
    assert_eq!((answer.status, &*answer.body), (401, b"no".as_slice()));
    let mut expected = [OURS.as_slice(), &["etag", "www-authenticate"]].concat();
    expected.sort_unstable();
    assert_eq!(names(&answer), expected, "{answer}");
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(answer.field("www-authenticate"), Some("Basic realm=\"api\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_of_ours_among_others_in_one_line_is_taken_out_too() {
    for line in ["Basic realm=\"api\", HMAC-Challenge challenge=\"evil\"", "hmac-challenge challenge=\"evil\", Basic"] {
        let lines = format!("WWW-Authenticate: {line}\r\n");
        let answer = told("GET", answer("401 Unauthorized", &lines, b"")).await;
        assert!(!answer.to_string().to_ascii_lowercase().contains("hmac-challenge"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_combined_value_or_is_not_ascii_is_signed_octet_for_octet() {
    let lines =
        b"Set-Cookie: a=b, c\r\nSet-Cookie: d=e; Path=/\r\nX-Latin: caf\xe9\r\nX-Utf8: \xe6\xbc\xa2\r\nX-List: one\r\n\
        X-List: two\r\nX-Empty:\r\nETag: \"1\"\r\nETag: \"2\"\r\n";
    let octets = [b"HTTP/1.1 200 OK\r\n", lines.as_slice(), b"Content-Length: 2\r\n\r\nok"].concat();
    let answer = told("GET", vec![Act::Say(octets)]).await;
    assert_eq!(answer.lines("set-cookie"), [b"a=b, c".as_slice(), b"d=e; Path=/"]);
    assert_eq!(answer.lines("x-latin"), [b"caf\xe9"]);
    assert_eq!(answer.lines("x-utf8"), ["漢".as_bytes()]);
    assert_eq!(answer.lines("x-empty"), [b""]);
    let input = answer.field("signature-input").unwrap();
    for covered in
        ["\"set-cookie\";bs", "\"x-latin\";bs", "\"x-utf8\";bs", "\"x-list\" ", "\"etag\";bs", "\"x-empty\" "]
    {
        assert!(input.contains(covered), "{covered} in {input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_a_body_have_the_digest_of_none() {
    for (method, status, lines) in [
        ("HEAD", "200 OK", "Content-Length: 2000\r\nContent-Type: text/plain\r\n"),
        ("HEAD", "404 Not Found", "Content-Length: 7\r\n"),
        ("HEAD", "200 OK", "Transfer-Encoding: chunked\r\n"),
        ("DELETE", "204 No Content", ""),
        ("GET", "204 No Content", "ETag: \"1\"\r\n"),
        ("GET", "304 Not Modified", "ETag: \"1\"\r\n"),
        ("GET", "304 Not Modified", "ETag: \"1\"\r\nContent-Length: 2000\r\n"),
        ("GET", "205 Reset Content", "Content-Length: 0\r\n"),
    ] {
        let octets = format!("HTTP/1.1 {status}\r\n{lines}\r\n").into_bytes();
        let answer = told(method, vec![Act::Say(octets)]).await;
        assert_eq!(answer.status.to_string(), status[..3], "{method} {status}");
        assert_eq!(answer.body, b"");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_in_answer_to_head_is_signed_without_its_body() {
    let guard = Running::start("").await;
    let key = guard.service("alice").await;
    let sent = guard.draft("HEAD", "/api/auth/nothing", &key).without_body().sign(&key);
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&sent.octets()).await;
    let answer = wire.any_answer(true).await.unwrap();
    assert_eq!(answer.status, 404);
    sent.assert_answered(&key.keys.s2c, &answer);
    assert_eq!(wire.silence().await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_status_and_framing_that_an_api_may_answer_with_is_passed_on_signed() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
        3;ext=1\r\none\r\n4\r\n two\r\n0\r\nX-Sum: evil\r\n\r\n";
    let whole = told("GET", vec![Act::Say(chunked.to_vec())]).await;
    assert_eq!((whole.status, &*whole.body), (200, b"one two".as_slice()));
    assert!(!whole.to_string().contains("evil") && whole.field("content-length") == Some("7"), "{whole}");
    let until_close = vec![Act::Say(b"HTTP/1.1 200 OK\r\n\r\nto the end".to_vec()), Act::Close];
    assert_eq!(told("GET", until_close).await.body, b"to the end");
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
        HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(told("POST", vec![Act::Say(interim.to_vec())]).await.status, 201);
    for status in ["301 Moved", "418 I'm a teapot", "500 Oops", "503 Later", "599 Strange", "299 Odd"] {
        let answer = told("GET", answer(status, "Location: http://evil/\r\n", b"x")).await;
        assert_eq!((answer.status.to_string(), &*answer.body), (status[..3].to_owned(), b"x".as_slice()));
    }
}
