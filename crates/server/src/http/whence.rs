use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;

use super::peer::Peer;
use crate::app::SharedApp;
use crate::service::whence::Whence;

impl FromRequestParts<SharedApp> for Whence {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Infallible> {
        let peer = Peer::of(&parts.extensions, &parts.headers, &app.accounts.config.client_address);
        let user_agent = parts.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        Ok(Self::new(peer.client, user_agent.as_deref()))
    }
}
