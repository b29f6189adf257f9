//! HTTP/2, told in HTTP/1.1: octets are read as the requests that they are, sent as frames, and answers told back.

use std::collections::VecDeque;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use tokio::task::JoinHandle;

use super::transport::Line;
use super::wire::{Answer, fields};

/// One connection.
pub(crate) struct Streams {
    sender: SendRequest<Bytes>,
    driving: JoinHandle<()>,
    /// What was sent and is no whole head.
    held: Vec<u8>,
    /// The body that goes on, and how much of it is to come.
    body: Option<(SendStream<Bytes>, usize)>,
    asked: VecDeque<ResponseFuture>,
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.driving.abort();
    }
}

impl Streams {
    /// `None` when the connection ended before it began.
    pub(crate) async fn of(line: Box<dyn Line>) -> Option<Self> {
        let (sender, connection) = h2::client::handshake(line).await.ok()?;
        let driving = tokio::spawn(async move { drop(connection.await) });
        Some(Self { sender, driving, held: Vec::new(), body: None, asked: VecDeque::new() })
    }

    /// Sends what these octets say. They must be such as can be said.
    pub(crate) async fn send(&mut self, octets: &[u8]) {
        self.held.extend_from_slice(octets);
        loop {
            if let Some((mut stream, left)) = self.body.take() {
                let length = left.min(self.held.len());
                let piece = Bytes::from(self.held.drain(..length).collect::<Vec<_>>());
                let _ = stream.send_data(piece, length == left);
                if length < left {
                    self.body = Some((stream, left - length));
                    return;
                }
            }
            let Some(end) = self.held.windows(4).position(|four| four == b"\r\n\r\n") else { return };
            let head: Vec<u8> = self.held.drain(..end + 4).collect();
            self.request(&head).await;
        }
    }

    async fn request(&mut self, head: &[u8]) {
        let said = Said::of(head).unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(head)));
        let Ok(mut sender) = self.sender.clone().ready().await else { return };
        let Ok((answer, stream)) = sender.send_request(said.request, said.length == 0) else { return };
        self.asked.push_back(answer);
        self.body = Some((stream, said.length)).filter(|(_, length)| *length > 0);
    }

    /// The answer to the next request; `None` when it was reset, or the connection ended.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let (parts, mut body) = self.asked.pop_front()?.await.ok()?.into_parts();
        let mut octets = Vec::new();
        while let Some(piece) = body.data().await {
            let piece = piece.ok()?;
            let _ = body.flow_control().release_capacity(piece.len());
            octets.extend_from_slice(&piece);
        }
        let fields: Vec<_> =
            parts.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let mut told = format!("HTTP/2 {}\r\n", parts.status.as_u16()).into_bytes();
        for (name, value) in &fields {
            told.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        told.extend_from_slice(&[b"\r\n", octets.as_slice()].concat());
        Some(Answer { status: parts.status.as_u16(), fields, body: octets, octets: told })
    }
}

/// What a head of HTTP/1.1 says, in the words of HTTP/2.
pub(crate) struct Said {
    request: Request<()>,
    length: usize,
}

impl Said {
    /// Why not, if it cannot be said.
    pub(crate) fn of(head: &[u8]) -> Result<Self, &'static str> {
        let (line, _) = head.split_at(head.windows(2).position(|two| two == b"\r\n").ok_or("no line")?);
        let line = str::from_utf8(line).map_err(|_| "a request line beyond ASCII")?;
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err("no request line");
        };
        let path: PathAndQuery = target.parse().map_err(|_| "a target that no library sends")?;
        if path.as_str() != target {
            return Err("a target that would be sent otherwise");
        }
        let fields = fields(head);
        let hosts: Vec<_> = fields.iter().filter(|(name, _)| name == "host").map(|(_, value)| value).collect();
        let authority = Authority::try_from(hosts.first().ok_or("no authority")?.as_slice());
        let uri = Uri::builder().scheme(Scheme::HTTPS).path_and_query(path);
        let uri = uri.authority(authority.map_err(|_| "an authority that no library sends")?).build();
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| "a method that is no token")?;
        let mut request = Request::new(());
        (*request.method_mut(), *request.uri_mut()) = (method, uri.map_err(|_| "no URI")?);
        // One Host is the authority; more than one are said beside it.
        for (name, value) in fields.iter().filter(|(name, _)| name != "host" || hosts.len() > 1) {
            if matches!(name.as_str(), "connection" | "transfer-encoding" | "upgrade" | "keep-alive" | "te") {
                return Err("a field that HTTP/2 does not have");
            }
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a name that is no token")?;
            let value = HeaderValue::from_bytes(value).map_err(|_| "a value that no library sends")?;
            request.headers_mut().append(name, value);
        }
        let length = fields.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.as_slice());
        let length = str::from_utf8(length.unwrap_or(b"0")).ok().and_then(|digits| digits.parse().ok());
        Ok(Self { request, length: length.ok_or("no length")? })
    }
}
