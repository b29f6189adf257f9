//! A server of plain hyper that guards itself.
//!
//! ```text
//! cargo run -p countersign-server --example hyper -- ./countersign-data
//! countersign user invite --group --data ./countersign-data        # prints a card; in another terminal
//! countersign enrol --server http://127.0.0.1:8481 --card countersign1:… --username alice
//! countersign call /hello
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;

use countersign_server::config::{Overrides, Sources, load};
use countersign_server::{Body, Guard, Identity};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer as _, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let data = std::env::args().nth(1).ok_or("usage: hyper DATA_DIRECTORY")?;
    let listener = TcpListener::bind("127.0.0.1:8481").await?;
    run(listener, data, async { drop(tokio::signal::ctrl_c().await) }).await
}

/// Serves until `stop`.
pub(crate) async fn run(
    listener: TcpListener,
    data: String,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error>> {
    let overrides = Overrides { data: Some(data), ..Overrides::default() };
    let config = load(Sources { overrides, ..Sources::default() })?.config;
    let guard = Guard::open(config.bound_to(listener.local_addr()?)).await?;
    // Our own endpoints, and behind the layer everything else.
    let service = guard.routes().fallback_service(guard.layer().layer(service_fn(answer)));

    let mut stop = pin!(stop);
    let connections = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut stop => break,
        };
        let service = service.clone();
        // Limits and the log go by the peer's address; this is how the guard learns it.
        let with_peer = tower::util::MapRequest::new(service, move |mut request: Request<_>| {
            request.extensions_mut().insert(peer);
            request
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new());
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(with_peer));
        tokio::spawn(connections.watch(connection));
    }
    connections.shutdown().await;
    guard.stop().await?;
    Ok(())
}

async fn answer(request: Request<Body>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Some(identity) = Identity::of(&head.extensions) else {
        return Ok(status(500, "the guard lets nobody in without an identity"));
    };
    let name = identity.username();
    match (head.method.as_str(), head.uri.path()) {
        ("GET", "/hello") => Ok(status(200, &format!("hello, {name}\n"))),
        ("POST", "/notes") => match body.collect().await {
            Ok(body) => Ok(status(200, &format!("{name} notes: {}\n", String::from_utf8_lossy(&body.to_bytes())))),
            Err(error) => Ok(status(400, &error.to_string())),
        },
        _ => Ok(status(404, "not here\n")),
    }
}

fn status(status: u16, text: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(text.to_owned()));
    *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    answer
}
