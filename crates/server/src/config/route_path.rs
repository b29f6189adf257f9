use core::fmt;
use core::str::FromStr;

use countersign_core::signature::PathForm;

use crate::http::ours::is_ours;

/// The paths of a route, compared octet for octet with the path as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutePath {
    /// This path alone; written with `=` in front.
    Exactly(Box<str>),
    /// This path and what lies below it; `/a` is for `/a` and `/a/b`, never for `/ab`.
    Below(Box<str>),
}

impl RoutePath {
    /// Whether the route is for this path.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exactly(own) => **own == *path,
            Self::Below(own) => path
                .strip_prefix(&**own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || own.ends_with('/')),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Exactly(own) | Self::Below(own) => own,
        }
    }

    /// How closely it describes a path: alone before all below, then the longer.
    pub(super) fn closeness(&self) -> (bool, usize) {
        (matches!(self, Self::Exactly(_)), self.as_str().len())
    }
}

impl FromStr for RoutePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (exactly, path) = text.strip_prefix('=').map_or((false, text), |path| (true, path));
        if !path.starts_with('/') {
            return Err("it does not begin with /".to_owned());
        }
        if path.contains('*') {
            return Err("leave the * out: a path stands for all that lies below it too".to_owned());
        }
        // A route in a form that no request may have would never match, and somebody would rely on it.
        PathForm::Canonical.admits(path)?;
        if is_ours(path) {
            return Err("what lies there is Countersign's own and never reaches the API behind".to_owned());
        }
        Ok(if exactly { Self::Exactly(path.into()) } else { Self::Below(path.into()) })
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(own) => write!(f, "={own}"),
            Self::Below(own) => f.write_str(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(route: &str, path: &str) -> bool {
        route.parse::<RoutePath>().unwrap().matches(path)
    }

    #[test]
    fn a_path_stands_for_itself_and_what_lies_below_at_a_segment_boundary() {
        for path in ["/a", "/a/", "/a/b", "/a/b/c"] {
            assert!(matches("/a", path), "{path}");
        }
        for path in ["/ab", "/", "/A", "/b/a", ""] {
            assert!(!matches("/a", path), "{path}");
        }
        assert!(matches("/a/", "/a/b") && !matches("/a/", "/a"));
        assert!(matches("/", "/") && matches("/", "/anything"));
        assert!(matches("=/a", "/a") && !matches("=/a", "/a/") && !matches("=/a", "/a/b"));
    }

    #[test]
    fn a_path_that_no_canonical_request_has_is_refused() {
        for text in ["/", "/a", "/a/", "=/a", "/a-b_c.d~e", "/caf%C3%A9", "/a%20b", "/a:b@c", "/%25"] {
            assert!(text.parse::<RoutePath>().is_ok(), "{text}");
        }
        for text in [
            "", "a", "==/a", "= /a", "/a/*", "//", "/a//b", "/a//", "/./a", "/a/..", "/../a", "/a;b", "/a?b", "/a#b",
            "/a b", "/a\\b", "/%61", "/%2F", "/%2e", "/%2E%2E", "/%5C", "/%00", "/%c3%a9", "/%", "/%4", "/%zz", "/é",
            "/a\n",
        ] {
            assert!(text.parse::<RoutePath>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_our_own_is_not_routed() {
        for text in ["/api/auth", "/api/auth/enrol", "=/auth/verify", "/oauth/", "/.well-known/jwks.json"] {
            assert!(text.parse::<RoutePath>().is_err_and(|reason| reason.contains("Countersign's own")), "{text}");
        }
        assert!("/api".parse::<RoutePath>().is_ok() && "/api/authors".parse::<RoutePath>().is_ok());
    }
}
