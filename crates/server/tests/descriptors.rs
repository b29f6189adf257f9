//! No file descriptors left. It lowers the limit of its whole process, so it is the only test in it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod live;

use std::fs::File;
use std::time::Duration;

use countersign_server::http::listener::Limits;
use live::{Live, exchange, patient, statuses};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::time::sleep;

const GET: &[u8] = b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Takes all descriptors there are, those of connections that are just coming to their end included.
async fn use_up_descriptors(files: &mut Vec<File>) {
    for _ in 0..4 {
        files.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn when_descriptors_run_out_those_who_sent_nothing_make_room_and_the_listener_goes_on() {
    let live = Live::start_with(Limits { connections: 4_096, per_network: 4_096, ..patient() }).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(live.address).await.unwrap());
    }
    // Connections are accepted in order, so after this answer the silent ones are inside.
    assert_eq!(statuses(&exchange(live.address, GET, usize::MAX, true).await), [200]);
    setrlimit(Resource::Nofile, Rlimit { current: Some(96), ..getrlimit(Resource::Nofile) }).unwrap();
    let mut files = Vec::new();
    for _ in 0..3 {
        use_up_descriptors(&mut files).await;
        // One descriptor for the client's end; the server has to find one for its own.
        drop(files.pop().unwrap());
        assert_eq!(statuses(&exchange(live.address, GET, usize::MAX, true).await), [200]);
    }
    drop(files);
    assert_eq!(statuses(&exchange(live.address, GET, usize::MAX, true).await), [200]);
}
