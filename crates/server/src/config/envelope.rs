use core::str::FromStr;
use core::time::Duration;

use countersign_core::envelope::Action;
use countersign_core::signature::PathForm;
use http::{HeaderValue, Method};

use crate::http::ours::is_ours;

/// What is taken in envelopes (protocol §8), and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelopes {
    /// The longest message, in octets.
    pub max_message: usize,
    /// How many messages of one connection may be without an answer at one time.
    pub in_flight: usize,
    /// How long a connection may stay open between messages.
    pub idle: Duration,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections from one address; never more than in all.
    pub max_connections_per_address: usize,
    /// What each action stands for. Without any there is no door for envelopes.
    pub(super) actions: Vec<(Action, Target)>,
}

impl Envelopes {
    /// What this action stands for.
    pub fn target(&self, action: &Action) -> Option<&Target> {
        self.actions.iter().find(|(own, _)| own == action).map(|(_, target)| target)
    }

    /// Whether any action stands for anything.
    pub fn are_taken(&self) -> bool {
        !self.actions.is_empty()
    }
}

/// The request of the API that an action stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its method.
    pub method: Method,
    /// Its path, which nothing in an envelope changes.
    pub path: Box<str>,
    /// What the packet is, as `Content-Type`.
    pub content_type: HeaderValue,
}

impl Target {
    /// Whether the request has a body, which then is the packet.
    pub fn takes_packet(&self) -> bool {
        self.method != Method::GET
    }
}

/// The method of an action, as written.
pub(super) struct ActionMethod(pub(super) Method);

impl FromStr for ActionMethod {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "GET" => Ok(Self(Method::GET)),
            "POST" => Ok(Self(Method::POST)),
            "PUT" => Ok(Self(Method::PUT)),
            "PATCH" => Ok(Self(Method::PATCH)),
            "DELETE" => Ok(Self(Method::DELETE)),
            _ => Err("it is none of them"),
        }
    }
}

/// The path of an action, as written.
pub(super) struct ActionPath(pub(super) Box<str>);

impl FromStr for ActionPath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if !text.starts_with('/') {
            return Err("it does not begin with /");
        }
        if text.contains(['{', '}', '*']) {
            return Err("a path has no parameters: what varies belongs into the packet");
        }
        PathForm::Canonical.admits(text)?;
        if is_ours(text) {
            return Err("what lies there is Countersign's own and never reaches the API behind");
        }
        Ok(Self(text.into()))
    }
}

/// The type of an action's packet, as written.
pub(super) struct MediaType(pub(super) HeaderValue);

impl FromStr for MediaType {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let is_token = |token: &str| {
            !token.is_empty()
                && token.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&octet))
        };
        let essence = text.split(';').next().unwrap_or_default().trim_end();
        let has_two_parts = essence.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub));
        let value = HeaderValue::from_str(text).ok().filter(|_| has_two_parts && text.is_ascii());
        value.map(Self).ok_or("it is not of the form type/subtype")
    }
}
