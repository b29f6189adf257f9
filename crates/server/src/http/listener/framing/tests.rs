use super::*;
use proptest::prelude::*;

/// What a connection's octets are: the lengths of heads and bodies, and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    heads: Vec<usize>,
    body_octets: usize,
    broken: Option<Broken>,
}

/// Reads `input` as it arrives in pieces of these lengths, over and over.
fn read(input: &[u8], cuts: &[usize]) -> Reading {
    let (mut framer, mut reading, mut passed) = (Framer::default(), Reading::default(), 0);
    let mut arrived = 0;
    for cut in cuts.iter().cycle() {
        arrived = input.len().min(arrived + cut.max(&1));
        while passed < arrived {
            match framer.next(&input[passed..arrived]) {
                Ok(Piece::Head(head)) => {
                    reading.heads.push(head.length);
                    passed += head.length;
                }
                Ok(Piece::Body { length, .. }) => {
                    reading.body_octets += length;
                    passed += length;
                }
                Ok(Piece::Incomplete) => break,
                Err(broken) => {
                    reading.broken = Some(broken);
                    return reading;
                }
            }
        }
        if arrived == input.len() {
            return reading;
        }
    }
    reading
}

const GET: &str = "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn messages_follow_each_other_without_a_gap() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET ";
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    let reading = read([GET, post, chunked, GET].concat().as_bytes(), &[usize::MAX]);
    assert_eq!(reading.heads, [GET.len(), post.len() - 4, chunked.len() - 14, GET.len()]);
    assert_eq!(reading.body_octets, 4 + 14);
    assert_eq!(reading.broken, None);
}

#[test]
fn one_empty_line_before_a_request_line_is_forgiven_and_a_second_is_not() {
    assert_eq!(read(format!("\r\n{GET}").as_bytes(), &[9]).heads, [GET.len() + 2]);
    assert!(matches!(
        read(format!("\r\n\r\n{GET}").as_bytes(), &[9]).broken,
        Some(Broken::Head(Violation::Malformed(_)))
    ));
    assert!(matches!(read(format!("\n{GET}").as_bytes(), &[9]).broken, Some(Broken::Head(Violation::Malformed(_)))));
}

#[test]
fn a_binary_protocol_is_refused_at_its_first_octet() {
    for first in [0x16, 0x00, 0x80, b' ', b'\t', b'\n', b'('] {
        assert!(matches!(read(&[first], &[1]).broken, Some(Broken::Head(Violation::Malformed(_)))), "{first:#x}");
    }
    assert_eq!(read(b"\r", &[1]).broken, None);
    assert_eq!(read(b"G", &[1]).broken, None);
}

#[test]
fn a_head_of_16_kib_is_the_longest() {
    let head = |length: usize| {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nA: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "b".repeat(length - frame)).into_bytes()
    };
    assert_eq!(read(&head(MAX_HEAD), &[usize::MAX]).heads, [MAX_HEAD]);
    assert_eq!(read(&head(MAX_HEAD + 1), &[usize::MAX]).broken, Some(Broken::Head(Violation::HeadTooLarge)));
    assert_eq!(read(&head(MAX_HEAD + 1)[..MAX_HEAD], &[usize::MAX]).broken, None);
    assert_eq!(read(&b"A".repeat(MAX_HEAD + 1), &[1]).broken, Some(Broken::Head(Violation::HeadTooLarge)));
}

#[test]
fn a_long_target_is_known_as_such_before_its_end_and_whatever_else_is_wrong_with_the_line() {
    let target = "a".repeat(MAX_TARGET);
    for line in [format!("GET /{target}"), format!("get /{target} HTTP/9\n"), format!("GET {target}\0 \0\n\r\n")] {
        for cuts in [&[1][..], &[usize::MAX], &[700, 3]] {
            assert_eq!(read(line.as_bytes(), cuts).broken, Some(Broken::Head(Violation::TargetTooLong)), "{cuts:?}");
        }
    }
}

#[test]
fn a_bare_line_feed_is_refused_where_it_stands() {
    for head in ["GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: a\n", "GET / HTTP/1.1\r\nHost: a\r\n\n"] {
        assert!(matches!(read(head.as_bytes(), &[1]).broken, Some(Broken::Head(Violation::Malformed(_)))), "{head:?}");
    }
}

/// Octets that are nearly HTTP, so that random ones reach every state.
fn nearly_http() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => prop::sample::select(vec![
            "GET ", "POST ", "HEAD ", "get ", "/ ", "/a?b ", "HTTP/1.1\r\n", "HTTP/1.0\r\n", "Host: a\r\n", "Host: b:1\r\n", "\r\n", "\r\n\r\n",
            "\n", "\r", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
            "Upgrade: x\r\n", "5\r\n", "0\r\n\r\n", "hello", "A: b\r\n", " ", ":", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => (1_usize..20_000).prop_map(|count| vec![b'a'; count]),
    ];
    prop::collection::vec(word, 1..14).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The network decides how octets are cut up, and so must not decide what they mean.
    #[test]
    fn every_fragmentation_reads_the_same(
        input in nearly_http(),
        cuts in prop::collection::vec(prop_oneof![1_usize..4, 1_usize..9_000], 1..6),
    ) {
        let whole = read(&input, &[usize::MAX]);
        prop_assert_eq!(&read(&input, &cuts), &whole);
        if input.len() < 2_000 {
            prop_assert_eq!(&read(&input, &[1]), &whole);
        }
    }

    #[test]
    fn garbage_neither_panics_nor_loops(input in prop::collection::vec(any::<u8>(), 0..600), cut in 1_usize..50) {
        read(&input, &[cut]);
    }
}
