//! HTTP/2, frame by frame.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, Outcome, PING, PROTOCOL_ERROR,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, fields, frame, get, head, request,
};
use super::wire::Wire;
use crate::http::listener::BodyViolation;

/// The outcome of one request of these fields on a connection of its own, and how many the service has seen.
async fn asked(list: &[(&str, &str)]) -> (Outcome, usize) {
    let mut wire = Wire::greeted().await;
    wire.send(if list.is_empty() {
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &[])
    } else {
        head(END_STREAM, 1, list)
    })
    .await;
    (wire.outcome(1).await, wire.seen().len())
}

/// A good request, with these fields after it.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [request("GET", "/ok"), more.to_vec()].concat()
}

/// A good request without, or with another, pseudo-header field.
fn pseudo<'a>(name: &str, value: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let fields = request("GET", "/ok").into_iter();
    fields.filter_map(|(own, old)| if own == name { Some((own, value?)) } else { Some((own, old)) }).collect()
}

#[tokio::test(start_paused = true)]
async fn a_good_request_is_served_as_in_http_1_1() {
    assert_eq!(asked(&request("GET", "/ok")).await, (Outcome::Status(200), 1));
    let mut wire = Wire::greeted().await;
    wire.send(frame(HEADERS, END_HEADERS, 1, &fields(&request("POST", "/x?y")))).await;
    wire.send(frame(DATA, END_STREAM, 1, b"hello")).await;
    assert_eq!(wire.outcome(1).await, Outcome::Status(200));
    let seen = wire.seen();
    assert_eq!((seen[0].line.as_str(), seen[0].body.as_deref()), ("POST /x?y", Ok("hello")));
}

