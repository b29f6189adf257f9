//! An API of axum that guards itself: nobody stands in front of it.
//!
//! ```text
//! cargo run -p countersign-server --example axum -- ./countersign-data
//! countersign user invite --group --data ./countersign-data        # prints a card; in another terminal
//! countersign enrol --server http://127.0.0.1:8480 --card countersign1:… --username alice
//! countersign call /hello
//! ```

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::{get, post};
use countersign_server::config::{Overrides, Sources, load};
use countersign_server::{Guard, Identity};
use tokio::net::TcpListener;
use tower::Layer as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let data = std::env::args().nth(1).ok_or("usage: axum DATA_DIRECTORY")?;
    let listener = TcpListener::bind("127.0.0.1:8480").await?;
    run(listener, data, async { drop(tokio::signal::ctrl_c().await) }).await
}

/// Serves until `stop`.
pub(crate) async fn run(
    listener: TcpListener,
    data: String,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error>> {
    let overrides = Overrides { data: Some(data), ..Overrides::default() };
    let config = load(Sources { overrides, ..Sources::default() })?.config;
    let guard = Guard::open(config.bound_to(listener.local_addr()?)).await?;

    let api = Router::new().route("/hello", get(hello)).route("/notes", post(note));
    // The layer goes round the whole router, so that what the router says by itself, a 404 for one, is signed, too.
    let service = guard.routes().fallback_service(guard.layer().layer(api));

    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    guard.stop().await?;
    Ok(())
}

/// Whoever asks has proven who they are.
async fn hello(identity: Identity) -> String {
    format!("hello, {}\n", identity.username())
}

/// The body is the one that was signed, to its last octet.
async fn note(identity: Identity, body: String) -> String {
    format!("{} notes: {body}\n", identity.username())
}
