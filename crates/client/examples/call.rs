//! Enrols with the card of a program (`countersign user invite --role service`), confirms the key, and makes a signed call.
//!
//! ```text
//! cargo run -p countersign-client --example call -- http://127.0.0.1:8470 countersign1:… alice /hello
//! ```
//!
//! A program that lives longer than this example keeps `enrolment.root` and the key id somewhere safe, as the command
//! line does in a profile, and makes its [`Credentials`](countersign_client::Credentials) from them.

use std::error::Error;

use bytes::Bytes;
use countersign_client::{CallError, Person, Server, enrol};
use http::{HeaderMap, Method};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, card, username, path] = arguments.as_slice() else {
        return Err("usage: call SERVER CARD USERNAME PATH".into());
    };
    let server = Server::parse(server)?;
    let enrolment = enrol(&server, &card.parse()?, &Person { username, device: "example" }).await?;
    let client = enrolment.client(server)?;
    client.whoami().await?;

    match client.call(&Method::GET, path, HeaderMap::new(), Bytes::new()).await {
        // The server's own answer to this very request, whatever its status.
        Ok(answer) => println!("{}\n{}", answer.verified.status, String::from_utf8_lossy(&answer.verified.body)),
        // Somebody stands between. Nothing of what they sent is shown.
        Err(CallError::Interference(class)) => eprintln!("interference: {class}"),
        // Neither proven nor disproven: try later, and find out first whether the request was carried out.
        Err(error) => eprintln!("no verified answer: {error}"),
    }
    Ok(())
}
