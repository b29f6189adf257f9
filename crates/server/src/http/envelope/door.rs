use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use countersign_core::problem::Problem;
use http::Method;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::connection::{Connection, FIRST};
use super::room::{Place, Room};
use crate::app::SharedApp;
use crate::http::peer::Peer;
use crate::http::problem::Refused;

/// What the handshake needs.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) app: SharedApp,
    pub(super) room: Arc<Room>,
}

/// The read buffer of one connection, which is there from the beginning.
const READ_BUFFER: usize = 8 * 1_024;

/// Answers the handshake of a WebSocket (RFC 6455 §4.2.2). Nothing in it is signed, and nothing in it is believed.
pub(super) async fn open(
    State(Door { app, room }): State<Door>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Result<Response, Refused> {
    if request.method() != Method::GET {
        return Err(Refused::method_not_allowed("GET"));
    }
    let answer = create_response_with_body(&request, Body::empty).map_err(|_| Problem::MALFORMED_REQUEST)?;
    let upgrade: OnUpgrade = request.extensions_mut().remove().ok_or(Problem::MALFORMED_REQUEST)?;
    let place = room.admit(peer.client).ok_or(Problem::UNAVAILABLE)?;
    app.lasting.spawn(converse(app.clone(), upgrade, peer, place));
    Ok(answer)
}

async fn converse(app: SharedApp, upgrade: OnUpgrade, peer: Peer, place: Place) {
    let Ok(upgraded) = upgrade.await else { return };
    let longest = Some(app.accounts.config.envelopes.max_message);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(longest)
        .max_frame_size(longest);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    Connection::new(app, peer.client, socket, FIRST).run().await;
    drop(place);
}
