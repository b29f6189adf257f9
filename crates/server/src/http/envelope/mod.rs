//! `GET /api/auth/envelope`: envelopes on a WebSocket (protocol §8, RFC 6455).
//!
//! The handshake proves nothing and is not asked to: each message proves itself, and is judged by the code that judges
//! requests. So a connection may carry the messages of any number of keys, and what is bounded is the connection: how many,
//! how long without an authentic message, how large, how much at one time.

mod connection;
mod dispatch;
mod door;
mod ending;
mod room;
mod serve;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::any;

use self::door::Door;
use self::room::Room;
use super::arrival::arriving;
use crate::app::SharedApp;

/// Where it is.
pub(super) const ADDRESS: &str = "/api/auth/envelope";

/// The door for envelopes, if any action stands for anything.
pub(super) fn router(app: &SharedApp) -> Router {
    let envelopes = &app.accounts.config.envelopes;
    if !envelopes.are_taken() {
        return Router::new();
    }
    let room = Arc::new(Room::new(envelopes.max_connections, envelopes.max_connections_per_address));
    Router::new()
        .route(ADDRESS, any(door::open))
        .route_layer(from_fn_with_state(app.clone(), arriving))
        .with_state(Door { app: app.clone(), room })
}
