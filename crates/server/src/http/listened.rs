use http::Extensions;

/// By which listener a request came in; among the extensions of those that came by the administration listener.
///
/// The two answer for different authorities, so that a request that was signed for the one is none to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Listened {
    /// Where clients connect.
    #[default]
    Main,
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
