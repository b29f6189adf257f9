//! Programs that guard themselves, by the layer: the examples, run beside the command line.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::knock::Knocker;
use crate::support::process::Place;
use crate::support::signing::{Draft, Key, Sent};
use crate::support::wire::{Answer, ask};

#[expect(dead_code, reason = "an example has a main of its own")]
#[path = "../../../server/examples/axum.rs"]
mod of_axum;
#[expect(dead_code, reason = "an example has a main of its own")]
#[path = "../../../server/examples/hyper.rs"]
mod of_hyper;

/// An example that runs in this process, and the directory by which the command line finds it.
struct Example {
    place: Place,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

#[derive(Clone, Copy)]
enum Of {
    Axum,
    Hyper,
}

impl Example {
    async fn start(of: Of) -> Self {
        Self::start_in(Place::new(), "127.0.0.1:0", of).await
    }

    async fn start_in(place: Place, listen: &str, of: Of) -> Self {
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let data = place.data().display().to_string();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let listener = listener.into_std().unwrap();
        // As a program does it: on the thread and the runtime of its `main`.
        let running = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                match of {
                    Of::Axum => of_axum::run(listener, data, stopped).await.unwrap(),
                    Of::Hyper => of_hyper::run(listener, data, stopped).await.unwrap(),
                }
            });
        });
        // Operators' commands find it once its control socket is there.
        while !place.data().join("control.sock").exists() {
            tokio::task::yield_now().await;
        }
        Self { place, address, stop, running }
    }

    async fn stopped(self) -> Place {
        self.stop.send(()).unwrap();
        tokio::task::block_in_place(|| self.running.join()).unwrap();
        self.place
    }

    /// Enrols by a card that the command line has issued beside the running program.
    async fn service(&self, name: &str) -> Key {
        let card = tokio::task::block_in_place(|| self.place.service_card());
        let key = Knocker::new(&card, name).knock(self.address).await.unwrap();
        assert_eq!(
            self.answer(&self.draft("GET", "/api/auth/whoami", &key).without_body().sign(&key), &key).await.status,
            200
        );
        key
    }

    fn draft(&self, method: &str, target: &str, key: &Key) -> Draft {
        Draft::new(method, target, &self.address.to_string(), &key.keyid)
    }

    /// The answer to a request, signed for it.
    async fn answer(&self, sent: &Sent, key: &Key) -> Answer {
        let answer = ask(self.address, &sent.octets()).await;
        sent.assert_answered(&key.keys.s2c, &answer);
        answer
    }
}

async fn each(of: Of) {
    let example = Example::start(of).await;
    let alice = example.service("alice").await;
    let hello = example.draft("GET", "/hello", &alice).without_body().sign(&alice);
    assert_eq!(example.answer(&hello, &alice).await.body, b"hello, alice\n");
    assert_eq!(example.answer(&hello, &alice).await.code(), "replayed");

    let note = example.draft("POST", "/notes", &alice).with_body(b"pay bob").sign(&alice);
    let tampered = Sent { body: b"pay eve".to_vec(), ..note.clone() };
    assert_eq!(example.answer(&tampered, &alice).await.code(), "digest-mismatch");
    let note = example.draft("POST", "/notes", &alice).with_body(b"pay bob").sign(&alice);
    assert_eq!(example.answer(&note, &alice).await.body, b"alice notes: pay bob\n");
    for replayed in [None, Some("true")] {
        let draft = example.draft("POST", "/notes", &alice).with("idempotency-key", "\"1\"");
        let answer = example.answer(&draft.with_body(b"pay bob").sign(&alice), &alice).await;
        assert_eq!(answer.body, b"alice notes: pay bob\n");
        assert_eq!(answer.field("idempotent-replayed"), replayed);
    }

    // What the program says by itself is signed, and so are the addresses of the guard that hold nothing.
    let draft = |method, target| example.draft(method, target, &alice).without_body().sign(&alice);
    assert_eq!(example.answer(&draft("GET", "/nowhere"), &alice).await.status, 404);
    for nothing in ["/api/auth", "/api/auth/", "/api/auth/x/y", "/oauth/token", "/.well-known/jwks.json/x"] {
        assert_eq!(example.answer(&draft("GET", nothing), &alice).await.code(), "not-found", "{nothing}");
    }

    let unsigned = format!("GET /hello HTTP/1.1\r\nHost: {}\r\n\r\n", example.address);
    assert_eq!(ask(example.address, unsigned.as_bytes()).await.code(), "unauthorized");
    let elsewhere = hello.replaced(&example.address.to_string(), "elsewhere.example");
    assert_eq!(ask(example.address, &elsewhere.octets()).await.code(), "misdirected");
    let knock = "POST /api/auth/enrol HTTP/1.1\r\nHost: elsewhere.example\r\nContent-Length: 0\r\n\r\n".to_owned();
    assert_eq!(ask(example.address, knock.as_bytes()).await.code(), "misdirected");

    tokio::task::block_in_place(|| example.place.operate(&["key", "revoke", &alice.keyid]));
    assert_eq!(example.answer(&draft("GET", "/hello"), &alice).await.code(), "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_of_axum_guards_itself() {
    each(Of::Axum).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_plain_hyper_guards_itself() {
    each(Of::Hyper).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_stops_in_order_knows_after_its_next_start_what_it_has_seen() {
    let example = Example::start(Of::Axum).await;
    let alice = example.service("alice").await;
    let hello = example.draft("GET", "/hello", &alice).without_body().sign(&alice);
    assert_eq!(example.answer(&hello, &alice).await.status, 200);
    let address = example.address.to_string();
    let place = example.stopped().await;
    let again = Example::start_in(place, &address, Of::Axum).await;
    assert_eq!(again.answer(&hello, &alice).await.code(), "replayed");
    let hello = again.draft("GET", "/hello", &alice).without_body().sign(&alice);
    assert_eq!(again.answer(&hello, &alice).await.status, 200);
}
