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
    /// The body that goes on, and how much of it is to come; nothing is said of that where it comes in chunks.
    body: Option<(SendStream<Bytes>, Option<usize>)>,
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
            let goes_on = match self.body.take() {
                Some((stream, Some(left))) => self.piece(stream, left),
                Some((stream, None)) => self.chunk(stream),
                None => false,
            };
            if goes_on {
                return;
            }
            let Some(end) = self.held.windows(4).position(|four| four == b"\r\n\r\n") else { return };
            let head: Vec<u8> = self.held.drain(..end + 4).collect();
            self.request(&head).await;
        }
    }

    /// Sends what there is of a body of a known length. Whether there is more to come.
    fn piece(&mut self, mut stream: SendStream<Bytes>, left: usize) -> bool {
        let length = left.min(self.held.len());
        let piece = Bytes::from(self.held.drain(..length).collect::<Vec<_>>());
        let _ = stream.send_data(piece, length == left);
        self.body = Some((stream, Some(left - length))).filter(|_| length < left);
        length < left
    }

    /// Sends what stands in chunks, which have to be there.
    fn chunk(&mut self, mut stream: SendStream<Bytes>) -> bool {
        loop {
            let line = self.held.windows(2).position(|two| two == b"\r\n").expect("a whole chunk");
            let size = usize::from_str_radix(str::from_utf8(&self.held[..line]).unwrap(), 16).unwrap();
            let chunk: Vec<u8> = self.held.drain(..line + size + 4).skip(line + 2).take(size).collect();
            let _ = stream.send_data(chunk.into(), size == 0);
            if size == 0 {
                return false;
            }
        }
    }

    async fn request(&mut self, head: &[u8]) {
        let said = Said::of(head).unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(head)));
        let Ok(mut sender) = self.sender.clone().ready().await else { return };
        let Ok((answer, stream)) = sender.send_request(said.request, said.length == Some(0)) else { return };
        self.asked.push_back(answer);
        self.body = Some((stream, said.length)).filter(|(_, length)| *length != Some(0));
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
        let mut fields: Vec<_> =
            parts.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        // The order of different fields means nothing, and depends on what they were made by.
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut told = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
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
    /// Of the body; unknown where it comes in chunks.
    length: Option<usize>,
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
        let chunked = |(name, value): &(String, Vec<u8>)| name == "transfer-encoding" && value == b"chunked";
        let said_otherwise = |field: &&(String, Vec<u8>)| chunked(field) || (field.0 == "host" && hosts.len() == 1);
        for (name, value) in fields.iter().filter(|field| !said_otherwise(field)) {
            if matches!(name.as_str(), "connection" | "transfer-encoding" | "upgrade" | "keep-alive" | "te") {
                return Err("a field that HTTP/2 does not have");
            }
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a name that is no token")?;
            let value = HeaderValue::from_bytes(value).map_err(|_| "a value that no library sends")?;
            request.headers_mut().append(name, value);
        }
        let length = fields.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.as_slice());
        let length = str::from_utf8(length.unwrap_or(b"0")).ok().and_then(|digits| digits.parse().ok());
        let length = if fields.iter().any(chunked) { None } else { Some(length.ok_or("no length")?) };
        Ok(Self { request, length })
    }
}
