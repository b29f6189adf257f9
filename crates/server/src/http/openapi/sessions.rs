//! Logging in, and one's own sessions.
#![expect(dead_code, reason = "the functions stand for the handlers, which carry nothing of this")]

use countersign_core::problem::Problem;
use utoipa::OpenApi;

use super::bodies::Login;
use super::examples;
use super::problem::{ANY, IN_SESSION, LISTED, NAMED, ONCE, PROVEN, WHOLE, refusals};
use crate::http::routes::whoami::Whoami;
use crate::http::routes::{grant, password, refresh};
use crate::service::own_sessions::OwnSessions;

#[derive(OpenApi)]
#[openapi(paths(
    whoami,
    login,
    refresh,
    change_password,
    revoke_user,
    list_sessions,
    revoke_session,
    revoke_other_sessions,
    log_out
))]
pub(super) struct Group;

refusals! {
    WhoamiRefused = ANY, NAMED, PROVEN, WHOLE;
    LoginRefused = ANY, NAMED, PROVEN, WHOLE, ONCE, &[Problem::FORBIDDEN, Problem::UNPROCESSABLE];
    RefreshRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[Problem::REFRESH_REUSED];
    LogOutRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[Problem::FORBIDDEN];
    ListRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, LISTED;
    RevokeRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[Problem::NOT_FOUND];
    PasswordRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[
        Problem::REAUTHENTICATION_REQUIRED,
        Problem::FORBIDDEN,
        Problem::UNPROCESSABLE,
    ];
    RevokeUserRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[
        Problem::REAUTHENTICATION_REQUIRED,
        Problem::FORBIDDEN,
        Problem::NOT_FOUND,
    ];
}

/// Who the guard takes the caller for, and by which session.
#[utoipa::path(
    get,
    path = "/api/auth/whoami",
    description = "It confirms a new key. A person's key may ask this, too, outside of any session.",
    responses(
        (status = 200, description = "Somebody it knows.", body = Whoami, example = examples::whoami),
        WhoamiRefused,
    ),
    security(("signature" = []), ("bearer" = [])),
)]
fn whoami() {}

/// Opens a session: for whoever has signed the request, else for whoever knows the password in it.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    description = "A password is taken over TLS or on one machine only.",
    request_body(content = Login, examples(
        ("by password" = (value = json!({
            "username": "alice", "password": "correct horse battery", "device": "laptop", "proof": "bearer",
        }))),
        ("by key" = (value = json!({ "device": "laptop" }))),
    )),
    responses(
        (status = 200, description = "The session is open.", body = grant::Answer, example = examples::grant),
        LoginRefused,
    ),
    security((), ("signature" = [])),
)]
fn login() {}

/// Exchanges a refresh token for the next one and an access token. A session with a key signs this.
#[utoipa::path(
    post,
    path = "/api/auth/refresh",
    description = "A refresh token is used once; after an answer that got lost it may be sent again.",
    request_body(content = refresh::Asked, example = json!({
        "refresh_token": "csr_BwcHBwcHBwcHBwcHBwcHBw.0.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
    })),
    responses(
        (status = 200, description = "The next tokens.", body = grant::Answer, example = examples::grant),
        RefreshRefused,
    ),
    security((), ("signature" = [])),
)]
fn refresh() {}

/// Changes one's password. Every session ends, and whoever asks goes on in a new one.
#[utoipa::path(
    post,
    path = "/api/auth/password",
    description = "It wants a session in which its user has logged in within `sensitive_minutes`.",
    request_body(content = password::Asked, example = json!({
        "current_password": "correct horse battery", "new_password": "staple of another stable",
    })),
    responses(
        (status = 200, description = "The session in the place of the one that asked.", body = grant::Answer,
         example = examples::grant),
        (status = 204, description = "The password is changed, and there is no new session: log in."),
        PasswordRefused,
    ),
    security(("signature" = []), ("bearer" = [])),
)]
fn change_password() {}

/// Takes back everything that a user was issued, and with `?keys=true` the keys, too.
#[utoipa::path(
    post,
    path = "/api/auth/revoke-user/{user_id}",
    description = "An administrator asks this, in a session of the last `sensitive_minutes`.",
    params(
        ("user_id" = String, Path, format = "uuid", description = "Whose, as a UUID in small letters.",
         example = "0f3a9c2d-4e5b-4a1c-8d7e-6f5a4b3c2d1e"),
        ("keys" = Option<bool>, Query, description = "Whether the keys end, too."),
    ),
    responses((status = 204, description = "All of it is void."), RevokeUserRefused),
    security(("signature" = []), ("bearer" = [])),
)]
fn revoke_user() {}

/// Lists one's open sessions.
#[utoipa::path(
    get,
    path = "/api/auth/sessions",
    params(
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "At most so many; 50 if not given."),
    ),
    responses(
        (status = 200, description = "A page.", body = OwnSessions, example = examples::own_sessions),
        ListRefused,
    ),
    security(("signature" = []), ("bearer" = [])),
)]
fn list_sessions() {}

/// Ends one of one's sessions.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions/{ref}",
    params(("ref" = String, Path, description = "The public name of the session.", example = "nPZ2vS1kQ0qVYx8m3r5u7w")),
    responses((status = 204, description = "It is over, or was before."), RevokeRefused),
    security(("signature" = []), ("bearer" = [])),
)]
fn revoke_session() {}

/// Ends all of one's sessions but the one that asks.
#[utoipa::path(
    post,
    path = "/api/auth/sessions/revoke-others",
    responses((status = 204, description = "They are over."), LogOutRefused),
    security(("signature" = []), ("bearer" = [])),
)]
fn revoke_other_sessions() {}

/// Ends the session that asks.
#[utoipa::path(
    post,
    path = "/api/auth/revoke",
    responses((status = 204, description = "It is over."), LogOutRefused),
    security(("signature" = []), ("bearer" = [])),
)]
fn log_out() {}
