//! WebSockets that a program behind the layer answers itself.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use countersign_server::service::control::{Asked, Invite, InviteKind, Operation as _, RevokeKey};
use countersign_server::{Guard, Identity, edge};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tower::{Layer as _, service_fn};

use super::{CONFIGURATION, echoes, ends, framed, opened, signing_for};
use crate::support::guard::configuration;
use crate::support::in_time;
use crate::support::knock::Knocker;

/// Greets by name, echoes, and ends when the key does.
async fn greet(mut request: Request<Body>, guard: Arc<Guard>) -> Response<Body> {
    let Some(key) = request.headers().get("sec-websocket-key").cloned() else { return Response::default() };
    let identity = Identity::of(request.extensions()).unwrap().clone();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        socket.send(Message::text(format!("hello, {}", identity.username()))).await.unwrap();
        let talk = async {
            while let Some(Ok(message)) = socket.next().await {
                let _ = socket.send(message).await;
            }
        };
        tokio::select! {
            () = talk => {}
            () = guard.ends(identity.prover()) => {}
        }
    });
    let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    let answer = answer.header("connection", "Upgrade").header("upgrade", "WebSocket");
    answer.header("sec-websocket-accept", derive_accept_key(key.as_bytes())).body(Body::empty()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_behind_the_layer_answers_a_websocket_itself_and_learns_when_its_key_ends() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = configuration(directory.path(), CONFIGURATION).bound_to(address);
    let guard = Arc::new(Guard::open(config).await.unwrap());
    let own = Arc::clone(&guard);
    let api = service_fn(move |request| {
        let own = Arc::clone(&own);
        async move { Ok::<_, std::convert::Infallible>(greet(request, own).await) }
    });
    let router: Router = guard.routes().fallback_service(guard.layer().layer(api));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let asked = || Asked { actor: "test".to_owned(), session: None, at: edge::now().wall };
    let invite = Invite { kind: InviteKind::Ticket, role: "service".to_owned() };
    let card = invite.run(&guard.app().accounts, &asked()).await.unwrap().card.parse().unwrap();
    let alice = Knocker::new(&card, "alice").knock(address).await.unwrap();
    let client = signing_for(&address.to_string(), &alice, address);
    let mut socket = framed(opened(&client, "/ws", HeaderMap::new()).await).await;
    assert_eq!(in_time(socket.next()).await.unwrap().unwrap(), Message::text("hello, alice"));
    echoes(&mut socket, Message::text("I")).await;
    let revoke = RevokeKey { keyid: alice.keyid.clone() };
    revoke.run(&guard.app().accounts, &asked()).await.unwrap();
    ends(&mut socket).await;
}
