//! A request that is signed by hand, for a moment of our choice.

use std::time::Duration;

use countersign_core::signature::{
    Field, ReceivedAnswer, RequestHead, SignatureParams, SignedRequest, sha256_digest_field, sign_request,
};
use countersign_core::time::{Freshness, Timestamp};
use countersign_server::edge;

use super::api::Order;
use super::evidence::{Said, refusal};
use super::middle::{Line, Message, Middle};
use super::stage::Stage;

/// Well within the window, once a moment has come.
const MARGIN: Duration = Duration::from_millis(100);

/// Sends an order that is older than the window admits.
pub(crate) async fn stale(stage: &Stage, middle: &Middle, order: &Order) -> anyhow::Result<Vec<Said>> {
    let then = edge::now().wall.saturating_sub(2 * Freshness::DEFAULT.window());
    Ok(vec![SignedByHand::new(stage, order, then)?.send(middle).await?])
}

/// Sends an order that is ahead of its time, and sends it again when its time has come: had it not been burnt, it would
/// be admitted then.
pub(crate) async fn future_dated(stage: &Stage, middle: &Middle, order: &Order) -> anyhow::Result<Vec<Said>> {
    let window = Freshness::DEFAULT.window();
    let then = Timestamp::from_secs(edge::now().wall.saturating_add(window).as_secs() + 3);
    let signed = SignedByHand::new(stage, order, then)?;
    let early = signed.send(middle).await?;
    tokio::time::sleep(then.saturating_sub(window).since(edge::now().wall) + MARGIN).await;
    Ok(vec![early, signed.send(middle).await?])
}

struct SignedByHand<'a> {
    stage: &'a Stage,
    signed: SignedRequest,
    message: Message,
}

impl<'a> SignedByHand<'a> {
    fn new(stage: &'a Stage, order: &Order, created: Timestamp) -> anyhow::Result<Self> {
        let credentials = &stage.credentials;
        let (path, query) = order.target.split_once('?').map_or((order.target, None), |(path, q)| (path, Some(q)));
        let digest = sha256_digest_field(order.body.as_bytes());
        let mut fields: Vec<_> = order.fields.to_vec();
        fields.push(("content-digest", &digest));
        let signing: Vec<_> = fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let authority = credentials.authority.as_str();
        let head = RequestHead { method: order.method, authority, path, query, fields: &signing };
        let (keyid, created_secs) = (credentials.keyid.as_str(), created.as_secs());
        let params = SignatureParams { keyid, nonce: edge::random(), created_secs, expires_secs: None };
        let signed = sign_request(&credentials.keys.c2s, &params, &head)?;

        let start = format!("{} {} HTTP/1.1", order.method, order.target);
        let mut message = Message { start, lines: Vec::new(), body: Vec::new() };
        message.set("host", authority);
        fields.iter().for_each(|(name, value)| message.set(name, value));
        message.set("signature-input", signed.signature_input());
        message.set("signature", &signed.signature());
        message.set_body(order.body);
        Ok(Self { stage, signed, message })
    }

    async fn send(&self, middle: &Middle) -> anyhow::Result<Said> {
        let answer = Line::to(middle.address()).send(&self.message).await?;
        let names: Vec<_> = answer.fields().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let fields: Vec<_> = names.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let status = answer.status().unwrap_or_default();
        let received = ReceivedAnswer { status, fields: &fields, body: &answer.body, bodyless: false };
        Ok(match self.signed.verify_answer(&self.stage.credentials.keys.s2c, &received) {
            Ok(_) => refusal(&answer).map_or(Said::Verified(status), Said::Refused),
            Err(class) => Said::Interference(class),
        })
    }
}
