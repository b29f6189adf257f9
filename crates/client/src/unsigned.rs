//! Requests that nobody signs: those of whoever has no key yet, or none at all.

use bytes::Bytes;
use countersign_core::authority::Authority;
use http::header::{HOST, HeaderValue};
use http::{HeaderMap, Method, Version};

use crate::transport::{Arrived, Clock, Network, http_client};
use crate::{BadUrl, Server, Target};

/// A way to a server for requests that are not signed.
#[derive(Clone, Debug)]
pub(crate) struct Unsigned {
    http: reqwest::Client,
    server: Server,
    authority: Authority,
    pub(crate) clock: Clock,
}

impl Unsigned {
    /// A way to `server`, which calls itself `authority`.
    pub(crate) fn new(server: &Server, authority: &Authority) -> Result<Self, Network> {
        let http = http_client(server, server.authority() == authority)?;
        Ok(Self { http, server: server.clone(), authority: authority.clone(), clock: Clock::start() })
    }

    /// The address of something there.
    pub(crate) fn target(&self, text: &str) -> Result<Target, BadUrl> {
        Target::parse(text, &self.server, &self.authority)
    }

    /// Sends, and takes in what comes back, in whichever version of HTTP. Nothing of it is proven.
    pub(crate) async fn send(
        &self,
        method: &Method,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Arrived, Version), Network> {
        let mut request = reqwest::Request::new(method.clone(), target.url().clone());
        *request.headers_mut() = headers;
        if *target.authority() != self.authority
            && let Ok(host) = HeaderValue::from_str(self.authority.as_str())
        {
            request.headers_mut().insert(HOST, host);
        }
        if !body.is_empty() || *method == Method::POST {
            *request.body_mut() = Some(body.into());
        }
        let answer = self.http.execute(request).await.map_err(Network::of)?;
        let version = answer.version();
        Ok((Arrived::read(answer).await?, version))
    }
}
