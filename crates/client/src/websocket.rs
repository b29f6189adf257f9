//! WebSockets (protocol §4.7): the handshake is a signed request, and the server's consent a signed answer.

use bytes::Bytes;
use countersign_core::encoding::b64;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http::{Method, StatusCode, Version};
use reqwest::Upgraded;
use sha1::{Digest as _, Sha1};

use crate::conversation::{Outgoing, Verified};
use crate::transport::{Arrived, Network, http_client, random};
use crate::{Answer, CallError, Client, Target};

const SEC_WEBSOCKET_ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");
const SEC_WEBSOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const SEC_WEBSOCKET_VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");

/// What the key is joined with to be hashed (RFC 6455 §1.3).
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What became of a handshake.
#[derive(Debug)]
pub enum Handshake {
    /// The connection is a WebSocket now.
    Opened(WebSocket),
    /// The server answered in another way, verifiably: the API said no, or the route takes no WebSockets.
    Declined(Answer),
}

/// A connection that the server has agreed to make a WebSocket.
///
/// The handshake and the consent are signed; **what is said from here on is not**: whoever stands between can change it
/// unless there is TLS, or the messages are signed themselves. The server ends the connection when the key is revoked.
#[derive(Debug)]
pub struct WebSocket {
    /// The 101, verified: `sec-websocket-protocol` and the like are among its fields.
    pub answer: Answer,
    /// The connection, for a library that frames messages, in the role of the client.
    pub stream: Upgraded,
}

impl Client {
    /// Asks to make a connection of its own a WebSocket at `target`, and verifies the consent.
    ///
    /// `headers` are further fields of the handshake, such as `sec-websocket-protocol`; all are signed. The rest of RFC 6455's
    /// handshake is added here, and the answer to it is compared. It is HTTP/1.1 whatever the server speaks. Like
    /// [`call`](Client::call), this asks a second time when the first was rejected for its time.
    pub async fn open_websocket(&self, target: &str, headers: HeaderMap) -> Result<Handshake, CallError> {
        let target = Target::parse(target, &self.server, &self.conversation.credentials().authority)?;
        let (first, stream) = self.shake(&target, headers.clone()).await?;
        if !first.rejected_for_its_time {
            return Ok(outcome(first, false, stream));
        }
        let clock_change = first.clock_change;
        let (mut second, stream) = self.shake(&target, headers).await?;
        second.clock_change = clock_change.or(second.clock_change);
        Ok(outcome(second, true, stream))
    }

    async fn shake(&self, target: &Target, mut headers: HeaderMap) -> Result<(Verified, Option<Upgraded>), CallError> {
        let key = b64(&random::<16>()?);
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&key).map_err(|_| CallError::NotAWebSocket)?);
        let method = &Method::GET;
        let outgoing =
            Outgoing { method, path: target.path(), query: target.query(), headers: &headers, body: &Bytes::new() };
        let signed = self.conversation.sign_handshake(&outgoing, random()?, self.clock.read())?;
        let mut request = reqwest::Request::new(method.clone(), target.url().clone());
        headers.extend(signed.headers);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        self.name_the_server(target, &mut headers);
        *request.headers_mut() = headers;
        // Only HTTP/1.1 upgrades, and the connection would serve nobody else afterwards anyway.
        let http = http_client(&self.server, false)?;
        let answer = http.execute(request).await.map_err(Network::of)?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok((self.judge(&signed.receipt, &Arrived::read(answer).await?)?, None));
        }
        let (status, headers) = (answer.status(), answer.headers().clone());
        let verified = self.judge(&signed.receipt, &Arrived { status, headers, body: Some(Bytes::new()) })?;
        if !consents(&verified.headers, &key) {
            return Err(CallError::NotAWebSocket);
        }
        Ok((verified, Some(answer.upgrade().await.map_err(Network::of)?)))
    }
}

fn outcome(verified: Verified, retried: bool, stream: Option<Upgraded>) -> Handshake {
    let clock_change = verified.clock_change;
    let version = Version::HTTP_11;
    let answer = Answer { verified, version, retried, answer_was_lost: false, clock_change };
    match stream {
        Some(stream) => Handshake::Opened(WebSocket { answer, stream }),
        None => Handshake::Declined(answer),
    }
}

/// Whether these fields, all of them signed, answer the key (RFC 6455 §4.1).
fn consents(headers: &HeaderMap, key: &str) -> bool {
    let accept = b64(&Sha1::new().chain_update(key).chain_update(SUFFIX).finalize());
    let is = |name, value: &str| {
        let mut lines = headers.get_all(name).iter();
        lines.next().is_some_and(|line| line.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
            && lines.next().is_none()
    };
    is(UPGRADE, "websocket") && headers.get(SEC_WEBSOCKET_ACCEPT).is_some_and(|line| line == accept.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_fits_the_key_of_the_handshake() {
        // The example of RFC 6455 §1.3.
        let (key, accept) = ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let answer = |upgrade: &str, accept: &str| {
            HeaderMap::from_iter([
                (UPGRADE, HeaderValue::from_str(upgrade).unwrap()),
                (SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(accept).unwrap()),
            ])
        };
        assert!(consents(&answer("WebSocket", accept), key));
        assert!(!consents(&answer("h2c", accept), key));
        assert!(!consents(&answer("websocket", &accept.to_lowercase()), key));
        assert!(!consents(&HeaderMap::new(), key));
    }
}
