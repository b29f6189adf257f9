//! An API that verifies the guard's access tokens by itself. The guard does not stand in front of it, and is not asked about
//! each token.
//!
//! ```text
//! countersign user invite --ticket --role service --data ./countersign-data          # prints a card
//! cargo run -p countersign-client --example verifier -- http://127.0.0.1:8470 countersign1:… orders-api
//! curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8490/orders
//! ```
//!
//! `$TOKEN` is the `access_token` of a login with a password. Off this machine, both ways want TLS: whoever reads a bearer token
//! can use it.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use countersign_client::verifier::{Settings, Verifier};
use countersign_client::{Person, Server, enrol};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [public_url, card, username] = arguments.as_slice() else {
        return Err("usage: verifier PUBLIC_URL CARD USERNAME".into());
    };
    let server = Server::parse(public_url)?;
    // A program that lives longer keeps its key, as example `call` says.
    let enrolment = enrol(&server, &card.parse()?, &Person { username, device: "verifier" }).await?;
    let client = enrolment.client(server.clone())?;
    client.whoami().await?;
    let verifier = Verifier::start(enrolment.client(server)?, Settings::new(public_url));
    loop {
        match tokio::time::timeout(Duration::from_secs(5), verifier.is_ready()).await {
            Ok(ready) => break ready?,
            Err(_) => eprintln!(
                "waiting for the guard: {}",
                verifier.last_error().map_or_else(|| "its feed is long".to_owned(), |trouble| trouble.to_string())
            ),
        }
    }

    let listener = TcpListener::bind("127.0.0.1:8490").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let api = Router::new().route("/orders", get(orders)).with_state(verifier);
    axum::serve(listener, api).await?;
    Ok(())
}

async fn orders(State(verifier): State<Verifier>, headers: HeaderMap) -> Response {
    let Some(token) = bearer(&headers) else {
        let challenge = HeaderValue::from_static("Bearer");
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    };
    match verifier.verify(token).await {
        Ok(accepted) => format!("the orders of {}\n", accepted.claims.username).into_response(),
        Err(refused) => {
            let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let challenge = refused.www_authenticate().map(|text| [(header::WWW_AUTHENTICATE, text)]);
            (status, challenge.map(axum::response::AppendHeaders), format!("{refused}\n")).into_response()
        }
    }
}

/// The one bearer token of a request (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let (field, None) = (fields.next()?, fields.next()) else { return None };
    field.to_str().ok()?.strip_prefix("Bearer ")
}
