//! The same in an envelope, on a WebSocket (protocol §8).

use countersign_client::envelope::{EnvelopeAnswer, EnvelopeClient, EnvelopeConversation, EnvelopeCredentials};
use countersign_client::{CallError, Client};
use countersign_core::envelope::Action;
use countersign_core::problem::Problem;
use http::StatusCode;

use super::{Args, failed, refusal, say_how_to_go_on, say_what_it_took};
use crate::exit::Exit;
use crate::voice::Voice;
use crate::{input, say};

/// Sends one envelope, and prints the packet of its verified answer as it came.
pub(super) async fn run(args: &Args, voice: &mut Voice, action: &Action) -> anyhow::Result<Exit> {
    let packet = args.data.as_deref().map(input::octets).transpose()?.unwrap_or_default();
    let client = voice.client()?;
    let mut called = send(voice, &client, action, &packet).await?;
    if let Ok(answer) = &called
        && let Some(client) = voice.instead_of(&client, answer.verified.problem).await?
    {
        called = send(voice, &client, action, &packet).await?;
    }
    match &called {
        Ok(answer) => answered(voice, answer),
        Err(error) => failed(args, error, None),
    }
}

async fn send(
    voice: &Voice,
    client: &Client,
    action: &Action,
    packet: &[u8],
) -> anyhow::Result<Result<EnvelopeAnswer, CallError>> {
    let profile = &voice.profile;
    let credentials = match voice.session() {
        Some(session) => session.envelope_credentials().ok_or(CallError::NoKey)?,
        None => {
            let key = profile.key()?;
            let (authority, keyid) = (profile.authority.clone(), key.keyid.clone().into());
            EnvelopeCredentials::new(authority, keyid, &profile.username, &key.root)
        }
    };
    let conversation = EnvelopeConversation::new(credentials, client.conversation().offset_ms());
    Ok(EnvelopeClient::new(profile.server.clone(), conversation)?.call(action, packet).await)
}

fn answered(voice: &Voice, answer: &EnvelopeAnswer) -> anyhow::Result<Exit> {
    say_what_it_took(answer.retried, answer.clock_change);
    let verified = &answer.verified;
    say::body(&verified.packet)?;
    let status = StatusCode::from_u16(verified.status)?;
    if status.is_success() || status.is_redirection() {
        return Ok(Exit::Done);
    }
    let problem: Option<&Problem> = verified.problem;
    say::note(refusal(status, problem, verified.outcome_is_unknown()));
    say_how_to_go_on(voice, problem);
    Ok(Exit::Refused)
}
