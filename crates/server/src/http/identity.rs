//! Who sent a request, as the handlers behind the guard are told.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use countersign_core::account::Role;
use countersign_core::id::{KeyId, UserId};
use countersign_core::permission::Permissions;
use countersign_core::username::Username;
use countersign_core::verdict::{Principal, Prover, SessionPrincipal};
use http::Extensions;
use http::request::Parts;

use super::problem::Refused;

/// Who signed the request that a handler has before it.
///
/// It stands among the extensions of every request that was admitted, and of no other: only the guard makes one. Handlers
/// of axum take it as an argument, `Option<Identity>` where a route lets anybody in; others look it up with
/// [`of`](Self::of).
#[derive(Clone, Debug)]
pub struct Identity(Principal);

impl Identity {
    pub(in crate::http) fn new(principal: Principal) -> Self {
        Self(principal)
    }

    /// Who sent the request that has these extensions; nobody where the route lets anybody in, or without the guard's
    /// layer.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The user, by the number that never changes and is never used again.
    pub fn user(&self) -> UserId {
        self.0.user
    }

    /// The user's name in its canonical form. After a user was deleted somebody else may get it.
    pub fn username(&self) -> &Username {
        &self.0.username
    }

    /// What the user may be.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// What the user may do at the API behind, in its own words.
    pub fn permissions(&self) -> &Permissions {
        &self.0.permissions
    }

    /// The key that signed, or that opened the session; none for a session that a password opened.
    pub fn key(&self) -> Option<&KeyId> {
        self.0.key()
    }

    /// What has proven the request: a key, or a session.
    pub fn prover(&self) -> &Prover {
        &self.0.prover
    }

    /// The session that the request is of; none where a key has signed.
    pub fn session(&self) -> Option<&SessionPrincipal> {
        self.0.session.as_ref()
    }

    /// All of it.
    pub fn principal(&self) -> &Principal {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        Self::of(&parts.extensions).cloned().ok_or_else(Refused::unsigned)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(&parts.extensions).cloned())
    }
}
