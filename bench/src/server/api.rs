//! An API to stand behind a proxy: it answers everything with the same short JSON, as fast as it can.

use std::net::SocketAddr;
use std::process::Command;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use super::child::Program;
use super::message;

/// The API in a process of its own.
pub(crate) struct Api {
    _program: Program,
    address: SocketAddr,
}

impl Api {
    /// Starts this very program as the API.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut program = Program::start(Command::new(std::env::current_exe()?).arg("api"))?;
        let address = program.listening()?;
        Ok(Self { _program: program, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 31\r\n\r\n\
    {\"id\":\"tr_81\",\"state\":\"booked\"}";

/// Serves until the process is ended.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        loop {
            tokio::spawn(answer(listener.accept().await?.0));
        }
    })
}

/// Answers requests, one after the other.
async fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::with_capacity(8_192);
    while stream.read_buf(&mut request).await? > 0 {
        if message::length(&request)?.is_some_and(|length| request.len() >= length) {
            stream.write_all(ANSWER).await?;
            request.clear();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        assert_eq!(message::length(ANSWER).unwrap(), Some(ANSWER.len()));
    }
}
