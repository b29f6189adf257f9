//! A route that lets anyone in lets them into that route, and no further.

use std::time::Duration;

use crate::support::guard::Running;
use crate::support::upstream::{Act, Api};
use crate::support::wire::{Answer, Wire, ask};

const CONFIGURATION: &str = "authorities = [\"a\"]\nmax_body = \"10 B\"\n[[route]]\npath = \"/open\"\naccept = \"danger-anyone\"\n\
    [[route]]\npath = \"=/open/closed\"\n[[route]]\npath = \"/open/raw\"\nraw_path = true\n";

async fn stage(toml: &str) -> (Api, Running) {
    let api = Api::content().await;
    let guard = Running::before(api.address, toml).await;
    (api, guard)
}

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

async fn asked(guard: &Running, target: &str) -> Answer {
    ask(guard.address, &get(target)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_route_is_open_for_its_own_paths_alone() {
    let (api, guard) = stage(CONFIGURATION).await;
    for target in ["/open", "/open/", "/open/a/b?c=/../d", "/open/closed/below", "/open/closed%20"] {
        let answer = asked(&guard, target).await;
        // The last of these is no canonical path.
        assert_eq!(answer.status, if target.ends_with("%20") { 400 } else { 200 }, "{target}");
        assert_eq!(answer.field("signature"), None);
    }
    assert!(api.take().iter().all(|heard| heard.lines("remote-user").is_empty()));
    for target in [
        "/",
        "/opened",
        "/Open",
        "/open/closed",
        "/open/raw",
        "/open/raw/x",
        "/v1?/open",
        "/api/auth/whoami",
        "/api/auth/whoami?/open",
        "/api/auth/open",
    ] {
        let answer = asked(&guard, target).await;
        assert_eq!(answer.code(), "unauthorized", "{target}");
        assert!(answer.field("accept-signature").is_some(), "{target}");
    }
    assert!(api.heard().is_empty(), "{:?}", api.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_leads_out_of_an_open_route() {
    let (api, guard) = stage(CONFIGURATION).await;
    for target in [
        "/open/../v1",
        "/open/..",
        "/open/./closed",
        "/open//closed",
        "/open/%2e%2e/v1",
        "/open/%2E%2E/v1",
        "/open/.%2e/v1",
        "/open/..%2fv1",
        "/open/..%2Fv1",
        "/open/..%5cv1",
        "/open/..\\v1",
        "/open/..;/v1",
        "/open/a;/../../v1",
        "/open/%2f..%2fv1",
        "/open/%252e%252e/v1",
        "/open/close%64",
        "/open/closed;x",
        "/open/closed/.",
        "/open/closed.",
        "/open/%C0%AE%C0%AE/v1",
        "/open%00/v1",
        "/v1/../open",
        "//open",
        "//a/open",
    ] {
        let answer = asked(&guard, target).await;
        // Twice encoded is once encoded to whoever decodes once: no way out, and so let through.
        let expected = if target.contains("%25") { 200 } else { 400 };
        assert!(answer.status == expected || answer.code() == "unauthorized", "{target}: {answer}");
    }
    assert!(api.heard().iter().all(|heard| heard.line().contains("%252e")), "{:?}", api.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_ours_can_be_opened_whatever_the_operator_writes() {
    let (api, guard) = stage("authorities = [\"a\"]\n[[route]]\npath = \"/\"\naccept = \"danger-anyone\"").await;
    for target in ["/api/auth/whoami", "/api/auth/x", "/auth/verify", "/oauth/token", "/.well-known/jwks.json/x"] {
        assert_eq!(asked(&guard, target).await.code(), "unauthorized", "{target}");
    }
    assert!(api.heard().is_empty());
    assert_eq!(asked(&guard, "/anything").await.status, 200);
    for toml in ["/api/auth/whoami", "/api/auth", "/auth/x", "/oauth"] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("guard.toml");
        std::fs::write(&file, format!("[[route]]\npath = \"{toml}\"\naccept = \"danger-anyone\"")).unwrap();
        let sources = countersign_server::config::Sources { file: Some(file), ..Default::default() };
        assert!(countersign_server::config::load(sources).is_err(), "{toml}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_open_route_nobody_is_anybody_and_a_bad_signature_is_still_bad() {
    let (api, guard) = stage(CONFIGURATION).await;
    let claims = "Remote-User: evil\r\nRemote_User: evil\r\nX-Forwarded-For: evil\r\nX-HTTP-Method-Override: evil\r\n\
        Countersign-Identity: evil\r\nVia: evil\r\n";
    let request = format!("GET /open HTTP/1.1\r\nHost: a\r\n{claims}X-Other: kept\r\n\r\n");
    assert_eq!(ask(guard.address, request.as_bytes()).await.status, 200);
    assert_eq!(api.only().names(), ["host", "x-other"]);
    api.take();
    let key = guard.service("alice").await;
    let good = guard.draft("GET", "/open", &key).without_body().sign(&key);
    let bad = good.replaced("GET /open ", "GET /open/other ");
    assert_eq!(ask(guard.address, &bad.octets()).await.code(), "unauthorized");
    assert!(api.heard().is_empty());
    assert_eq!(guard.ask(&good, &key).await.status, 200);
    assert_eq!(api.only().lines("remote-user"), ["alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_signs_may_go_on_for_longer_than_one_that_is_held_back() {
    let api = Api::start(|_| {
        let begin = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234".to_vec();
        vec![Act::Say(begin), Act::Wait(Duration::from_millis(1_500)), Act::Say(b"56789".to_vec())]
    });
    let api = api.await;
    let guard = Running::before(api.address, &format!("upstream_timeout_seconds = 1\n{CONFIGURATION}")).await;
    let key = guard.service("alice").await;
    assert_eq!(guard.get("/open", &key).await.code(), "gateway-timeout");
    assert_eq!(asked(&guard, "/open").await.body, b"0123456789");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_on_an_open_route_has_the_same_limits() {
    let (api, guard) = stage(CONFIGURATION).await;
    let post =
        |framing: &str, body: &str| format!("POST /open HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}").into_bytes();
    let good =
        [post("Content-Length: 10", "0123456789"), post("Transfer-Encoding: chunked", "a\r\n0123456789\r\n0\r\n\r\n")];
    for octets in good {
        assert_eq!(ask(guard.address, &octets).await.status, 200);
        assert_eq!(api.take().len(), 1);
    }
    let long = [
        post("Content-Length: 11", "01234567890"),
        post("Transfer-Encoding: chunked", "b\r\n01234567890\r\n0\r\n\r\n"),
    ];
    for octets in long {
        assert_eq!(ask(guard.address, &octets).await.code(), "too-large");
    }
    if crate::TRANSPORT.has_octets() {
        let broken = post("Transfer-Encoding: chunked", "zz\r\n0123456789\r\n0\r\n\r\n");
        assert_eq!(ask(guard.address, &broken).await.code(), "malformed-request");
    }
    assert!(api.heard().is_empty(), "{:?}", api.heard());
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&get("/open")).await;
    assert_eq!(wire.answer().await.unwrap().body, b"done");
}
