//! The guard as a layer of tower: what every way in, the reverse proxy's too, is made of.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower::{Layer, Service};

use super::verify::{Api, answer};
use crate::app::SharedApp;

/// Puts a guard in front of a service; [`Guard::layer`](crate::Guard::layer) makes it.
///
/// The service gets requests that were verified, whole, with an [`Identity`](crate::Identity) among the extensions; and
/// where a `[[route]]` lets anybody in, unsigned ones without. Every answer to a signed request goes out signed, refusals
/// included. A service that fails or panics is answered for with 502 `bad-gateway`.
#[derive(Clone, Debug)]
pub struct VerifyLayer {
    app: SharedApp,
}

impl VerifyLayer {
    pub(crate) fn new(app: SharedApp) -> Self {
        Self { app }
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;

    fn layer(&self, api: S) -> Verify<S> {
        Verify { app: self.app.clone(), api }
    }
}

/// A service behind the guard.
#[derive(Clone, Debug)]
pub struct Verify<S> {
    app: SharedApp,
    api: S,
}

impl<S, B> Service<Request<B>> for Verify<S>
where
    S: Api + Clone + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    /// Always: the service is asked when there is a request that may reach it.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { app, api } = self.clone();
        let request = request.map(Body::new);
        Box::pin(async move { Ok(answer(&app, request, api).await) })
    }
}
