//! Requests that are ready, sent over a few connections, one after the other on each.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

const CONNECTIONS: usize = 8;

/// How many requests a second are answered, all of them with 200.
#[expect(clippy::disallowed_methods, reason = "this is what a benchmark reads a clock for")]
pub(super) fn per_second(guard: SocketAddr, requests: &[Vec<u8>]) -> anyhow::Result<f64> {
    let before = Instant::now();
    std::thread::scope(|scope| {
        let shares = requests.chunks(requests.len().div_ceil(CONNECTIONS));
        let senders: Vec<_> = shares.map(|share| scope.spawn(move || send(guard, share))).collect();
        senders.into_iter().try_for_each(|sender| match sender.join() {
            Ok(sent) => sent,
            Err(_) => bail!("a sender panicked"),
        })
    })?;
    Ok(requests.len() as f64 / before.elapsed().as_secs_f64())
}

fn send(guard: SocketAddr, requests: &[Vec<u8>]) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(guard)?;
    stream.set_nodelay(true)?;
    let mut answer = Vec::with_capacity(8_192);
    for request in requests {
        stream.write_all(request)?;
        answer.clear();
        receive(&mut stream, &mut answer)?;
        ensure!(answer.starts_with(b"HTTP/1.1 200 "), "not served: {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

/// One answer with a `Content-Length`, whole.
fn receive(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut part = [0; 4_096];
    loop {
        let read = stream.read(&mut part)?;
        ensure!(read > 0, "the guard closed the connection");
        answer.extend_from_slice(part.get(..read).unwrap_or_default());
        let Some(end) = answer.windows(4).position(|octets| octets == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.context("an answer without a length")?.parse()?;
        if answer.len() >= end + 4 + length {
            return Ok(());
        }
    }
}
