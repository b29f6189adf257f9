use core::str::FromStr;

use http::HeaderName;

use super::route_path::RoutePath;

/// What holds for requests to a part of the API behind us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Which paths it is for.
    pub path: RoutePath,
    /// Who may pass.
    pub accept: Accept,
    /// Fields that reach the API although no signature covers them.
    pub forward_unsigned: Vec<HeaderName>,
    /// The longest body, in octets.
    pub max_body: u64,
    /// The most octets of data in a stream (protocol §9.2); none where streams are not taken.
    pub max_stream: Option<u64>,
    /// Whether path forms pass that are otherwise refused (protocol §4).
    pub raw_path: bool,
    /// Whether outcomes are kept under idempotency keys (protocol §7); if not, the key is the API's matter.
    pub keep_outcomes: bool,
    /// Whether a signed request may become a WebSocket.
    pub websocket: bool,
}

/// Who may pass a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Whoever signs the request.
    Signature,
    /// The same, and whoever brings an access token of a session that does not sign.
    SignatureOrBearer,
    /// Anyone, unsigned and without an identity.
    DangerAnyone,
}

impl FromStr for Accept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "signature" => Ok(Self::Signature),
            "signature-or-bearer" => Ok(Self::SignatureOrBearer),
            "danger-anyone" => Ok(Self::DangerAnyone),
            "anyone" => Err("what lets strangers in is spelt danger-anyone".to_owned()),
            _ => Err("it is none of them".to_owned()),
        }
    }
}

/// All routes; the one that describes a path most closely holds for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes {
    closest_first: Vec<Route>,
    otherwise: Route,
    for_operators: Route,
}

impl Routes {
    pub(super) fn new(mut routes: Vec<Route>, max_body: u64) -> Self {
        routes.sort_by_key(|route| core::cmp::Reverse(route.path.closeness()));
        let otherwise = Route {
            path: RoutePath::Below("/".into()),
            accept: Accept::Signature,
            forward_unsigned: Vec::new(),
            max_body,
            max_stream: None,
            raw_path: false,
            keep_outcomes: true,
            websocket: false,
        };
        // Bodies come in one piece; what is given out may have no end.
        let for_operators = Route { max_stream: Some(0), ..otherwise.clone() };
        Self { closest_first: routes, otherwise, for_operators }
    }

    /// The route of a path as received: what no `[[route]]` is for wants a signature.
    pub fn of(&self, path: &str) -> &Route {
        self.closest_first.iter().find(|route| route.path.matches(path)).unwrap_or(&self.otherwise)
    }

    /// What holds where no route is written: a signature is due.
    pub fn otherwise(&self) -> &Route {
        &self.otherwise
    }

    /// What holds on the administration listener, whatever is written of the API.
    pub fn for_operators(&self) -> &Route {
        &self.for_operators
    }

    /// Those that were written, the closest first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.closest_first.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        Route {
            path: path.parse().unwrap(),
            accept: Accept::DangerAnyone,
            forward_unsigned: Vec::new(),
            max_body: 1,
            max_stream: Some(1),
            raw_path: false,
            keep_outcomes: true,
            websocket: false,
        }
    }

    #[test]
    fn the_closest_route_holds_and_no_route_means_a_signature() {
        let routes = Routes::new(["/a", "/a/b/c", "/a/b", "=/a/b", "/a/b/"].map(route).into(), 7);
        for (path, closest) in [
            ("/a", "/a"),
            ("/a/x", "/a"),
            ("/a/b", "=/a/b"),
            ("/a/b/x", "/a/b/"),
            ("/a/b/c", "/a/b/c"),
            ("/a/b/cd", "/a/b/"),
        ] {
            assert_eq!(routes.of(path).path.to_string(), closest, "{path}");
        }
        let otherwise = routes.of("/ab");
        assert_eq!((otherwise.accept, otherwise.max_body, otherwise.raw_path), (Accept::Signature, 7, false));
        assert_eq!(otherwise.max_stream, None);
    }
}
