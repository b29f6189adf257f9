use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tower_service::Service;
use tracing::debug;

use super::super::body::RequestBody;
use super::super::caller::Caller;
use super::super::framing::judge_stream_head;
use super::super::ledger::Ledger;
use super::super::limits::Limits;
use super::answer::{StreamAnswer, StreamReceipt};
use super::taking::Taking;

/// The way from hyper to the service for requests on streams.
#[derive(Clone)]
pub(super) struct StreamDoor<S> {
    pub(super) service: S,
    pub(super) caller: Caller,
    pub(super) ledger: Arc<Ledger>,
    pub(super) taking: Arc<Taking>,
    pub(super) limits: Limits,
}

impl<S, B> StreamDoor<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    /// Answers one request. It is counted when this is called, not when the future is first polled.
    pub(super) fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<StreamAnswer<B>>, Infallible>> + use<S, B> {
        let wanted = self.ledger.begin_stream();
        let receipt = StreamReceipt::new(Arc::clone(&self.ledger), Arc::clone(&self.taking), self.limits.answer);
        let door = self.clone();
        async move {
            if !wanted {
                // The connection is about to be closed, and this with it.
                return pending().await;
            }
            door.serve(request, receipt).await
        }
    }

    async fn serve(
        self,
        request: Request<Incoming>,
        receipt: StreamReceipt,
    ) -> Result<Response<StreamAnswer<B>>, Infallible> {
        let (mut parts, incoming) = request.into_parts();
        let body = RequestBody::on_stream(incoming, &self.limits);
        if let Err(violation) = judge_stream_head(&mut parts) {
            debug!(peer = %self.caller.socket(), rule = violation.rule(), "refused a malformed message");
            return Ok(StreamAnswer::refusing(violation, receipt));
        }
        parts.extensions.insert(self.caller.peer(&parts.headers));
        let answer = self.service.oneshot(Request::from_parts(parts, body)).await?;
        Ok(StreamAnswer::of_service(answer, receipt))
    }
}
