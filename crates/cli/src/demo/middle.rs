//! A man in the middle: a small HTTP/1.1 proxy over real sockets that hands every message to a [`Meddler`].
//!
//! It knows nothing of signatures, and needs nothing but tokio, so tests may include this file by its path. It reads the
//! messages that have a `Content-Length` or no body, which are all that our client and our guard send.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How long a peer may take. Nothing on loopback needs it; it is there so that a fault does not hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest line of a head, and the longest body, in octets.
const LONGEST: u64 = 1 << 20;

/// What is done to the messages that pass.
pub(crate) trait Meddler: Send + Sync + 'static {
    /// Gives the answer to deliver for `request`, or `None` to cut the line. Whether anything is sent on is its affair.
    fn meddle(&self, request: Message, server: &Line) -> impl Future<Output = io::Result<Option<Message>>> + Send;
}

/// A man in the middle at work; he stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Middle {
    address: SocketAddr,
    server: Line,
    working: JoinHandle<()>,
}

impl Middle {
    /// Listens on a free port of loopback, in front of `server`.
    pub(crate) async fn before(server: SocketAddr, meddler: impl Meddler) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = Line::to(server);
        let working = tokio::spawn(accept(listener, server.clone(), Arc::new(meddler)));
        Ok(Self { address, server, working })
    }

    /// Where clients reach the server through him.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every answer that the server has given him, delivered or not, in the order in which they came.
    pub(crate) fn heard(&self) -> Vec<Message> {
        self.server.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Middle {
    fn drop(&mut self) {
        self.working.abort();
    }
}

async fn accept(listener: TcpListener, server: Line, meddler: Arc<impl Meddler>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (server, meddler) = (server.clone(), meddler.clone());
        // A client whose line fails finds that out by itself.
        connections.spawn(async move { drop(converse(client, &server, &*meddler).await) });
    }
}

/// Answers one request after the other until the client goes away or its line is cut.
async fn converse(client: TcpStream, server: &Line, meddler: &impl Meddler) -> io::Result<()> {
    let mut client = BufStream::new(client);
    while let Some(request) = Message::read(&mut client).await? {
        let Some(answer) = meddler.meddle(request, server).await? else { break };
        client.write_all(&answer.octets()).await?;
        client.flush().await?;
    }
    Ok(())
}

/// A way to a server: every request goes over a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    server: SocketAddr,
    heard: Arc<Mutex<Vec<Message>>>,
}

impl Line {
    /// A line to this address.
    pub(crate) fn to(server: SocketAddr) -> Self {
        Self { server, heard: Arc::default() }
    }

    /// Sends a request as it stands, and gives back what is answered.
    pub(crate) async fn send(&self, request: &Message) -> io::Result<Message> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(request)).await??;
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(answer.clone());
        Ok(answer)
    }

    async fn exchange(&self, request: &Message) -> io::Result<Message> {
        let mut server = BufStream::new(TcpStream::connect(self.server).await?);
        server.write_all(&request.octets()).await?;
        server.flush().await?;
        Message::read(&mut server).await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// A request or an answer: the lines of its head as they came, and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The request line or the status line.
    pub(crate) start: String,
    /// The field lines.
    pub(crate) lines: Vec<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The value of the first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields().find_map(|(own, value)| own.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Names and values of the fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
    }

    /// Writes a field in the place of those of its name; at the end when there is none.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let place = self.lines.iter().position(|line| is_called(line, name)).unwrap_or(self.lines.len());
        self.remove(name);
        self.lines.insert(place, format!("{name}: {value}"));
    }

    /// Takes out the fields of this name.
    pub(crate) fn remove(&mut self, name: &str) {
        self.lines.retain(|line| !is_called(line, name));
    }

    /// Replaces the body, and says its length.
    pub(crate) fn set_body(&mut self, body: &str) {
        self.body = body.into();
        self.set("content-length", &body.len().to_string());
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        self.start.split(' ').nth(1)?.parse().ok()
    }

    /// The octets on the wire.
    fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for line in [&self.start].into_iter().chain(&self.lines) {
            octets.extend_from_slice(line.as_bytes());
            octets.extend_from_slice(b"\r\n");
        }
        octets.extend_from_slice(b"\r\n");
        octets.extend_from_slice(&self.body);
        octets
    }

    /// Reads a message; `None` when the peer closed before one began.
    async fn read(from: &mut (impl AsyncBufRead + Unpin + Send)) -> io::Result<Option<Self>> {
        let Some(start) = line(from).await? else { return Ok(None) };
        let mut message = Self { start, lines: Vec::new(), body: Vec::new() };
        loop {
            match line(from).await? {
                Some(line) if line.is_empty() => break,
                Some(line) => message.lines.push(line),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        if message.field("transfer-encoding").is_some() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the man in the middle reads no chunks"));
        }
        let length = message.field("content-length").map_or(Ok(0), str::parse);
        let length: u64 = length.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        from.take(length.min(LONGEST)).read_to_end(&mut message.body).await?;
        if message.body.len() as u64 == length { Ok(Some(message)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

fn is_called(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(own, _)| own.eq_ignore_ascii_case(name))
}

/// A line without its end; `None` at the end of the stream.
async fn line(from: &mut (impl AsyncBufRead + Unpin + Send)) -> io::Result<Option<String>> {
    let mut octets = Vec::new();
    if from.take(LONGEST).read_until(b'\n', &mut octets).await? == 0 {
        return Ok(None);
    }
    let line = octets.strip_suffix(b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let line = str::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Some(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(octets: &[u8]) -> io::Result<Option<Message>> {
        Message::read(&mut &*octets).await
    }

    #[tokio::test]
    async fn a_message_that_nobody_touches_passes_octet_for_octet() {
        for octets in [
            "POST /a?b=%20 HTTP/1.1\r\nHost:x\r\ncOOkie:  a=b \r\nX:\r\nX: 2\r\nContent-Length: 3\r\n\r\n\r\n\u{1}",
            "HTTP/1.1 204 \r\n\r\n",
        ] {
            assert_eq!(read(octets.as_bytes()).await.unwrap().unwrap().octets(), octets.as_bytes());
        }
    }

    #[tokio::test]
    async fn what_is_cut_or_cannot_be_read_in_one_way_is_an_error_and_silence_is_none() {
        assert_eq!(read(b"").await.unwrap(), None);
        for octets in [
            "GET / HTTP/1.1",
            "GET / HTTP/1.1\r\nhost: x\r\n",
            "GET / HTTP/1.1\nhost: x\n\n",
            "GET / HTTP/1.1\r\ncontent-length: 2\r\n\r\nx",
            "GET / HTTP/1.1\r\ncontent-length: two\r\n\r\nxx",
            "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            assert!(read(octets.as_bytes()).await.is_err(), "{octets:?}");
        }
    }

    #[test]
    fn a_field_is_set_in_its_place_whatever_its_case_and_however_often_it_stood_there() {
        let lines = ["a: 1", "X-B: 2", "c: 3", "x-b: 4"].map(str::to_owned).to_vec();
        let mut message = Message { start: "HTTP/1.1 200 OK".to_owned(), lines, body: Vec::new() };
        message.set("x-b", "5");
        message.set("d", "6");
        assert_eq!(message.lines, ["a: 1", "x-b: 5", "c: 3", "d: 6"]);
        message.remove("A");
        assert_eq!((message.field("a"), message.field("X-B"), message.status()), (None, Some("5"), Some(200)));
    }
}
