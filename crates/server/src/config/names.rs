use core::net::SocketAddr;

use countersign_core::authority::Authority;

use super::authority::Authorities;
use super::url::PublicUrl;

/// By which names clients reach us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    written: Option<PublicUrl>,
    extra: Vec<Authority>,
    public_url: PublicUrl,
    authorities: Authorities,
}

impl Names {
    pub(super) fn new(written: Option<PublicUrl>, extra: Vec<Authority>, listen: SocketAddr) -> Self {
        let public_url = written.clone().unwrap_or_else(|| PublicUrl::of_address(listen));
        let authorities = Authorities::new(public_url.authority().clone(), &extra, listen);
        Self { written, extra, public_url, authorities }
    }

    /// The same names when it is known which address was bound.
    pub(super) fn bound_to(&self, listen: SocketAddr) -> Self {
        Self::new(self.written.clone(), self.extra.clone(), listen)
    }

    /// The URL that stands on cards; `http://<listen>` unless one is written.
    pub fn public_url(&self) -> &PublicUrl {
        &self.public_url
    }

    /// Whether the public URL was written by somebody.
    pub fn public_url_is_written(&self) -> bool {
        self.written.is_some()
    }

    /// The names that requests to us may carry.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }
}
