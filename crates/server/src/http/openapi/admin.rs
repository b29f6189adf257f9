//! What administrators see.
#![expect(dead_code, reason = "the functions stand for the handlers, which carry nothing of this")]

use countersign_core::problem::Problem;
use utoipa::OpenApi;

use super::examples;
use super::problem::{ANY, IN_SESSION, LISTED, NAMED, PROVEN, refusals};
use crate::service::admin::{SessionPage, Status, UserPage};
use crate::service::events::EventPage;

#[derive(OpenApi)]
#[openapi(paths(list_events, follow_events, list_users, list_all_sessions, status))]
pub(super) struct Group;

refusals! {
    ListRefused = ANY, NAMED, PROVEN, IN_SESSION, &[Problem::FORBIDDEN], LISTED;
    StreamRefused = ANY, NAMED, PROVEN, IN_SESSION, &[Problem::FORBIDDEN, Problem::UNPROCESSABLE];
    StatusRefused = ANY, NAMED, PROVEN, IN_SESSION, &[Problem::FORBIDDEN];
}

/// Lists events.
#[utoipa::path(
    get,
    path = "/api/admin/events",
    params(
        ("after" = Option<u64>, Query, description = "The oldest after this number; without it the newest."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most so many; 100 if not given."),
        ("kind" = Option<Vec<String>>, Query, style = Form, explode, description = "Of this kind only; may stand several times."),
        ("user" = Option<String>, Query, format = "uuid", description = "About this user only."),
        ("session" = Option<String>, Query, description = "About this session only, by its public name."),
        ("since" = Option<u64>, Query, description = "Not from before this time, in milliseconds since the Unix epoch."),
    ),
    responses(
        (status = 200, description = "Oldest first.", body = EventPage, example = examples::events),
        ListRefused,
    ),
    security(("signature" = [])),
)]
fn list_events() {}

/// Gives each event as it is recorded, as server-sent events.
#[utoipa::path(
    get,
    path = "/api/admin/events/stream",
    description = "It has no end, so it is signed as a stream only (docs/protocol.md, §9.2); whoever does not ask for one is refused. \
                   After 15 s without an event a comment comes.",
    params(
        ("after" = Option<u64>, Query, description = "Those after this number; without it those from now on."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Taken, and without effect."),
        ("kind" = Option<Vec<String>>, Query, style = Form, explode, description = "Of this kind only; may stand several times."),
        ("user" = Option<String>, Query, format = "uuid", description = "About this user only."),
        ("session" = Option<String>, Query, description = "About this session only, by its public name."),
        ("since" = Option<u64>, Query, description = "Not from before this time, in milliseconds since the Unix epoch."),
        ("Countersign-Accept-Stream" = String, Header, description = "`1`, and covered by the signature."),
    ),
    responses(
        (status = 200, description = "`id` is the number of an event, `event` its kind, `data` an `EventRow`.",
         content_type = "text/event-stream", body = String),
        StreamRefused,
    ),
    security(("signature" = [])),
)]
fn follow_events() {}

/// Lists users.
#[utoipa::path(
    get,
    path = "/api/admin/users",
    params(
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Look at no more than so many; 100 if not given."),
        ("role" = Option<String>, Query, description = "Only `user`, `admin` or `service`."),
        ("state" = Option<String>, Query, description = "Only `enabled` or `disabled`."),
    ),
    responses(
        (status = 200, description = "A page.", body = UserPage, example = examples::users),
        ListRefused,
    ),
    security(("signature" = [])),
)]
fn list_users() {}

/// Lists sessions.
#[utoipa::path(
    get,
    path = "/api/admin/sessions",
    params(
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Look at no more than so many; 100 if not given."),
        ("user" = Option<String>, Query, format = "uuid", description = "Only those of this user."),
        ("state" = Option<String>, Query, description = "Only `open`, `ended` or `expired`."),
    ),
    responses(
        (status = 200, description = "A page.", body = SessionPage, example = examples::sessions),
        ListRefused,
    ),
    security(("signature" = [])),
)]
fn list_all_sessions() {}

/// Says how the guard is.
#[utoipa::path(
    get,
    path = "/api/admin/status",
    responses(
        (status = 200, description = "How it is.", body = Status, example = examples::status),
        StatusRefused,
    ),
    security(("signature" = [])),
)]
fn status() {}
