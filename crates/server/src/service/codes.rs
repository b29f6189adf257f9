//! A user has recovery codes made, to be printed before they are needed (protocol §10).

use std::net::IpAddr;
use std::sync::Arc;

use countersign_core::account::{Recovers, RecoveryKind, Ticket, TicketState};
use countersign_core::enrolment::{AskedForCodes, Coded, RecoveryCode};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::TicketId;
use countersign_core::secret::Secret32;
use countersign_core::time::Timestamp;
use countersign_core::verdict::Principal;

use super::Undecided;
use crate::app::App;
use crate::edge;

/// Makes the codes that a signed request asks for, voids those from before, and gives the message that carries the new ones
/// to whoever asked. None when the message does not open under the key that signed.
pub async fn make_codes(
    app: &Arc<App>,
    signer: &Principal,
    body: Vec<u8>,
    from: IpAddr,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, Undecided> {
    let Some(asked) = open(app, signer, body).await? else { return Ok(None) };
    let (mut tickets, mut codes) = (Vec::new(), Vec::<Coded>::new());
    for _ in 0..asked.count() {
        let id = TicketId(edge::random());
        let recovers = Some(Recovers { user: signer.user, by: RecoveryKind::Code });
        let (role, state) = (signer.role, TicketState::Open);
        tickets.push(Ticket { id, role, recovers, not_after: Timestamp::MAX, created: now, state });
        codes.push((id, RecoveryCode::of_ticket(&app.accounts.secrets.ticket, id, &signer.username)));
    }
    let event = Event {
        at: now,
        kind: EventKind::RecoveryCodesMade,
        user: Some(signer.user),
        key: signer.key().cloned(),
        session: signer.session.as_ref().map(|session| session.reference),
        actor: from.to_string(),
        detail: format!("{}; the ones from before are void", tickets.len()),
    };
    app.accounts.stores.successions.replace_codes(signer.user, &tickets, &event).await?;
    let ephemeral = Secret32::new(edge::random());
    app.handshakes.run(move || asked.answer(&codes, &ephemeral).ok()).await
}

async fn open(app: &Arc<App>, signer: &Principal, body: Vec<u8>) -> Result<Option<AskedForCodes>, Undecided> {
    let Some(keyid) = signer.key().cloned() else { return Ok(None) };
    let Some(holder) = app.accounts.keyring.find(keyid.as_str())? else { return Ok(None) };
    let root = holder.root(&app.accounts.secrets.kek)?;
    let keys = app.accounts.secrets.static_keys.accepted().ok_or(Undecided::SecretsInDoubt)?;
    let authority = app.accounts.authority.clone();
    let open =
        move || keys.iter().find_map(|key| AskedForCodes::open((&keyid, &root), (key, authority.as_str()), &body));
    app.handshakes.run(open).await
}
