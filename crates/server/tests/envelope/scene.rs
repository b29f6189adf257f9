//! Who stands where in these tests.

use countersign_core::envelope::SignedEnvelope;

use crate::sockets::{ACTIONS, Api};
use crate::start;
use crate::whole::{Person, Whole};

/// A guard in front of an API, and alice, whose key is confirmed.
pub(crate) async fn stage(toml: &str) -> (Api, Whole, Person) {
    let (api, address) = Api::start().await;
    let whole = start(Some(address), &format!("{toml}\n{ACTIONS}")).await;
    let alice = whole.confirmed("alice").await;
    (api, whole, alice)
}

/// The time of an envelope, as it is written in it.
pub(crate) fn good_time(envelope: &SignedEnvelope) -> String {
    envelope.json().split("\"timestamp\":").nth(1).unwrap().split(',').next().unwrap().to_owned()
}
