//! A guard that does what a test tells it to: it signs with the real code, on real sockets, and can be made to lie.

#![allow(dead_code, unreachable_pub, reason = "no test uses all of it")]
#![allow(clippy::disallowed_methods, reason = "a guard on real sockets has a real clock")]

pub mod signer;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_core::time::Timestamp;

pub use signer::{Heard, Reply, Signer};

/// A listener on loopback that answers every request by the same function.
pub struct FakeGuard {
    pub address: SocketAddr,
    pub heard: Arc<Mutex<Vec<Heard>>>,
}

impl FakeGuard {
    /// Starts it. `answer` gets the request and how many came before, and gives the octets to send back.
    pub fn start(answer: impl Fn(&Heard, usize) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = hear(&stream) else { continue };
                let count = record.lock().unwrap().len();
                let octets = answer(&request, count);
                record.lock().unwrap().push(request);
                let _ = (&stream).write_all(&octets);
            }
        });
        Self { address, heard }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

pub fn now() -> Timestamp {
    Timestamp::from_millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap())
}

fn hear(stream: &TcpStream) -> Option<Heard> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        fields.push((name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()));
    }
    let mut heard = Heard { method, target, fields, body: Vec::new() };
    let length = heard.field("content-length").map_or(0, |text| text.parse().unwrap());
    heard.body.resize(length, 0);
    reader.read_exact(&mut heard.body).ok()?;
    if heard.field("transfer-encoding") == Some("chunked") {
        heard.body = chunks(&mut reader)?;
    }
    Some(heard)
}

/// What stands in the chunks of a body; `None` when it does not come to its end.
fn chunks(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let start = body.len();
        body.resize(start + length + 2, 0);
        reader.read_exact(&mut body[start..]).ok()?;
        body.truncate(start + length);
        if length == 0 {
            return Some(body);
        }
    }
}
