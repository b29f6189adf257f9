use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::wire::{Wire, statuses};
use crate::http::listener::RequestBody;

const UPGRADE: &str = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

/// Upgrades `/socket` to an echo of octets; answers everything else with 200.
fn open(upgrades: bool) -> Wire {
    let service = tower::service_fn(move |mut request: Request<RequestBody>| async move {
        let mut answer = Response::new(Body::empty());
        if upgrades && request.uri().path() == "/socket" {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.unwrap());
                let mut octets = [0; 64];
                while let Ok(count @ 1..) = io.read(&mut octets).await {
                    io.write_all(&octets[..count]).await.unwrap();
                }
            });
            *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        Ok(answer)
    });
    Wire::to(service, 1 << 16, Arc::new(Mutex::new(Vec::new())))
}

#[tokio::test(start_paused = true)]
async fn after_an_upgrade_octets_pass_as_they_are_and_no_timeout_ends_them() {
    let mut wire = open(true);
    wire.send(format!("{UPGRADE}\0not HTTP\n")).await;
    let received = wire.receive_for(1).await;
    assert_eq!(statuses(&received), [101]);
    assert!(received.ends_with("\r\n\r\n\0not HTTP\n"), "{received:?}");
    assert_eq!(wire.receive_for(1_000).await, "");
    wire.send("still there").await;
    assert_eq!(wire.receive_for(1).await, "still there");
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_declined_leaves_http_and_its_rules() {
    let mut wire = open(false);
    wire.send(format!("{UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\n\r\n{UPGRADE}\0not HTTP\n")).await;
    assert_eq!(statuses(&wire.receive_all().await.0), [200, 200, 200, 400]);
}

#[tokio::test(start_paused = true)]
async fn a_declined_upgrade_does_not_leave_the_connection_deaf() {
    let mut wire = open(false);
    for _ in 0..3 {
        wire.send(UPGRADE).await;
        assert_eq!(statuses(&wire.receive_for(1).await), [200]);
    }
    wire.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&wire.receive_for(1).await), [200]);
}
