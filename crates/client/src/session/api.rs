use bytes::Bytes;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::problem::Problem;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::rows::Page;
use super::{Refusal, SessionError, SessionRow, WhoAmI};

/// Ends the session that asks.
pub(super) const LOGOUT: &str = "/api/auth/revoke";

/// Something that is asked of the guard itself.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// The method.
    pub method: Method,
    /// The path, with a query if there is one.
    pub target: &'a str,
    /// The body, in JSON; none when empty.
    pub body: Zeroizing<String>,
}

/// What the guard said. Whether that is proven is a matter of the session that asked.
#[derive(Clone, Debug)]
pub struct Said {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

impl Said {
    pub(super) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, SessionError> {
        serde_json::from_slice(&self.body).map_err(|_| SessionError::NotUnderstood)
    }
}

/// What a session asks of the guard itself.
///
/// In a [`SignedSession`](super::SignedSession) what comes back is proven; in a [`BearerSession`](super::BearerSession) it is
/// what somebody has answered.
pub trait SessionApi: Sync {
    /// Asks. What comes back is a success; everything else is an error.
    fn ask(&self, asking: Asking<'_>) -> impl Future<Output = Result<Said, SessionError>> + Send;

    /// Who the guard takes us for.
    fn whoami(&self) -> impl Future<Output = Result<WhoAmI, SessionError>> + Send {
        async { self.ask(plain(Method::GET, "/api/auth/whoami")).await?.read() }
    }

    /// All open sessions of this one's user.
    fn sessions(&self) -> impl Future<Output = Result<Vec<SessionRow>, SessionError>> + Send {
        async {
            let (mut rows, mut target) = (Vec::new(), "/api/auth/sessions?limit=100".to_owned());
            loop {
                let Page { sessions, next } = self.ask(plain(Method::GET, &target)).await?.read()?;
                let came = !sessions.is_empty();
                rows.extend(sessions);
                match next.filter(|_| came) {
                    Some(after) => target = format!("/api/auth/sessions?limit=100&after={after}"),
                    None => return Ok(rows),
                }
            }
        }
    }

    /// Ends one of the user's sessions. False: the user has none of this name.
    fn revoke(&self, reference: SessionRef) -> impl Future<Output = Result<bool, SessionError>> + Send {
        async move {
            match self.ask(plain(Method::DELETE, &format!("/api/auth/sessions/{reference}"))).await {
                Ok(_) => Ok(true),
                Err(SessionError::Refused(Refusal { problem: Some(&Problem::NOT_FOUND), .. })) => Ok(false),
                Err(error) => Err(error),
            }
        }
    }

    /// Ends all sessions of the user but this one.
    fn revoke_others(&self) -> impl Future<Output = Result<(), SessionError>> + Send {
        async { self.ask(plain(Method::POST, "/api/auth/sessions/revoke-others")).await.map(drop) }
    }

    /// Ends this session.
    fn logout(&self) -> impl Future<Output = Result<(), SessionError>> + Send {
        async { self.ask(plain(Method::POST, LOGOUT)).await.map(drop) }
    }

    /// As an administrator: takes back everything that a user was issued, and with `keys` the user's keys, too.
    fn revoke_user(&self, user_id: UserId, keys: bool) -> impl Future<Output = Result<(), SessionError>> + Send {
        async move {
            let query = if keys { "?keys=true" } else { "" };
            self.ask(plain(Method::POST, &format!("/api/auth/revoke-user/{user_id}{query}"))).await.map(drop)
        }
    }
}

/// Something that is asked without a body.
pub(super) fn plain(method: Method, target: &str) -> Asking<'_> {
    Asking { method, target, body: Zeroizing::new(String::new()) }
}

/// A refresh by this token.
pub(super) fn refresh(token: &str) -> Asking<'static> {
    let body = Zeroizing::new(json!({ "refresh_token": token }).to_string());
    Asking { method: Method::POST, target: "/api/auth/refresh", body }
}

/// Another password in the place of the current one, where there is one.
pub(super) fn password(current: Option<&str>, new: &str) -> Asking<'static> {
    let body = match current {
        Some(current) => json!({ "current_password": current, "new_password": new }),
        None => json!({ "new_password": new }),
    };
    Asking { method: Method::POST, target: "/api/auth/password", body: Zeroizing::new(body.to_string()) }
}
