use core::net::SocketAddr;

use countersign_core::authority::Authority;

use super::authority::Authorities;
use super::url::PublicUrl;

/// Where we listen, and whether we speak TLS there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
}

/// By which names clients reach us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    written: Option<PublicUrl>,
    extra: Vec<Authority>,
    public_url: PublicUrl,
    authorities: Authorities,
}

impl Names {
    pub(super) fn new(written: Option<PublicUrl>, extra: Vec<Authority>, listening: Listening) -> Self {
        let public_url = written.clone().unwrap_or_else(|| PublicUrl::of(listening));
        let authorities = Authorities::new(public_url.authority().clone(), &extra, listening.address);
        Self { written, extra, public_url, authorities }
    }

    /// The same names when it is known which address was bound.
    pub(super) fn bound_to(&self, listening: Listening) -> Self {
        Self::new(self.written.clone(), self.extra.clone(), listening)
    }

    /// The URL that stands on cards; `http://<listen>`, or `https://<listen>` when we speak TLS, unless one is written.
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
