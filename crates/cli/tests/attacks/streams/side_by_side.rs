//! Several streams of one client, which share a connection in HTTP/2: what becomes of one is nothing to the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_client::{CallError, Client, Download, Reply, Upload};
use countersign_core::stream::MOST_DATA;
use futures_util::stream;
use http::{HeaderMap, Method};
use tokio::sync::mpsc;

use super::api::Api;
use super::{ROUTE, client};
use crate::support::guard::Running;
use crate::support::in_time;

async fn started() -> (Api, Running, Client) {
    let api = Api::start().await;
    let guard = Running::before(api.address, ROUTE).await;
    let key = guard.service("alice").await;
    let client = client(&guard, &key);
    (api, guard, client)
}

async fn events(client: &Client) -> Box<Download> {
    let reply = client.download(&Method::GET, "/s/events", HeaderMap::new(), Bytes::new());
    let Reply::Stream(download) = in_time(reply).await.unwrap() else { panic!("no stream") };
    download
}

async fn next(download: &mut Download) -> Bytes {
    in_time(download.next()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_its_client_breaks_off_has_no_clean_end_and_ends_nothing_else() {
    let (api, _guard, client) = started().await;
    let mut events = events(&client).await;
    let (pieces, said) = mpsc::unbounded_channel();
    let said = stream::unfold(said, |mut said| async { said.recv().await.map(|piece| (piece, said)) });
    let upload = client.upload(&Method::PUT, "/s/up", HeaderMap::new(), Upload::of_stream(said));
    let breaking = async {
        pieces.send(Ok(Bytes::from_static(&[0; 100_000]))).unwrap();
        api.has_got(MOST_DATA).await;
        pieces.send(Err(std::io::Error::other("cut"))).unwrap();
    };
    let (outcome, ()) = in_time(async { tokio::join!(upload, breaking) }).await;
    assert!(matches!(outcome, Err(CallError::Upload(_))), "{outcome:?}");
    let got = api.next().await;
    assert!(!got.whole && (MOST_DATA..=100_000).contains(&got.length), "{got:?}");
    api.say("data: still here\n\n").await;
    assert_eq!(next(&mut events).await, "data: still here\n\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_its_client_gives_up_ends_for_the_api_and_ends_nothing_else() {
    let (api, _guard, client) = started().await;
    let (given_up, mut kept) = (events(&client).await, events(&client).await);
    api.is_heard_by(2).await;
    drop(given_up);
    api.is_heard_by(1).await;
    api.say("data: still here\n\n").await;
    assert_eq!(next(&mut kept).await, "data: still here\n\n");
}

/// What may be under way on a stream of HTTP/2 is less than what may be on its connection.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_an_api_leaves_lying_keeps_up_no_other_request() {
    let (api, _guard, client) = started().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let endless = stream::repeat_with(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Bytes::from_static(&[0; 65_536]))
    });
    let uploading = client.clone();
    let stuck = tokio::spawn(async move {
        uploading.upload(&Method::PUT, "/s/stuck", HeaderMap::new(), Upload::of_stream(endless)).await.is_ok()
    });
    api.has_got(1).await;
    let mut before = 0;
    while std::mem::replace(&mut before, taken.load(Ordering::Relaxed)) != taken.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let body = Bytes::from(vec![7; 1_000_000]);
    let answer = in_time(client.call(&Method::PUT, "/up", HeaderMap::new(), body)).await.unwrap();
    assert_eq!((answer.verified.status.as_u16(), &*answer.verified.body), (200, &b"1000000 octets"[..]));
    stuck.abort();
}
