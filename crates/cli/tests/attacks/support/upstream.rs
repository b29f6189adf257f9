//! An API that writes down the octets it gets and answers with the octets it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::wire::fields;

/// A request as the API got it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Request line and fields.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    /// The names of the fields, in lower case and in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fields(self.head.as_bytes()).into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }

    /// The values of the lines of a field.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let all = fields(self.head.as_bytes());
        let own = all.into_iter().filter(|(own, _)| own == name);
        own.map(|(_, value)| String::from_utf8(value).unwrap()).collect()
    }
}

/// What the API does next on a connection.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Say(Vec<u8>),
    Wait(Duration),
    /// Nothing more, ever.
    Hold,
    Close,
}

/// A good answer with this body.
pub(crate) fn ok(body: &[u8]) -> Vec<Act> {
    answer("200 OK", "", body)
}

/// An answer with these field lines, each with its CRLF, and its length.
pub(crate) fn answer(status: &str, lines: &str, body: &[u8]) -> Vec<Act> {
    let head = format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n", body.len());
    vec![Act::Say([head.as_bytes(), body].concat())]
}

/// An API on loopback.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Api {
    /// An API that answers as `acts` says.
    pub(crate) async fn start(acts: impl Fn(&Heard) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (acts, recorded) = (Arc::new(acts), Arc::clone(&heard));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&acts), Arc::clone(&recorded)));
            }
        });
        Self { address, heard, accepting }
    }

    /// One that is content with everything.
    pub(crate) async fn content() -> Self {
        Self::start(|_| ok(b"done")).await
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The one request that came.
    #[track_caller]
    pub(crate) fn only(&self) -> Heard {
        let heard = self.heard();
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard[0].clone()
    }

    /// Forgets what it has heard.
    pub(crate) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

async fn converse<F: Fn(&Heard) -> Vec<Act>>(mut stream: TcpStream, acts: Arc<F>, heard: Arc<Mutex<Vec<Heard>>>) {
    let mut received = Vec::new();
    while let Some(request) = hear(&mut stream, &mut received).await {
        heard.lock().unwrap().push(request.clone());
        for act in acts(&request) {
            match act {
                Act::Say(octets) if stream.write_all(&octets).await.is_ok() => {}
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Hold => std::future::pending().await,
                Act::Say(_) | Act::Close => return,
            }
        }
    }
}

/// The next whole request.
async fn hear(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<Heard> {
    let end = loop {
        match received.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(end) => break end + 4,
            None if stream.read_buf(received).await.ok()? == 0 => return None,
            None => {}
        }
    };
    let head = String::from_utf8_lossy(&received.drain(..end).collect::<Vec<_>>()).into_owned();
    let mut request = Heard { head, body: Vec::new() };
    let length = request.lines("content-length").first().map_or(0, |length| length.parse().unwrap());
    let is_chunked = !request.lines("transfer-encoding").is_empty();
    while if is_chunked { !received.ends_with(b"0\r\n\r\n") } else { received.len() < length } {
        if stream.read_buf(received).await.ok()? == 0 {
            return None;
        }
    }
    let length = if is_chunked { received.len() } else { length };
    request.body = received.drain(..length).collect();
    Some(request)
}
