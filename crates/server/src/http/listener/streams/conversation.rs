use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::HttpService;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tower_service::Service;

use super::super::body::RequestBody;
use super::super::connection::Connection;
use super::super::drive::{Conversation, drive};
use super::super::framing::MAX_HEAD;
use super::super::guard::Guard;
use super::super::limits::Limits;
use super::door::StreamDoor;
use super::taking::Taking;

/// The streams that a client may have open at one time; RFC 9113 §6.5.2 asks for no fewer.
const MOST_STREAMS: u32 = 100;
/// What may be under way to us on one stream, and on all streams of a connection, before somebody reads it.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// Answers that wait in hyper on one stream.
const SEND_BUFFER: usize = 64 * 1024;
/// The longest list of fields that is read. Every field counts 32 octets more than it has (RFC 9113 §6.5.2), and what is too
/// long for us by less than that is told so in a proper answer. The number of CONTINUATION frames follows from it
/// (CVE-2024-27316).
const HEADER_LIST: u32 = 2 * MAX_HEAD as u32;
/// Streams that were reset before we have taken notice of them, more of which end the connection (CVE-2023-44487).
const RESET_UNSEEN: usize = 20;
/// Streams that a client makes us reset by errors of its own, more of which end the connection (CVE-2025-8671).
const RESET_BY_US: usize = 64;
/// How often a connection is tried that has been silent, and how long it may take to answer.
const ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<I> {
    /// Answers the requests on this connection, which speaks HTTP/2, until it ends.
    pub(in crate::http::listener) async fn serve_streams<S, B>(self, service: S, limits: Limits)
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send> + Clone,
        S: Send + 'static,
        B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + Unpin + 'static,
    {
        let (ledger, taking) = (self.ledger, Arc::<Taking>::default());
        ledger.begin_streams();
        let door = StreamDoor {
            service,
            caller: self.caller,
            ledger: Arc::clone(&ledger),
            taking: Arc::clone(&taking),
            limits,
        };
        let io = Guard::standing_aside(self.io, Arc::clone(&ledger), self.permit);
        let answer = hyper::service::service_fn(move |request: Request<Incoming>| door.answer(request));
        let connection = builder().serve_connection(TokioIo::new(io), answer);
        drive(OnStreams { connection: Box::pin(connection), taking }, &ledger, limits).await;
    }
}

fn builder() -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .keep_alive_interval(ALIVE.0)
        .keep_alive_timeout(ALIVE.1)
        .max_concurrent_streams(MOST_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADER_LIST)
        .max_pending_accept_reset_streams(RESET_UNSEEN)
        .max_local_error_reset_streams(RESET_BY_US);
    http
}

/// hyper's connection, and what its answers wait for.
struct OnStreams<C> {
    connection: Pin<Box<C>>,
    taking: Arc<Taking>,
}

impl<C: Future> Future for OnStreams<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        self.connection.as_mut().poll(cx)
    }
}

impl<I, S, B> Conversation for OnStreams<http2::Connection<I, S, TokioExecutor>>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, ResBody = B, Future: Send + 'static, Error: Into<axum::BoxError>>,
    B: Body<Data: Send, Error: Into<axum::BoxError>> + Send + 'static,
{
    fn end_after_this(mut self: Pin<&mut Self>) {
        self.connection.as_mut().graceful_shutdown();
    }

    fn take_leave(self: Pin<&mut Self>) -> bool {
        self.end_after_this();
        true
    }

    fn answers_end(&self) -> Option<Instant> {
        self.taking.earliest_end()
    }
}
