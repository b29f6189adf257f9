//! Frames of HTTP/2 by hand (RFC 9113 §4), for what no library sends.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::in_time;
use crate::support::transport::{Line, greet};

pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;

const ACK: u8 = 1;
const END_STREAM_AND_HEADERS: u8 = 1 | 4;

/// One connection.
pub(crate) struct Frames {
    line: Box<dyn Line>,
    /// Kind, stream and payload of all that has come.
    pub(crate) seen: Vec<(u8, u32, Vec<u8>)>,
}

impl Frames {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let (_, line) = greet(TcpStream::connect(address).await.unwrap()).await;
        let mut frames = Self { line, seen: Vec::new() };
        frames.line.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        frames.send(SETTINGS, 0, 0, &[]).await;
        frames.send(SETTINGS, ACK, 0, &[]).await;
        frames
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.line.write_all(&frame).await.unwrap();
        self.line.flush().await.unwrap();
    }

    /// Sends a request of these fields and without a body.
    pub(crate) async fn ask(&mut self, stream: u32, fields: &[u8]) {
        self.send(HEADERS, END_STREAM_AND_HEADERS, stream, fields).await;
    }

    /// Kind and payload of the next frame of this stream.
    pub(crate) async fn next_on(&mut self, stream: u32) -> (u8, Vec<u8>) {
        loop {
            let mut head = [0; 9];
            in_time(self.line.read_exact(&mut head)).await.unwrap();
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            in_time(self.line.read_exact(&mut payload)).await.unwrap();
            let own = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            self.seen.push((head[3], own, payload.clone()));
            if own == stream {
                return (head[3], payload);
            }
        }
    }
}

/// Fields as literals without indexing and without Huffman code (RFC 7541 §6.2.2), in the order given, whatever they are.
pub(crate) fn literals(fields: &[(String, Vec<u8>)]) -> Vec<u8> {
    let text = |text: &[u8]| [integer(text.len()), text.to_vec()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name.as_bytes()), text(value)].concat()).collect()
}

/// An integer with a prefix of seven bits (RFC 7541 §5.1).
fn integer(value: usize) -> Vec<u8> {
    let Some(mut rest) = value.checked_sub(127) else { return vec![u8::try_from(value).unwrap()] };
    let mut octets = vec![127];
    while rest >= 128 {
        octets.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    octets.push(u8::try_from(rest).unwrap());
    octets
}
