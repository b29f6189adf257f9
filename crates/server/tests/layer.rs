//! The layer alone, around a service of a program that guards itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use countersign_server::Guard;
use countersign_server::config::{Overrides, Sources, load};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Nothing of the guard's stands there, and whatever does must not be reached by anybody.
#[tokio::test]
async fn the_addresses_that_the_guard_opens_to_everybody_are_closed_around_another_service() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data").to_str().unwrap().to_owned();
    let overrides = Overrides { data: Some(data), ..Overrides::default() };
    let config = load(Sources { overrides, ..Sources::default() }).unwrap().config;
    let authority = config.names.public_url().authority().to_string();
    let guard = Guard::open(config).await.unwrap();
    let reached = Arc::<AtomicU32>::default();
    let counted = Arc::clone(&reached);
    let service = guard.layer().layer(service_fn(move |_: Request<Body>| {
        let reached = Arc::clone(&counted);
        async move {
            reached.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    }));
    let request = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header("host", &authority);
        request.header("authorization", "Bearer abc").header("content-type", "application/json")
    };
    for (method, path) in [
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/refresh"),
        ("POST", "/oauth/introspect"),
        ("POST", "/oauth/revoke"),
        ("GET", "/api/auth/whoami"),
        ("GET", "/api/auth/sessions"),
        ("POST", "/api/auth/password"),
    ] {
        let answer = service.clone().oneshot(request(method, path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        assert!(!challenge.unwrap_or_default().contains("Bearer"), "{path} takes a signature and no token");
    }
    assert_eq!(reached.load(Ordering::Relaxed), 0);
    let login = request("POST", "/api/auth/login").body(Body::from("{}")).unwrap();
    let answer = guard.routes().oneshot(login).await.unwrap();
    assert_eq!(answer.status(), 403, "the endpoint itself is asked, and takes no password in plain text");
    guard.stop().await.unwrap();
}
