use core::fmt;

/// Somebody at the control socket, by the word of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    uid: u32,
}

impl Actor {
    /// Lets in whom the data directory belongs to, and root, from whom nothing is hidden anyway.
    pub(super) fn admit(peer: u32, us: u32) -> Option<Self> {
        (peer == us || peer == 0).then_some(Self { uid: peer })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uid {}", self.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_we_and_root_are_let_in_and_named() {
        assert_eq!(Actor::admit(1000, 1000).map(|actor| actor.to_string()).as_deref(), Some("uid 1000"));
        assert_eq!(Actor::admit(0, 1000).map(|actor| actor.to_string()).as_deref(), Some("uid 0"));
        assert_eq!(Actor::admit(1001, 1000), None);
        assert_eq!(Actor::admit(1000, 0), None, "not even when we are root");
    }
}
