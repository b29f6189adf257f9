//! stub
/// stub
#[derive(Debug, Clone, Copy)] pub struct Peer { /// stub
pub client: std::net::IpAddr }
