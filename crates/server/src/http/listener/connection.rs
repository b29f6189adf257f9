use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::body::RequestBody;
use super::caller::Caller;
use super::door::Door;
use super::drive::{Conversation, drive};
use super::gate::Permit;
use super::guard::Guard;
use super::ledger::Ledger;
use super::limits::Limits;

/// hyper's buffers for one connection, each way. A head fits in four times.
const BUFFER: usize = 64 * 1024;

/// One accepted connection.
pub(super) struct Connection<I> {
    pub(super) io: I,
    /// What was read from it already.
    pub(super) received: Vec<u8>,
    pub(super) caller: Caller,
    pub(super) ledger: Arc<Ledger>,
    pub(super) permit: Option<Permit>,
}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<I> {
    /// Answers the requests on this connection until it ends.
    pub(super) async fn serve<S, B>(self, service: S, limits: Limits)
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
        B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin + 'static,
    {
        let ledger = self.ledger;
        let door = Door { service, caller: self.caller, ledger: Arc::clone(&ledger) };
        let guard = Guard::new(self.io, &self.received, Arc::clone(&ledger), self.permit);
        let answer = hyper::service::service_fn(move |request: Request<Incoming>| door.answer(request));
        let mut http = http1::Builder::new();
        // Every timeout is the driver's; hyper's own would need a second timer and answers without a body.
        http.header_read_timeout(None).max_buf_size(BUFFER);
        let conversation = http.serve_connection(TokioIo::new(guard), answer).with_upgrades();
        drive(conversation, &ledger, limits).await;
    }
}

impl<I, S, B> Conversation for http1::UpgradeableConnection<I, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<axum::BoxError>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    B: Body<Error: Into<axum::BoxError>> + 'static,
{
    fn end_after_this(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
