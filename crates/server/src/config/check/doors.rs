use core::net::{Ipv4Addr, SocketAddr};
use core::str::FromStr;

use countersign_core::authority::Authority;

use super::super::authority::is_loopback;
use super::super::client_address::{network, source};
use super::super::desk::Desk;
use super::super::names::{Listening, Names};
use super::super::tls::TlsFiles;
use super::super::url::Upstream;
use super::super::written::Written;
use crate::http::peer::{ClientAddress, ClientIpSource, TrustedProxies};

/// Where we listen, under which names, and what stands behind.
pub(super) struct Doors {
    pub(super) listen: SocketAddr,
    pub(super) admin_listen: SocketAddr,
    pub(super) names: Names,
    pub(super) tls: Option<TlsFiles>,
    pub(super) upstream: Option<Upstream>,
}

pub(super) fn check(desk: &mut Desk<'_>, written: &Written, dangers: &mut Vec<String>) -> Doors {
    let Listen(listen) = desk.text("listen", written.listen.as_deref(), Listen::loopback(8470));
    let Listen(admin_listen) = desk.text("admin_listen", written.admin_listen.as_deref(), Listen::loopback(8471));
    let upstream = desk.optional("upstream", written.upstream.as_deref());
    let public_url = desk.optional("public_url", written.public_url.as_deref());
    let authority = |text: &str| text.parse::<Authority>().map_err(|bad| bad.to_string());
    let extra = desk.list("authorities", written.authorities.as_deref(), authority);
    admin(desk, admin_listen, written.danger_admin_listen, dangers);
    if listen == admin_listen && listen.port() != 0 {
        desk.contradiction("admin_listen", "is the same as `listen`; give the two different ports");
    }
    if upstream.as_ref().is_some_and(|upstream| is_ourselves(upstream, [listen, admin_listen])) {
        desk.contradiction("upstream", "is where the guard itself listens; name the API behind it");
    }
    let tls = tls(desk, written);
    let listening = Listening { address: listen, tls: tls.is_some() };
    Doors { listen, admin_listen, names: Names::new(public_url, extra, listening), tls, upstream }
}

/// A certificate is worth nothing without its key, nor a key without its certificate.
fn tls(desk: &mut Desk<'_>, written: &Written) -> Option<TlsFiles> {
    let cert = desk.file("tls_cert", written.tls_cert.as_deref());
    let key = desk.file("tls_key", written.tls_key.as_deref());
    match (&written.tls_cert, &written.tls_key) {
        (Some(_), None) => {
            desk.contradiction("tls_cert", "needs `tls_key`, the file of its private key; set both, or none")
        }
        (None, Some(_)) => {
            desk.contradiction("tls_key", "needs `tls_cert`, the file of its certificate; set both, or none")
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    Some(TlsFiles { cert: cert?, key: key? })
}

fn admin(desk: &mut Desk<'_>, admin_listen: SocketAddr, allowed: Option<bool>, dangers: &mut Vec<String>) {
    if is_loopback(admin_listen) {
        return;
    }
    if allowed == Some(true) {
        dangers.push(format!(
            "danger_admin_listen: what is for operators can be reached from elsewhere at {admin_listen}"
        ));
    } else {
        let reason = "it can be reached from elsewhere; if that is meant, say danger_admin_listen = true";
        desk.wrong("admin_listen", Some(&admin_listen.to_string()), reason);
    }
}

fn is_ourselves(upstream: &Upstream, own: [SocketAddr; 2]) -> bool {
    own.into_iter().any(|own| {
        let Ok(ip) = upstream.host().trim_matches(['[', ']']).parse() else {
            return upstream.host() == "localhost" && is_loopback(own) && own.port() == upstream.port();
        };
        let through_any = own.ip().is_unspecified() && is_loopback(SocketAddr::new(ip, own.port()));
        own.port() == upstream.port() && (own.ip() == ip || through_any)
    })
}

pub(super) fn client_address(desk: &mut Desk<'_>, written: &Written, dangers: &mut Vec<String>) -> ClientAddress {
    let any = written.danger_trust_all_proxies == Some(true);
    let proxies = written.trusted_proxies.as_deref();
    let networks = desk.list("trusted_proxies", proxies, |entry| network(entry, any));
    let source = desk.read("client_ip_source", written.client_ip_source.as_deref(), ClientIpSource::Peer, source);
    if source != ClientIpSource::Peer && proxies.unwrap_or_default().is_empty() {
        desk.contradiction(
            "client_ip_source",
            "is the word of a proxy, but nobody is trusted to give it; name your proxies in `trusted_proxies`",
        );
    }
    if networks.iter().any(|entry| network(&entry.to_string(), false).is_err()) {
        dangers.push("danger_trust_all_proxies: anybody can name any address as a client's".to_owned());
    }
    let trusted = TrustedProxies::check(&networks, any).unwrap_or_else(|everyone| {
        desk.contradiction("trusted_proxies", &everyone.to_string());
        TrustedProxies::default()
    });
    ClientAddress { trusted, source }
}

/// An address to listen on.
struct Listen(SocketAddr);

impl Listen {
    fn loopback(port: u16) -> Self {
        Self(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        text.parse().map(Self).map_err(|_| match text.rsplit_once(':') {
            None => "the port is missing",
            Some(("", _)) => "the address is missing; 0.0.0.0 is every address of this machine",
            Some(_) => "a name is not looked up, and an IPv6 address stands in brackets, as in [::1]:8470",
        })
    }
}
