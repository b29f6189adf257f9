use core::time::Duration;

/// How tokens of one guard are verified.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who must have issued a token: the guard's `public_url`.
    pub issuer: String,
    /// For whom it must have been issued: the same, unless the guard's operator says otherwise.
    pub audience: String,
    /// From when on the feed counts as silent, from the moment at which the last poll was sent that was answered. The guard
    /// answers within 250 ms, so that half of it goes to the network.
    pub silence: Duration,
    /// What is done then.
    pub when_silent: WhenSilent,
}

impl Settings {
    /// Tokens of the guard with this `public_url`; a feed that is silent for a second; then the guard is asked.
    pub fn new(public_url: &str) -> Self {
        Self {
            issuer: public_url.to_owned(),
            audience: public_url.to_owned(),
            silence: Duration::from_secs(1),
            when_silent: WhenSilent::Ask,
        }
    }
}

/// What is done while the feed is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenSilent {
    /// The guard is asked about each token (RFC 7662). Whoever does not hear from it refuses.
    Ask,
    /// Every token is refused as [`Unavailable`](super::Refused::Unavailable).
    Refuse,
}