#[tokio::test(start_paused = true)]
async fn what_rfc_9113_calls_malformed_is_reset_and_reaches_nobody() {
    let malformed = [
        with(&[("X-Capital", "1")]),
        with(&[("connection", "close")]),
        with(&[("keep-alive", "timeout=5")]),
        with(&[("proxy-connection", "keep-alive")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("upgrade", "h2c")]),
        with(&[("te", "gzip")]),
        with(&[(":path", "/late")]),
        with(&[(":authority", "b")]),
        with(&[(":status", "200")]),
        with(&[(":unknown", "1")]),
        with(&[("x", "a\r\nb: c")]),
        with(&[("x", "a\0")]),
        with(&[("a b", "c")]),
        [&[(":authority", "b")], &request("GET", "/ok")[..]].concat(),
        [&[(":path", "/a")], &request("GET", "/ok")[..]].concat(),
        [&[(":protocol", "websocket")], &request("GET", "/ok")[..]].concat(),
        [&[(":status", "200")], &request("GET", "/ok")[..]].concat(),
        [&[("x", "1")], &request("GET", "/ok")[..]].concat(),
        pseudo(":method", None),
        pseudo(":scheme", None),
        pseudo(":path", None),
        pseudo(":path", Some("")),
        pseudo(":path", Some("no-slash\u{7f}")),
        pseudo(":authority", Some("a b")),
        vec![],
    ];
    for list in malformed {
        let (outcome, seen) = asked(&list).await;
        let refused = matches!(outcome, Outcome::Reset(PROTOCOL_ERROR) | Outcome::GoneAway(PROTOCOL_ERROR));
        assert!(refused && seen == 0, "{list:?}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_be_read_in_two_ways_is_refused_with_400() {
    for list in [
        with(&[("host", "b")]),
        with(&[("host", "a"), ("host", "a")]),
        [pseudo(":authority", None), vec![("host", "a")]].concat(),
        pseudo(":authority", None),
        pseudo(":authority", Some("u@a")),
        pseudo(":path", Some("/\u{fc}")),
        pseudo(":path", Some("*")),
        with(&[("x", "\u{fc}")]),
        with(&[("x", " a")]),
        with(&[("content-length", "0"), ("content-length", "0")]),
        with(&[("content-length", "00000000000000000000000000")])
            .into_iter()
            .chain([("content-length", "1")])
            .collect(),
    ] {
        let (outcome, seen) = asked(&list).await;
        assert!(matches!(outcome, Outcome::Status(400) | Outcome::Reset(PROTOCOL_ERROR)), "{list:?}: {outcome:?}");
        assert_eq!(seen, 0, "{list:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_scheme_is_asked_for_and_none_is_believed() {
    for scheme in ["https", "http", "gopher"] {
        assert_eq!(asked(&pseudo(":scheme", Some(scheme))).await, (Outcome::Status(200), 1), "{scheme}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_number_sign_is_seen_by_nobody() {
    let mut wire = Wire::greeted().await;
    wire.send(get(1, "/a#/../b")).await;
    assert_eq!(wire.outcome(1).await, Outcome::Status(200));
    assert_eq!(wire.lines(), ["GET /a"], "what is signed is what is routed");
}

#[tokio::test(start_paused = true)]
async fn no_other_method_is_taken_and_no_tunnel_opened() {
    for method in ["TRACE", "get", "PRI", "PROPFIND"] {
        assert_eq!(asked(&pseudo(":method", Some(method))).await, (Outcome::Status(405), 0), "{method}");
    }
    let connect = [(":method", "CONNECT"), (":authority", "a:443")];
    assert_eq!(asked(&connect).await, (Outcome::Status(405), 0));
    let extended = [&[(":protocol", "websocket")], &pseudo(":method", Some("CONNECT"))[..]].concat();
    assert!(matches!(asked(&extended).await, (Outcome::Reset(_) | Outcome::Status(405), 0)));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_long_is_answered_431_or_the_connection_ends() {
    let long = "x".repeat(8 * 1024);
    assert_eq!(asked(&with(&[("x", &long)])).await, (Outcome::Status(200), 1));
    assert_eq!(asked(&with(&[("a", &long), ("b", &long)])).await, (Outcome::Status(431), 0));
    let (outcome, seen) = asked(&with(&[("a", &long), ("b", &long), ("c", &long), ("d", &long)])).await;
    assert!(!matches!(outcome, Outcome::Status(200)) && seen == 0, "{outcome:?}");
    let many = vec![("x", "1"); 65];
    assert_eq!(asked(&with(&many)).await, (Outcome::Status(431), 0));
    assert_eq!(asked(&pseudo(":path", Some(&format!("/{long}x")))).await, (Outcome::Status(414), 0));
}

#[tokio::test(start_paused = true)]
async fn a_head_without_an_end_ends_the_connection() {
    let mut wire = Wire::greeted().await;
    wire.send(frame(HEADERS, END_STREAM, 1, &fields(&request("GET", "/ok")))).await;
    // CVE-2024-27316: fields that are decoded and thrown away, for ever.
    let more = frame(CONTINUATION, 0, 1, &fields(&[("x", &"y".repeat(16_000))]));
    let mut frames = 0;
    while frames < 1_000
        && timeout(Duration::from_secs(1), wire.client.write_all(&more)).await.is_ok_and(|ok| ok.is_ok())
    {
        frames += 1;
    }
    assert!(frames < 200, "it listened to {frames}");
    assert!(matches!(wire.outcome(1).await, Outcome::GoneAway(_) | Outcome::Closed));
    assert!(wire.seen().is_empty());
    let mut wire = Wire::greeted().await;
    wire.send(frame(HEADERS, END_STREAM, 1, &fields(&request("GET", "/ok")))).await;
    for _ in 0..1_000 {
        let _ = wire.client.write_all(&frame(CONTINUATION, 0, 1, &[])).await;
    }
    assert!(matches!(wire.outcome(1).await, Outcome::GoneAway(_) | Outcome::Closed));
}

#[tokio::test(start_paused = true)]
async fn streams_that_are_opened_to_be_reset_end_the_connection() {
    let mut wire = Wire::greeted().await;
    let mut opened = 0;
    for number in 0..10_000_u32 {
        let stream = 2 * number + 1;
        let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        // CVE-2023-44487. Each request is given time to begin, so that it costs what it can.
        if wire.client.write_all(&get(stream, "/wait/3600")).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
        if wire.client.write_all(&reset).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
        opened += 1;
    }
    assert!(opened < 400, "{opened} were opened");
    assert!(wire.seen().is_empty());
    wire.served.await.unwrap();
}

/// CVE-2025-8671: what our side resets is no longer counted among the open streams, while its request still costs.
#[tokio::test(start_paused = true)]
async fn streams_that_a_client_makes_us_reset_end_the_connection() {
    let overflow =
        |stream| [get(stream, "/wait/3600"), frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff])].concat();
    let declared = [request("POST", "/wait/3600"), vec![("content-length", "1")]].concat();
    let too_long = |stream| [head(0, stream, &declared), frame(DATA, END_STREAM, stream, b"more")].concat();
    let malformed = |stream| head(END_STREAM, stream, &with(&[("connection", "close")]));
    type Error<'a> = &'a dyn Fn(u32) -> Vec<u8>;
    let errors: [(&str, Error<'_>); 3] = [
        ("a window that overflows", &overflow),
        ("a body that is longer than it was said to be", &too_long),
        ("a malformed request", &malformed),
    ];
    for (what, error) in errors {
        let mut wire = Wire::greeted().await;
        let mut resets = 0;
        let outcome = loop {
            assert!(resets <= 64, "{what}: {resets} were reset");
            let stream = 2 * resets + 1;
            wire.send(error(stream)).await;
            match wire.outcome(stream).await {
                Outcome::Reset(_) => resets += 1,
                outcome => break outcome,
            }
        };
        assert_eq!((outcome, resets), (Outcome::GoneAway(ENHANCE_YOUR_CALM), 64), "{what}");
        assert!(wire.seen().is_empty(), "{what}");
        wire.served.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_may_give_up_a_request_now_and_then() {
    let mut wire = Wire::greeted().await;
    for number in 0..200_u32 {
        let stream = 4 * number + 1;
        wire.send(get(stream, "/wait/3600")).await;
        sleep(Duration::from_millis(1)).await;
        wire.send(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())).await;
        wire.send(get(stream + 2, "/ok")).await;
        assert_eq!(wire.outcome(stream + 2).await, Outcome::Status(200), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_a_hundred_streams_are_open_at_one_time() {
    let mut wire = Wire::greeted().await;
    for number in 0..101_u32 {
        wire.send(get(2 * number + 1, "/wait/10")).await;
    }
    assert!(matches!(wire.outcome(201).await, Outcome::Reset(_)));
    assert_eq!(wire.outcome(199).await, Outcome::Status(200));
    assert_eq!(wire.seen().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_settings_or_pings_whose_answers_nobody_reads_is_not_kept() {
    for flood in [frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]), frame(PING, 0, 0, &[7; 8])] {
        let mut wire = Wire::greeted().await;
        let mut sent = 0;
        while sent < 1 << 26
            && timeout(Duration::from_secs(60), wire.client.write_all(&flood)).await.is_ok_and(|ok| ok.is_ok())
        {
            sent += flood.len();
        }
        // What the pipe holds in either direction, and a little.
        assert!(sent < 4 << 20, "it took {sent} octets");
        wire.served.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_asks_for_nothing_is_gone_after_five_seconds() {
    let mut silent = Wire::on_streams();
    let (_, after) = silent.receive_all().await;
    assert!((5.0..7.1).contains(&after), "{after}");
    let mut polite = Wire::greeted().await;
    let (_, after) = polite.receive_all().await;
    assert!((5.0..7.1).contains(&after), "{after}");
    let mut half = Wire::greeted().await;
    half.send(&get(1, "/ok")[..20]).await;
    let (_, after) = half.receive_all().await;
    assert!((5.0..7.1).contains(&after) && half.seen().is_empty(), "{after}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_told_to_go_after_75_seconds_whatever_pings_it_sends() {
    let mut wire = Wire::greeted().await;
    wire.send(get(1, "/ok")).await;
    assert_eq!(wire.outcome(1).await, Outcome::Status(200));
    for _ in 0..7 {
        assert!(timeout(Duration::from_secs(10), wire.frame()).await.is_err());
        wire.send(frame(PING, 0, 0, &[7; 8])).await;
    }
    let begun = sleep(Duration::ZERO).deadline();
    let gone = wire.frame().await.unwrap();
    assert_eq!((gone.kind, gone.error()), (GOAWAY, 0));
    let after = (sleep(Duration::ZERO).deadline() - begun).as_secs_f32();
    assert!((4.9..5.2).contains(&after), "{after}");
    while wire.frame().await.is_some() {}
    wire.served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_answered_408_and_keeps_up_nobody_else() {
    let mut wire = Wire::greeted().await;
    wire.send(frame(HEADERS, END_HEADERS, 1, &fields(&request("POST", "/slow")))).await;
    wire.send(get(3, "/ok")).await;
    assert_eq!(wire.outcome(3).await, Outcome::Status(200));
    let begun = sleep(Duration::ZERO).deadline();
    let slow = async {
        loop {
            match timeout(Duration::from_secs(1), wire.outcome(1)).await {
                Ok(outcome) => return outcome,
                Err(_) => wire.send(frame(DATA, 0, 1, b"x")).await,
            }
        }
    };
    assert_eq!(slow.await, Outcome::Status(408));
    let after = (sleep(Duration::ZERO).deadline() - begun).as_secs_f32();
    assert!((4.0..31.0).contains(&after), "{after}");
    assert_eq!(wire.seen().last().unwrap().body, Err(BodyViolation::TooSlow));
    wire.send(get(5, "/ok")).await;
    assert_eq!(wire.outcome(5).await, Outcome::Status(200));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stays_away_is_answered_408() {
    for begin in [&b""[..], b"begin"] {
        let mut wire = Wire::greeted().await;
        wire.send(frame(HEADERS, END_HEADERS, 1, &fields(&request("POST", "/slow")))).await;
        wire.send(frame(DATA, 0, 1, begin)).await;
        let begun = sleep(Duration::ZERO).deadline();
        assert_eq!(wire.outcome(1).await, Outcome::Status(408));
        let after = (sleep(Duration::ZERO).deadline() - begun).as_secs_f32();
        assert!((5.0..5.2).contains(&after), "{after}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_is_what_its_length_says_and_has_no_trailers() {
    let declared = [request("POST", "/a"), vec![("content-length", "4")]].concat();
    for (body, trailers) in [(&b"abc"[..], false), (b"abcde", false), (b"abcd", true)] {
        let mut wire = Wire::greeted().await;
        wire.send(frame(HEADERS, END_HEADERS, 1, &fields(&declared))).await;
        wire.send(frame(DATA, if trailers { 0 } else { END_STREAM }, 1, body)).await;
        if trailers {
            wire.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields(&[("x-late", "1")]))).await;
        }
        let outcome = wire.outcome(1).await;
        assert!(matches!(outcome, Outcome::Reset(PROTOCOL_ERROR) | Outcome::Status(400)), "{outcome:?}");
        sleep(Duration::from_secs(1)).await;
        assert!(wire.seen().iter().all(|seen| seen.body.is_err()), "{:?}", wire.seen());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_taken_is_not_kept() {
    let mut wire = Wire::on_streams();
    // A window of nothing for every stream.
    wire.greet(&[(4, 0)]).await;
    wire.send(get(1, "/large")).await;
    let begun = sleep(Duration::ZERO).deadline();
    while wire.frame().await.is_some() {}
    wire.served.await.unwrap();
    let after = (sleep(Duration::ZERO).deadline() - begun).as_secs_f32();
    assert!((30.0..33.0).contains(&after), "{after}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_taken_octet_by_octet_is_not_kept() {
    let mut wire = Wire::on_streams();
    wire.greet(&[(4, 0)]).await;
    wire.send(get(1, "/large")).await;
    let begun = sleep(Duration::ZERO).deadline();
    loop {
        let window = frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes());
        if wire.client.write_all(&window).await.is_err() {
            break;
        }
        while let Ok(Some(_)) = timeout(Duration::from_secs(1), wire.frame()).await {}
    }
    let after = (sleep(Duration::ZERO).deadline() - begun).as_secs_f32();
    assert!(after < 120.0, "{after}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_taken_slowly_but_steadily_comes_whole() {
    let mut wire = Wire::greeted().await;
    wire.send(get(1, "/large")).await;
    let (mut octets, mut granted) = (0, 0);
    while octets < 1 << 20 {
        let frame = wire.frame().await.unwrap();
        octets += if frame.kind == DATA { frame.payload.len() } else { 0 };
        // Some 6 KiB a second.
        while granted + 32_768 <= octets {
            granted += 32_768;
            sleep(Duration::from_secs(5)).await;
            for stream in [0, 1] {
                wire.send(self::frame(WINDOW_UPDATE, 0, stream, &32_768_u32.to_be_bytes())).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_what_is_in_flight_come_to_its_end() {
    let mut wire = Wire::greeted().await;
    wire.send(get(1, "/wait/5")).await;
    sleep(Duration::from_secs(1)).await;
    wire.ledger.stop();
    assert_eq!(wire.outcome(1).await, Outcome::Status(200));
    while wire.frame().await.is_some() {}
    wire.served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_peer_that_does_not_answer() {
    let mut wire = Wire::greeted().await;
    wire.send(get(1, "/ok")).await;
    assert_eq!(wire.outcome(1).await, Outcome::Status(200));
    wire.ledger.stop();
    let begun = sleep(Duration::ZERO).deadline();
    wire.served.await.unwrap();
    assert!((sleep(Duration::ZERO).deadline() - begun).as_secs_f32() < 2.1);
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_with_its_connection() {
    let mut wire = Wire::greeted().await;
    wire.send(get(1, "/wait/10")).await;
    sleep(Duration::from_secs(1)).await;
    let Wire { client, served, .. } = &mut wire;
    client.shutdown().await.unwrap();
    served.abort();
    sleep(Duration::from_secs(60)).await;
    assert!(wire.seen().is_empty());
}

/// Asks for an answer that does not wait for the body, which would be this long, and reads the answer.
async fn refused_before_a_body_of(length: &str) -> Wire {
    let mut wire = Wire::greeted().await;
    wire.send(head(0, 1, &[request("POST", "/unread"), vec![("content-length", length)]].concat())).await;
    assert_eq!(wire.outcome(1).await, Outcome::Status(401));
    wire
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_short_body_that_was_refused_is_read_and_its_stream_not_reset() {
    let mut wire = refused_before_a_body_of("5").await;
    wire.send([frame(DATA, END_STREAM, 1, b"hello"), get(3, "/ok")].concat()).await;
    let mut kinds = Vec::new();
    while let Ok(Some(frame)) = timeout(Duration::from_secs(60), wire.frame()).await {
        kinds.push((frame.stream, frame.kind));
    }
    assert!(kinds.contains(&(3, HEADERS)) && !kinds.contains(&(1, RST_STREAM)), "{kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_long_body_or_does_not_come_is_not_waited_for() {
    for length in ["65537", "5"] {
        let mut wire = refused_before_a_body_of(length).await;
        assert_eq!(wire.outcome(1).await, Outcome::Reset(0), "{length}");
    }
    let mut wire = Wire::greeted().await;
    wire.send(head(0, 1, &request("POST", "/unread"))).await;
    assert_eq!(wire.outcome(1).await, Outcome::Status(401));
    for _ in 0..5 {
        wire.send(frame(DATA, 0, 1, &[b'x'; 16_384])).await;
    }
    let at_once = timeout(Duration::from_millis(1), wire.outcome(1)).await;
    assert_eq!(at_once, Ok(Outcome::Reset(0)), "more came than is read of a body of unknown length");
}
