//! A scene: what the client does, what the man in the middle makes of it, and what should come of that.

use bytes::Bytes;
use countersign_client::Client;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::api::Order;
use super::by_hand;
use super::evidence::{Evidence, Expected, Said, refusal};
use super::middle::Middle;
use super::stage::Stage;
use super::trick::{Trick, Trickster};

/// One scene.
#[derive(Debug)]
pub(crate) struct Scene {
    /// What it is about, in a few words.
    pub(crate) name: &'static str,
    pub(crate) act: Act,
    pub(crate) trick: Trick,
    pub(crate) expected: Expected,
    /// Who stops it.
    pub(crate) caught_by: &'static str,
}

/// What the client does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// It calls.
    Call,
    /// It makes two calls at once.
    CallTwice,
    /// It calls with a clock that is an hour slow.
    CallAnHourLate,
    /// It is no client of ours: it calls with a key that nobody knows.
    CallAsStranger,
    /// A request of its own is 10 s old when it comes.
    BringStale,
    /// A request of its own comes before its time, and once more in time.
    BringFutureDated,
}

const TRANSFER: Order = Order {
    method: "POST",
    target: "/v1/transfers?dry=0",
    fields: &[("content-type", "application/json"), ("x-account", "1001")],
    body: r#"{"amount":25,"to":"bob"}"#,
};

const LIMIT: Order = Order {
    method: "PUT",
    target: "/v1/limits/1001",
    fields: &[("content-type", "application/json")],
    body: r#"{"daily":100}"#,
};

const HOUR_MS: i64 = 3_600_000;

impl Scene {
    /// Plays it, with a man in the middle of its own.
    pub(crate) async fn play(&self, stage: &Stage) -> anyhow::Result<Evidence> {
        let middle = Middle::before(stage.server, Trickster::from(self.trick)).await?;
        let said = self.act.perform(stage, &middle).await?;
        let refusals = middle.heard().iter().filter_map(refusal).map(|problem| problem.code).collect();
        Ok(Evidence { signed: self.act.signed(), said, carried_out: stage.api.carried_out(), refusals })
    }
}

impl Act {
    /// What the client signs with the key that it was given.
    fn signed(self) -> &'static [Order] {
        match self {
            Self::Call | Self::CallAnHourLate | Self::BringStale | Self::BringFutureDated => &[TRANSFER],
            Self::CallTwice => &[TRANSFER, LIMIT],
            Self::CallAsStranger => &[],
        }
    }

    async fn perform(self, stage: &Stage, middle: &Middle) -> anyhow::Result<Vec<Said>> {
        Ok(match self {
            Self::Call => vec![call(&stage.client(middle, 0)?, &TRANSFER).await?],
            Self::CallTwice => {
                let client = stage.client(middle, 0)?;
                let (one, two) = tokio::try_join!(call(&client, &TRANSFER), call(&client, &LIMIT))?;
                vec![one, two]
            }
            Self::CallAnHourLate => vec![call(&stage.client(middle, -HOUR_MS)?, &TRANSFER).await?],
            Self::CallAsStranger => vec![call(&stage.stranger(middle)?, &TRANSFER).await?],
            Self::BringStale => by_hand::stale(stage, middle, &TRANSFER).await?,
            Self::BringFutureDated => by_hand::future_dated(stage, middle, &TRANSFER).await?,
        })
    }
}

async fn call(client: &Client, order: &Order) -> anyhow::Result<Said> {
    let method: Method = order.method.parse()?;
    let fields =
        order.fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let headers: HeaderMap = fields.collect();
    let called = client.call(&method, order.target, headers, Bytes::from_static(order.body.as_bytes())).await;
    Ok(Said::of(&called))
}
