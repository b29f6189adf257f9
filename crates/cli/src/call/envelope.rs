//! The same in an envelope, on a WebSocket (protocol §8).

use countersign_client::envelope::{EnvelopeAnswer, EnvelopeClient, EnvelopeConversation, EnvelopeCredentials};
use countersign_core::envelope::Action;
use http::StatusCode;

use super::{Args, failed, keep_clock, refusal, say_what_it_took};
use crate::exit::Exit;
use crate::profile::{Profile, Shelf};
use crate::{input, say};

/// Sends one envelope, and prints the packet of its verified answer as it came.
pub(super) async fn run(shelf: &Shelf, args: &Args, profile: &Profile, action: &Action) -> anyhow::Result<Exit> {
    let packet = args.data.as_deref().map(input::octets).transpose()?.unwrap_or_default();
    let Profile { server, username, credentials, root, offset_ms, .. } = profile;
    let (authority, keyid) = (credentials.authority.clone(), credentials.keyid.clone());
    let credentials = EnvelopeCredentials::new(authority, keyid, username, root);
    let client = EnvelopeClient::new(server.clone(), EnvelopeConversation::new(credentials, *offset_ms))?;
    let called = client.call(action, &packet).await;
    keep_clock(shelf, args, *offset_ms, client.conversation().offset_ms());
    match &called {
        Ok(answer) => answered(answer),
        Err(error) => failed(args, error, None),
    }
}

fn answered(answer: &EnvelopeAnswer) -> anyhow::Result<Exit> {
    say_what_it_took(answer.retried, answer.clock_change);
    let verified = &answer.verified;
    say::body(&verified.packet)?;
    let status = StatusCode::from_u16(verified.status)?;
    if status.is_success() || status.is_redirection() {
        return Ok(Exit::Done);
    }
    say::note(refusal(status, verified.problem, verified.outcome_is_unknown()));
    Ok(Exit::Refused)
}
