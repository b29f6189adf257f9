//! No file descriptors left. It lowers the limit of its whole process, so it is the only test in it.

mod live;

use countersign_server::http::listener::Limits;
use live::{Live, exchange, patient, statuses};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_listener_outlives_the_lack_of_descriptors() {
    let live = Live::start_with(Limits { connections: 4_096, per_network: 4_096, ..patient() }).await;
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) }).unwrap();
    // Server and clients share the descriptors, so the clients leave none for the server to accept with.
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect(live.address).await {
        held.push(stream);
        tokio::task::yield_now().await;
    }
    assert!(held.len() > 20);
    drop(held.split_off(held.len() - 3));
    let get = b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&exchange(live.address, get, usize::MAX, true).await), [200]);
    drop(held);
    assert_eq!(statuses(&exchange(live.address, get, usize::MAX, true).await), [200]);
}
