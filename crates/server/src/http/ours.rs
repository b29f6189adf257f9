//! The addresses that are the guard's own, whatever API it guards.

/// Where the public keys of access tokens are (RFC 7517).
pub(super) const JWKS: &str = "/.well-known/jwks.json";

/// Where the guard describes itself to OAuth clients (RFC 8414).
pub(super) const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";

/// Where programs elsewhere ask about tokens (RFC 7662).
pub(super) const INTROSPECT: &str = "/oauth/introspect";

/// Where they take them back (RFC 7009).
pub(super) const REVOKE: &str = "/oauth/revoke";

/// Whether an address takes what nobody has signed because a secret stands in it. It takes signed requests as well.
pub(super) fn takes_secrets(path: &str) -> bool {
    [INTROSPECT, REVOKE].contains(&path)
}

/// Addresses that are ours and not the API's, each with all that is below it.
pub(super) const OURS: &[&str] = &["/api/auth", "/auth", "/oauth", JWKS, AUTHORIZATION_SERVER];

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
