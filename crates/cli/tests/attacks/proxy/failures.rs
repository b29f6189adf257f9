//! An API that does not answer, or not as it should: the client is told so, in a signed answer.

use std::net::SocketAddr;

use crate::support::guard::Running;
use crate::support::upstream::{Act, Api, ok};
use crate::support::wire::Answer;

const CONFIGURATION: &str = "upstream_timeout_seconds = 1\n";

/// What a client is told, verified, when the API acts like this; the guard goes on.
async fn told(acts: Vec<Act>) -> Answer {
    let api = Api::start(move |heard| if heard.line().contains("/good") { ok(b"good") } else { acts.clone() }).await;
    let answer = told_of(api.address).await;
    assert_eq!(api.heard().iter().filter(|heard| heard.line().contains("/bad")).count(), 1, "nothing is repeated");
    answer
}

async fn told_of(api: SocketAddr) -> Answer {
    let guard = Running::before(api, CONFIGURATION).await;
    let key = guard.service("alice").await;
    let sent = guard.draft("POST", "/bad", &key).with_body(b"{}").sign(&key);
    guard.ask(&sent, &key).await
}

fn say(octets: &[u8]) -> Act {
    Act::Say(octets.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_apis_address_is_a_signed_502() {
    let gone = Api::content().await.address;
    assert_eq!(told_of(gone).await.code(), "bad-gateway");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_takes_too_long_is_a_signed_504_wherever_it_stops() {
    let cases = [
        vec![Act::Hold],
        vec![say(b"HTTP/1.1 200 OK\r\nContent-"), Act::Hold],
        vec![say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), Act::Hold],
        vec![say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin"), Act::Hold],
        vec![say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n"), Act::Hold],
        vec![say(b"HTTP/1.1 200 OK\r\n\r\nwithout an end"), Act::Hold],
    ];
    let answers = futures_util::future::join_all(cases.map(told)).await;
    for answer in answers {
        assert_eq!(answer.code(), "gateway-timeout");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_or_is_none_is_a_signed_502() {
    let cases: [&[u8]; 12] = [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbegin\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n0123456789",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ];
    for octets in cases {
        let answer = told(vec![say(octets), Act::Close]).await;
        assert_eq!(answer.code(), "bad-gateway", "{}", String::from_utf8_lossy(octets));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_signed_in_one_piece_is_a_signed_502_of_its_own() {
    const MIB: usize = 1 << 20;
    let with = |length: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        vec![Act::Say([head.as_bytes(), &vec![b'x'; length]].concat())]
    };
    assert_eq!(told(with(8 * MIB + 1)).await.code(), "answer-too-large");
    let chunk = [b"100000\r\n".as_slice(), &vec![b'x'; MIB], b"\r\n"].concat();
    let endless = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), &chunk.repeat(9)].concat();
    assert_eq!(told(vec![Act::Say(endless), Act::Hold]).await.code(), "answer-too-large");
    let answer = told(with(8 * MIB)).await;
    assert_eq!((answer.status, answer.body.len()), (200, 8 * MIB));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_more_fields_than_a_client_reads_is_a_signed_502() {
    let lines = |count: usize, length: usize| -> String {
        (0..count).map(|number| format!("X-{number:03}-{}: y\r\n", "x".repeat(length))).collect()
    };
    for (count, length, passes) in
        [(60, 5, true), (85, 5, true), (95, 5, false), (80, 100, false), (200, 5, false), (5, 5_000, false)]
    {
        let head = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 2\r\n\r\nok", lines(count, length));
        let answer = told(vec![say(head.as_bytes())]).await;
        assert!(answer.field("signature-input").unwrap().len() <= 8_192, "no client reads more");
        if passes {
            assert_eq!(answer.body, b"ok");
        } else {
            assert_eq!(answer.code(), "bad-gateway", "{count} of {length}");
        }
    }
}
