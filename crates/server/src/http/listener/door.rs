use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tower::ServiceExt;
use tower_service::Service;
use tracing::debug;

use super::answer::{Answer, Receipt};
use super::body::RequestBody;
use super::caller::Caller;
use super::ledger::Ledger;

/// The way from hyper to the service: refused heads are answered here, everything else goes in.
#[derive(Clone)]
pub(super) struct Door<S> {
    pub(super) service: S,
    pub(super) caller: Caller,
    pub(super) ledger: Arc<Ledger>,
}

impl<S, B> Door<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    /// Answers one request. It is counted when this is called, not when the future is first polled.
    pub(super) fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Answer<B>>, Infallible>> + use<S, B> {
        let violation = self.ledger.begin_request();
        let receipt = Receipt(Arc::clone(&self.ledger));
        let door = self.clone();
        async move {
            let Some(violation) = violation else { return door.serve(request, receipt).await };
            debug!(peer = %door.caller.socket(), rule = violation.rule(), "refused a malformed message");
            Ok(Answer::refusing(violation, receipt))
        }
    }

    async fn serve(self, request: Request<Incoming>, receipt: Receipt) -> Result<Response<Answer<B>>, Infallible> {
        let offers_upgrade = request.headers().contains_key(UPGRADE);
        let mut request = request.map(|incoming| RequestBody::new(incoming, Arc::clone(&self.ledger)));
        let peer = self.caller.peer(request.headers());
        request.extensions_mut().insert(peer);
        let mut answer = self.service.oneshot(request).await?;
        if offers_upgrade {
            self.ledger.decide_upgrade(answer.status() == StatusCode::SWITCHING_PROTOCOLS);
        }
        // hyper will not wait for the rest of a body that nobody wanted, so the client is told that this is the end.
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS && self.ledger.is_body_missing() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(Answer::of_service(answer, receipt))
    }
}
