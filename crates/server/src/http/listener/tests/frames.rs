//! Frames of HTTP/2, made and read octet by octet, so that a test can send what no client would.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::wire::Wire;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// The octets of a frame (RFC 9113 §4.1).
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as literals without indexing and without Huffman code (RFC 7541 §6.2.2), in the order given, whatever they are.
pub(super) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [integer(text.len()), text.as_bytes().to_vec()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// An integer with a prefix of seven bits (RFC 7541 §5.1).
fn integer(value: usize) -> Vec<u8> {
    let Some(mut rest) = value.checked_sub(127) else { return vec![value as u8] };
    let mut octets = vec![127];
    while rest >= 128 {
        octets.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    octets.push(rest as u8);
    octets
}

/// The pseudo-header fields of a good request.
pub(super) fn request<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "https"), (":authority", "a"), (":path", path)]
}

/// The frames of a head, in as many as it takes.
pub(super) fn head(flags: u8, stream: u32, list: &[(&str, &str)]) -> Vec<u8> {
    let block = fields(list);
    let parts: Vec<_> = block.chunks(16_384).collect();
    let last = parts.len().saturating_sub(1);
    let frames = parts.iter().enumerate().map(|(place, part)| {
        let end = if place == last { END_HEADERS } else { 0 };
        let (kind, flags) = if place == 0 { (HEADERS, flags | end) } else { (CONTINUATION, end) };
        frame(kind, flags, stream, part)
    });
    frames.collect::<Vec<_>>().concat()
}

/// The HEADERS frame of a whole request without a body.
pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields(&request("GET", path)))
}

impl Frame {
    /// The status of an answer. It stands first, as an index into the static table or as a literal.
    pub(super) fn status(&self) -> u16 {
        assert_eq!(self.kind, HEADERS, "{self:?}");
        let start = self.payload.iter().position(|octet| octet & 0xe0 != 0x20).unwrap();
        match self.payload[start..] {
            [octet @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(octet - 0x88)],
            [_, length, ref value @ ..] if length & 0x80 == 0 => {
                std::str::from_utf8(&value[..usize::from(length)]).unwrap().parse().unwrap()
            }
            [_, length, ref value @ ..] => huffman_digits(&value[..usize::from(length & 0x7f)]),
            _ => panic!("{self:?}"),
        }
    }

    /// The error code of RST_STREAM or GOAWAY.
    pub(super) fn error(&self) -> u32 {
        let code = if self.kind == GOAWAY { &self.payload[4..8] } else { &self.payload[..4] };
        u32::from_be_bytes(code.try_into().unwrap())
    }
}

/// Three digits in the code of RFC 7541, appendix B: 0, 1 and 2 have five bits, the others six.
fn huffman_digits(octets: &[u8]) -> u16 {
    let mut bits = octets.iter().flat_map(|octet| (0..8).rev().map(move |place| u16::from(octet >> place & 1)));
    let mut take = |count| bits.by_ref().take(count).fold(0, |value, bit| value * 2 + bit);
    (0..3).fold(0, |number, _| {
        let five = take(5);
        let digit = if five < 3 { five } else { five * 2 + take(1) - 0b01_1001 + 3 };
        number * 10 + digit
    })
}

impl Wire {
    /// A connection on which both sides have introduced themselves. No dynamic table: it would have to be followed.
    pub(super) async fn greeted() -> Self {
        let mut wire = Self::on_streams();
        wire.greet(&[]).await;
        wire
    }

    /// The client's introduction, with these settings besides.
    pub(super) async fn greet(&mut self, settings: &[(u16, u32)]) {
        let settings = [&[(1, 0)], settings].concat();
        let payload: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        self.send(frame(SETTINGS, 0, 0, &payload)).await;
        self.send(frame(SETTINGS, 1, 0, &[])).await;
    }

    /// The next frame that tells something; `None` at the end of the connection.
    pub(super) async fn frame(&mut self) -> Option<Frame> {
        loop {
            let mut head = [0; 9];
            let read = timeout(Duration::from_secs(86_400), self.client.read_exact(&mut head));
            read.await.expect("it ends some day").ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.client.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
            let frame = Frame { kind: head[3], flags: head[4], stream, payload };
            match frame.kind {
                SETTINGS | WINDOW_UPDATE => {}
                PING if frame.flags == 1 => {}
                PING => drop(self.client.write_all(&self::frame(PING, 1, 0, &frame.payload)).await),
                _ => return Some(frame),
            }
        }
    }

    /// The end of a stream: the status of its answer, or the code of its reset.
    pub(super) async fn outcome(&mut self, stream: u32) -> Outcome {
        let mut status = None;
        loop {
            let Some(frame) = self.frame().await else { return Outcome::Closed };
            match frame {
                // That is a word for later: what is under way goes on.
                Frame { kind: GOAWAY, .. } if frame.error() == 0 => {}
                Frame { kind: GOAWAY, .. } => return Outcome::GoneAway(frame.error()),
                Frame { stream: other, .. } if other != stream => {}
                Frame { kind: RST_STREAM, .. } => return Outcome::Reset(frame.error()),
                Frame { kind: HEADERS, flags, .. } if flags & END_STREAM != 0 => {
                    return Outcome::Status(frame.status());
                }
                Frame { kind: HEADERS, .. } => status = Some(frame.status()),
                Frame { flags, .. } if flags & END_STREAM != 0 => return Outcome::Status(status.unwrap()),
                Frame { .. } => {}
            }
        }
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Status(u16),
    Reset(u32),
    GoneAway(u32),
    Closed,
}

#[test]
fn a_status_is_read_in_each_of_its_spellings() {
    for (payload, status) in [
        (vec![0x88, 0], 200),
        (vec![0x20, 0x8c], 400),
        (vec![0x08, 3, b'4', b'3', b'1'], 431),
        // "302" and "307", RFC 7541, appendix C.6.
        (vec![0x48, 0x82, 0x64, 0x02], 302),
        (vec![0x48, 0x83, 0x64, 0x0e, 0xff], 307),
    ] {
        assert_eq!(Frame { kind: HEADERS, flags: 0, stream: 1, payload }.status(), status);
    }
}
