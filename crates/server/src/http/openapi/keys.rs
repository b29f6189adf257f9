//! Enrolment, and one's own keys.
#![expect(dead_code, reason = "the functions stand for the handlers, which carry nothing of this")]

use countersign_core::problem::Problem;
use utoipa::OpenApi;

use super::bodies::{Message, Registered};
use super::examples;
use super::problem::{ANY, IN_SESSION, LISTED, NAMED, ONCE, PROVEN, WHOLE, refusals};
use crate::http::envelope;
use crate::http::routes::seed;
use crate::service::own_keys::OwnKeys;

#[derive(OpenApi)]
#[openapi(paths(enrol, list_keys, rotate_key, end_key, make_recovery_codes, open_envelopes))]
pub(super) struct Group;

refusals! {
    EnrolRefused = ANY, NAMED, &[
        Problem::UNAUTHORIZED,
        Problem::CONFLICT,
        Problem::TOO_LARGE,
        Problem::UNSUPPORTED_TYPE,
        Problem::UNPROCESSABLE,
        Problem::THROTTLED,
    ];
    ListRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, LISTED;
    RotateRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[
        Problem::REAUTHENTICATION_REQUIRED,
        Problem::FORBIDDEN,
        Problem::UNPROCESSABLE,
    ];
    EndRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[
        Problem::REAUTHENTICATION_REQUIRED,
        Problem::NOT_FOUND,
    ];
    CodesRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[
        Problem::REAUTHENTICATION_REQUIRED,
        Problem::UNPROCESSABLE,
    ];
    EnvelopeRefused = ANY, NAMED, &[Problem::UNAUTHORIZED, Problem::NOT_FOUND];
}

/// Opens an account with a card, or, where the operator allows it, by the seed's own registration.
#[utoipa::path(
    post,
    path = "/api/auth/enrol",
    description = "Nobody can sign it, for there is no key yet; it is limited per source. The key that the answer grants is good once it has signed a request, within 60 s. JSON is taken under \
                   `danger_seed_mode` only.",
    request_body(content(
        (Message = "application/octet-stream"),
        (seed::Written = "application/json"),
    )),
    responses(
        (status = 200, description = "A grant, or a refusal that only the holder of the card can read; or the new key of the \
                                      seed's registration.", content(
            (Message = "application/octet-stream"),
            (Registered = "application/json"),
        )),
        EnrolRefused,
    ),
)]
fn enrol() {}

/// Lists one's own keys.
#[utoipa::path(
    get,
    path = "/api/auth/keys",
    responses(
        (status = 200, description = "All of them, ended ones included.",
         headers(("Countersign-Server-Key" = String, description = "The newest static key of the server, as base64url.")),
         body = OwnKeys, example = examples::own_keys),
        ListRefused,
    ),
    security(("signature" = [])),
)]
fn list_keys() {}

/// Asks for a key in the place of the one that signs, or that has opened the session that does.
#[utoipa::path(
    post,
    path = "/api/auth/keys",
    description = "The new key is good once it has signed a request, within 60 s. A person needs a session of the last \
                   `sensitive_minutes`.",
    request_body(content = Message, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "A grant, or a refusal, inside.", body = Message,
         content_type = "application/octet-stream", headers(("Countersign-Server-Key" = String, description = "The newest static key of the server, as base64url."))),
        RotateRefused,
    ),
    security(("signature" = [])),
)]
fn rotate_key() {}

/// Ends one of one's own keys, with what came from it.
#[utoipa::path(
    delete,
    path = "/api/auth/keys/{keyid}",
    description = "A person needs a session of the last `sensitive_minutes`.",
    params(("keyid" = String, Path, description = "The public name of the key.", example = "k7f3a9c2d4e5b6a1c")),
    responses((status = 204, description = "It has ended, or had before."), EndRefused),
    security(("signature" = [])),
)]
fn end_key() {}

/// Makes recovery codes for the user whose key signed.
#[utoipa::path(
    post,
    path = "/api/auth/recovery-codes",
    description = "The codes from before are void from then on. A person needs a session of the last `sensitive_minutes`.",
    request_body(content = Message, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "The codes, inside.", body = Message,
         content_type = "application/octet-stream"),
        CodesRefused,
    ),
    security(("signature" = [])),
)]
fn make_recovery_codes() {}

/// Answers the handshake of a WebSocket (RFC 6455 §4.2.2). Nothing in it is signed, and nothing in it is believed.
#[utoipa::path(
    get,
    path = envelope::ADDRESS,
    description = "The address is there while `[[envelope.action]]` configures any. Each message proves itself \
                   (docs/protocol.md, §8).",
    params(
        ("Connection" = String, Header, description = "`Upgrade`"),
        ("Upgrade" = String, Header, description = "`websocket`"),
        ("Sec-WebSocket-Version" = String, Header, description = "`13`"),
        ("Sec-WebSocket-Key" = String, Header, description = "16 random octets as base64."),
    ),
    responses((status = 101, description = "What follows are envelopes."), EnvelopeRefused),
)]
fn open_envelopes() {}
