//! The generator: connections that are kept open, each with one request under way. One thread, little work per request,
//! so that as much as can be of the machine is left to what is measured.

use std::collections::VecDeque;
use std::net::SocketAddr;

use anyhow::ensure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::message;

/// Connections to a server.
pub(crate) struct Generator {
    runtime: Runtime,
    connections: Vec<TcpStream>,
}

impl Generator {
    /// Connects so many times.
    pub(crate) fn connect(address: SocketAddr, connections: usize) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let connections = runtime.block_on(async {
            let mut connected = Vec::new();
            for _ in 0..connections {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                connected.push(stream);
            }
            anyhow::Ok(connected)
        })?;
        Ok(Self { runtime, connections })
    }

    /// Sends all requests, and waits for all answers. Each must be a 200. A generator that is `awake` never sleeps while it
    /// waits.
    pub(crate) fn send(self, requests: Vec<Vec<u8>>, awake: bool) -> anyhow::Result<()> {
        let Self { runtime, connections } = self;
        let share = requests.len().div_ceil(connections.len().max(1));
        let mut requests = VecDeque::from(requests);
        runtime.block_on(async {
            let mut working = JoinSet::new();
            for stream in connections {
                let own: Vec<_> = requests.drain(..share.min(requests.len())).collect();
                working.spawn(converse(stream, own));
            }
            let all = async {
                while let Some(done) = working.join_next().await {
                    done??;
                }
                Ok(())
            };
            tokio::select! {
                done = all => done,
                () = stay_awake(), if awake => Ok(()),
            }
        })
    }
}

/// Gives everything else its turn, for ever.
async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

async fn converse(mut stream: TcpStream, requests: Vec<Vec<u8>>) -> anyhow::Result<()> {
    let mut answer = Vec::with_capacity(16 * 1_024);
    for request in requests {
        stream.write_all(&request).await?;
        answer.clear();
        while message::length(&answer)?.is_none_or(|length| answer.len() < length) {
            ensure!(stream.read_buf(&mut answer).await? > 0, "the server closed a connection");
        }
        ensure!(answer.starts_with(b"HTTP/1.1 200 "), "not served: {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
