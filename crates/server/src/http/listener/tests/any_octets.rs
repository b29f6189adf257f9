use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::wire::{Seen, Wire, statuses};

/// What the peer got and the service saw, once the connection is over.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    statuses: Vec<u16>,
    seen: Vec<Seen>,
}

/// Sends `input` in pieces that end at `cuts`, waits for the end and looks at what happened.
fn outcome(input: &[u8], cuts: &[usize]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut wire = Wire::open();
        let mut rest = input;
        for cut in cuts.iter().cycle() {
            let (piece, later) = rest.split_at_checked((*cut).max(1)).unwrap_or((rest, &[]));
            // An error here is a connection that was closed on us, which is an outcome like others.
            let _ = wire.client.write_all(piece).await;
            // Lets the other side read what there is, without time passing.
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let (received, after) = wire.receive_all().await;
        assert!(after < 200.0, "every connection ends: {after}");
        every_answer_is_ours(&received);
        Outcome { statuses: statuses(&received), seen: wire.seen() }
    })
}

/// hyper answers some violations by itself, with nothing but a status. None may get that far.
fn every_answer_is_ours(received: &str) {
    for answer in received.split("HTTP/1.").skip(1).filter(|answer| answer.get(2..3) == Some("4")) {
        assert!(answer.contains("application/problem+json"), "{answer:?}");
    }
}

/// Messages with a few octets changed. An answer that does not wait for the body, as that of `/unread`, is not among
/// them: whether the connection outlives it depends on how much of the body is there.
fn nearly_http() -> impl Strategy<Value = Vec<u8>> {
    let message = prop::sample::select(vec![
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HEAD /d?x=[y]{|}^\\ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET /e HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        "GET /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /g HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "POST /h HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    .prop_map(|text| text.as_bytes().to_vec());
    let change = (
        any::<prop::sample::Index>(),
        prop_oneof![any::<u8>(), prop::sample::select(b" \t\r\n:;,0123456789".to_vec())],
        0..3_u8,
    );
    (prop::collection::vec(message, 1..5), prop::collection::vec(change, 0..4)).prop_map(|(messages, changes)| {
        let mut octets = messages.concat();
        for (place, octet, how) in changes {
            let place = place.index(octets.len());
            match how {
                0 => octets[place] = octet,
                1 => octets.insert(place, octet),
                _ => drop(octets.remove(place)),
            }
        }
        octets
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    /// However the network cuts the octets up, the same requests are served and the same answers given.
    #[test]
    fn every_fragmentation_has_the_same_outcome(input in nearly_http(), cuts in prop::collection::vec(1_usize..40, 1..5)) {
        let whole = outcome(&input, &[input.len()]);
        prop_assert_eq!(&outcome(&input, &cuts), &whole);
        prop_assert_eq!(&outcome(&input, &[1]), &whole);
    }

    #[test]
    fn garbage_ends_the_connection_and_never_reaches_the_service(input in prop::collection::vec(any::<u8>(), 1..400)) {
        prop_assert!(outcome(&input, &[input.len()]).seen.is_empty());
    }
}
