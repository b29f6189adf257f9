use std::fs;

use countersign_core::time::Timestamp;

use super::fake_guard::{FakeGuard, Reply, Signer, now};
use super::home::Home;

/// A guard that streams these pieces, whose frames somebody may keep back.
fn streaming(pieces: &'static [&'static str], status: u16, frames_that_arrive: usize) -> FakeGuard {
    let signer = Signer::new(7);
    FakeGuard::start(move |heard, _| {
        let (mut reply, mut frames) = signer.sign_stream(heard, Reply::new(status, "text/plain", b""), now());
        let mut octets: Vec<_> = pieces.iter().map(|piece| frames.sign(piece.as_bytes())).collect();
        octets.push(frames.finish(b""));
        reply.body = octets.into_iter().take(frames_that_arrive).flatten().collect();
        reply.octets()
    })
}

#[test]
fn a_stream_is_printed_as_it_is_verified_and_its_status_is_the_exit_code() {
    for (status, code) in [(200, 0), (404, 22)] {
        let guard = streaming(&["one ", "two\n"], status, 3);
        let ran = Home::with_profile(&guard).run(&["call", "--stream", "/events"]);
        assert_eq!((ran.code(), ran.out()), (code, "one two\n"), "{}", ran.err());
    }
    let guard = streaming(&["one\n"], 200, 2);
    let ran = Home::with_profile(&guard).run(&["call", "--stream", "-i", "/events"]);
    assert!(ran.out().starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"), "{}", ran.out());
    assert!(ran.out().ends_with("\r\n\r\none\n"), "{}", ran.out());
}

#[test]
fn the_next_static_key_of_the_server_is_learnt_from_a_stream_too() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| {
        let head = Reply::new(200, "text/plain", b"").with("countersign-server-key", &"A".repeat(43));
        let (mut reply, frames) = signer.sign_stream(heard, head, now());
        reply.body = frames.finish(b"x");
        reply.octets()
    });
    let home = Home::with_profile(&guard);
    home.run(&["call", "--stream", "/events"]).expect(0);
    assert_eq!(home.files(), ["default.server-key", "default.toml"]);
}

#[test]
fn a_stream_without_its_end_says_what_the_printed_part_is_worth() {
    let guard = streaming(&["one ", "two\n"], 200, 2);
    let ran = Home::with_profile(&guard).run(&["call", "--stream", "/events"]);
    assert_eq!((ran.code(), ran.out()), (3, "one two\n"));
    assert!(ran.err().contains("interference (truncated)"), "{}", ran.err());
    assert!(ran.err().contains("what was printed so far was verified; its end is missing"), "{}", ran.err());
}

#[test]
fn a_file_or_stdin_is_sent_as_a_stream_and_text_of_the_command_line_in_one_piece() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| signer.sign(heard, Reply::json("{}"), now()).octets());
    let home = Home::with_profile(&guard);
    let file = home.0.path().join("data");
    fs::write(&file, vec![b'x'; 200_000]).unwrap();
    let of_file = format!("@{}", file.display());
    assert_eq!(home.run(&["call", "--stream", "-X", "PUT", "-d", &of_file, "/files/1"]).code(), 0);
    assert_eq!(home.run_with(&["call", "--stream", "-d", "@-", "/files/1"], b"from stdin").code(), 0);
    assert_eq!(home.run(&["call", "--stream", "-d", "text", "/files/1"]).code(), 0);
    let (requests, signer) = (guard.requests(), Signer::new(7));
    assert!(signer.uploaded(&requests[0]) == Some(vec![b'x'; 200_000]));
    assert_eq!((requests[0].method.as_str(), requests[1].method.as_str()), ("PUT", "POST"));
    assert_eq!(signer.uploaded(&requests[1]).as_deref(), Some(b"from stdin".as_slice()));
    assert!(signer.admits(&requests[2], now()) && requests[2].body == b"text" && requests[2].read().accepts_stream());
    let ran = home.run(&["call", "--stream", "-d", "@/no/such/file", "/files/1"]);
    assert!(ran.code() == 1 && ran.err().contains("cannot read /no/such/file"), "{}", ran.err());
    assert_eq!(guard.requests().len(), 3, "nothing was sent");
}

#[test]
fn a_file_that_was_rejected_for_its_time_is_sent_once_more() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| {
        let ahead = Timestamp::from_millis(now().as_millis() + 73_000);
        signer.judge(heard, Reply::json("{}"), ahead).octets()
    });
    let home = Home::with_profile(&guard);
    let file = home.0.path().join("data");
    fs::write(&file, "data").unwrap();
    let ran = home.run(&["call", "--stream", "-d", &format!("@{}", file.display()), "/files/1"]);
    assert_eq!((ran.code(), ran.out()), (0, "{}"), "{}", ran.err());
    assert!(ran.err().contains("behind the server's; corrected"), "{}", ran.err());
    assert_eq!(guard.requests().len(), 2);
}
