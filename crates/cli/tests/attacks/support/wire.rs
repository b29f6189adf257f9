//! HTTP/1.1 as octets: what is sent is what stands there, and what comes back is read without any mercy.

use std::net::SocketAddr;
use std::time::Duration;

use countersign_core::problem::Problem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, empty, join, sink};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::in_time;
use super::streams::Streams;
use super::transport::{Line, Transport, greet};

/// One answer. Names are in lower case, values as received.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// The answer as it came.
    pub(crate) octets: Vec<u8>,
}

impl Answer {
    /// The values of the lines of a field.
    pub(crate) fn lines(&self, name: &str) -> Vec<&[u8]> {
        self.fields.iter().filter(|(own, _)| own == name).map(|(_, value)| &**value).collect()
    }

    /// The value of a field that stands there once.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        match self.lines(name)[..] {
            [] => None,
            [value] => Some(str::from_utf8(value).unwrap()),
            _ => panic!("{name} stands there twice"),
        }
    }

    /// The code of the guard's own refusal. That it is word for word the text of the table shows that nothing of the
    /// request is repeated in it.
    #[track_caller]
    pub(crate) fn code(&self) -> &'static str {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self}"));
        let problem = body["type"].as_str().and_then(Problem::of_type).unwrap_or_else(|| panic!("{self}"));
        assert_eq!((self.status, &*self.body), (problem.status, problem.json().as_bytes()), "{self}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{self}");
        assert_eq!(self.field("cache-control"), Some("no-store"), "{self}");
        assert_eq!(self.field("server"), None, "{self}");
        let comes_again = matches!(self.status, 429 | 503) || problem == &Problem::IN_FLIGHT;
        assert_eq!(self.field("retry-after").is_some(), comes_again, "{self}");
        // Where a token would do as well, its scheme comes after ours, in the same line.
        let challenge =
            self.field("www-authenticate").map(|line| line.trim_end_matches(r#", Bearer realm="countersign""#));
        assert_eq!(challenge.map(str::to_owned), problem.www_authenticate(), "{self}");
        problem.code
    }
}

impl core::fmt::Display for Answer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.octets))
    }
}

/// One connection.
pub(crate) struct Wire {
    stream: Box<dyn Line>,
    received: Vec<u8>,
    /// In HTTP/2, everything goes through this.
    streams: Option<Streams>,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_from(1, address).await
    }

    /// A connection from another address of loopback, 127.0.0.`last`.
    pub(crate) async fn connect_from(last: u8, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        Self::of(socket.connect(address).await.unwrap()).await
    }

    pub(crate) async fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let (transport, stream) = greet(stream).await;
        let nobody = || Box::new(join(empty(), sink()));
        match transport {
            Transport::Plain | Transport::Tls => Self { stream, received: Vec::new(), streams: None },
            Transport::Http2 => Self { streams: Streams::of(stream).await, stream: nobody(), received: Vec::new() },
        }
    }

    /// Sends octets as they stand. A peer that has gone away shows in the answer that does not come.
    pub(crate) async fn send(&mut self, octets: &[u8]) {
        if let Some(streams) = &mut self.streams {
            return streams.send(octets).await;
        }
        let _ = self.stream.write_all(octets).await;
    }

    /// The next answer, interim ones included; `None` when the connection ended without one.
    pub(crate) async fn any_answer(&mut self, to_head: bool) -> Option<Answer> {
        if let Some(streams) = &mut self.streams {
            return in_time(streams.answer()).await;
        }
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if !self.more().await {
                assert!(self.received.is_empty(), "cut off: {}", String::from_utf8_lossy(&self.received));
                return None;
            }
        };
        let head = String::from_utf8(self.received[..end].iter().map(|octet| octet & 0x7f).collect()).unwrap();
        let status: u16 = head.strip_prefix("HTTP/1.").unwrap()[2..5].parse().unwrap();
        let fields = fields(&self.received[..end]);
        let mut answer = Answer { status, fields, body: Vec::new(), octets: self.received.drain(..end).collect() };
        answer.body = self.body(&answer, to_head).await;
        answer.octets.extend_from_slice(&answer.body);
        Some(answer)
    }

    /// The next final answer.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        loop {
            match self.any_answer(false).await {
                Some(interim) if interim.status < 200 => {}
                answer => return answer,
            }
        }
    }

    /// The first line of an answer, if one comes before the connection breaks.
    pub(crate) async fn first_line(&mut self) -> Option<String> {
        if self.streams.is_some() {
            self.received = self.rest().await;
        }
        loop {
            if let Some(end) = self.received.iter().position(|octet| *octet == b'\r') {
                return Some(String::from_utf8_lossy(&self.received[..end]).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// All that comes until the connection ends; in HTTP/2, until a stream does.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        if let Some(streams) = &mut self.streams {
            return in_time(streams.answer()).await.map(|answer| answer.octets).unwrap_or_default();
        }
        while self.more().await {}
        std::mem::take(&mut self.received)
    }

    /// What comes before it has been silent for a while.
    pub(crate) async fn silence(&mut self) -> Vec<u8> {
        let _ = timeout(Duration::from_millis(300), async { while self.more().await {} }).await;
        std::mem::take(&mut self.received)
    }

    async fn body(&mut self, answer: &Answer, to_head: bool) -> Vec<u8> {
        if to_head || matches!(answer.status, 100..200 | 204 | 304) {
            return Vec::new();
        }
        if answer.field("transfer-encoding").is_some() {
            return self.chunks().await;
        }
        let length: usize = answer.field("content-length").expect("an answer has a length").parse().unwrap();
        while self.received.len() < length {
            assert!(self.more().await, "the body is cut off");
        }
        self.received.drain(..length).collect()
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                match self.received.windows(2).position(|two| two == b"\r\n") {
                    Some(end) => break end,
                    None => assert!(self.more().await, "the chunks are cut off"),
                }
            };
            let size = usize::from_str_radix(str::from_utf8(&self.received[..line]).unwrap(), 16).unwrap();
            while self.received.len() < line + size + 4 {
                assert!(self.more().await, "a chunk is cut off");
            }
            body.extend(self.received.drain(..line + size + 4).skip(line + 2).take(size));
            if size == 0 {
                return body;
            }
        }
    }

    /// Reads more; `false` at the end, however it comes.
    async fn more(&mut self) -> bool {
        let read = in_time(self.stream.read_buf(&mut self.received)).await;
        read.is_ok_and(|octets| octets > 0)
    }
}

/// The fields of a head, from its second line on.
pub(crate) fn fields(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let lines = head.split(|octet| *octet == b'\n').skip(1).map(|line| line.trim_ascii_end());
    let named = lines.filter_map(|line| Some((line, line.iter().position(|octet| *octet == b':')?)));
    named
        .map(|(line, colon)| {
            (String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase(), line[colon + 1..].trim_ascii().to_vec())
        })
        .collect()
}

/// Sends octets on a connection of their own; the final answer to them.
pub(crate) async fn ask(address: SocketAddr, octets: &[u8]) -> Answer {
    for _ in 0..50 {
        let mut wire = Wire::connect(address).await;
        wire.send(octets).await;
        if let Some(answer) = wire.answer().await {
            return answer;
        }
        // In TLS a connection beyond the limit is closed without a word; the one before may be about to end.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no answer");
}
