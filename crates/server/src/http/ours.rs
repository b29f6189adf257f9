//! The addresses that are the guard's own, whatever API it guards.

use crate::config::Accept;

/// Where the public keys of access tokens are (RFC 7517).
pub(super) const JWKS: &str = "/.well-known/jwks.json";

/// Where the guard describes itself to OAuth clients (RFC 8414).
pub(super) const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";

/// Where programs elsewhere ask about tokens (RFC 7662).
pub(super) const INTROSPECT: &str = "/oauth/introspect";

/// Where they take them back (RFC 7009).
pub(super) const REVOKE: &str = "/oauth/revoke";

/// Where sessions are opened.
pub(super) const LOGIN: &str = "/api/auth/login";

/// Where they are refreshed.
pub(super) const REFRESH: &str = "/api/auth/refresh";

/// Addresses that are ours and not the API's, each with all that is below it.
pub(super) const OURS: &[&str] = &["/api/auth", "/auth", "/oauth", JWKS, AUTHORIZATION_SERVER];

/// Where a request may come unsigned, because it opens or refreshes a session or brings a secret of another kind.
const ANYONES: &[&str] = &[LOGIN, REFRESH, INTROSPECT, REVOKE];

/// Where sessions without a key look after themselves. What is below is so, too.
const OF_SESSIONS: &[&str] =
    &["/api/auth/whoami", "/api/auth/sessions", "/api/auth/revoke", "/api/auth/revoke-user", "/api/auth/password"];

/// Who may pass to an address of ours.
pub(super) fn accept(path: &str) -> Accept {
    let is_below = |ours: &&str| path.strip_prefix(*ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if ANYONES.contains(&path) {
        Accept::DangerAnyone
    } else if OF_SESSIONS.iter().any(is_below) {
        Accept::SignatureOrBearer
    } else {
        Accept::Signature
    }
}

/// Whether an address is one of ours or below one.
pub(crate) fn is_ours(path: &str) -> bool {
    OURS.iter().any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_are_ours() {
        for path in ["/api/auth", "/api/auth/", "/api/auth/nothing", "/auth/verify/nginx", "/oauth/introspect"] {
            assert!(is_ours(path), "{path}");
        }
        for path in
            ["/", "/api", "/api/authors", "/authors", "/healthz", "/.well-known/security.txt", "/API/AUTH/enrol"]
        {
            assert!(!is_ours(path), "{path}");
        }
    }
}
