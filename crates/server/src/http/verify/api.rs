use axum::BoxError;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http_body::Body as HttpBody;
use tower::{Service, ServiceExt as _};

/// What the guard stands in front of: any service that takes a request once it is ready, and answers.
pub trait Api: Send {
    /// Has one request served.
    fn call(self, request: Request) -> impl Future<Output = Result<Response, BoxError>> + Send;
}

impl<S, B> Api for S
where
    S: Service<Request, Response = http::Response<B>, Error: Into<BoxError>, Future: Send> + Send,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    async fn call(self, request: Request) -> Result<Response, BoxError> {
        self.oneshot(request).await.map(|response| response.map(Body::new)).map_err(Into::into)
    }
}
