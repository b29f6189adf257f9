//! Requests as octets, from another address or with lines that no client would send.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::whole::{Answer, Whole};

/// An address of this machine that is not the one from which all others come.
pub(crate) const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A connection from this address.
pub(crate) async fn from(address: Ipv4Addr, guard: &Whole) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((address, 0))).unwrap();
    socket.connect(guard.address).await.unwrap()
}

/// Sends these lines of `Authorization` from this address.
pub(crate) async fn authorized(guard: &Whole, address: Ipv4Addr, target: &str, lines: &[&str]) -> Answer {
    let mut head = format!("GET {target} HTTP/1.1\r\nhost: {}\r\n", guard.address);
    for line in lines {
        head.push_str(&format!("authorization: {line}\r\n"));
    }
    let mut stream = from(address, guard).await;
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    Answer::read(&mut stream).await
}
