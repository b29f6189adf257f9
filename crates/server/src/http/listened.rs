use http::Extensions;

/// By which listener a request came in, and whether it is one of ours that will answer it; among the extensions of those for
/// which either is to be known.
///
/// The listeners answer for different authorities, so that a request that was signed for the one is none to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Listened {
    /// Where clients connect.
    #[default]
    Main,
    /// There too, at an address of ours behind which an endpoint of ours stands. Another service may stand at the same address
    /// behind a layer of its own, and what we let pass unsigned is nothing for it.
    Ours,
    /// Where operators do.
    #[cfg(feature = "standalone")]
    Admin,
}

impl Listened {
    /// That of the request with these extensions.
    pub(super) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or_default()
    }
}
