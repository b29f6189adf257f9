use bytes::Bytes;
use countersign_client::{Reply, Upload};
use futures_util::stream;
use http::{HeaderMap, Method};

use super::api::Api;
use super::{ROUTE, client};
use crate::support::guard::Running;

/// Two hundred times what the guard may hold in memory.
const LENGTH: usize = 200 << 20;
const PIECE: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_two_hundred_times_the_memory_of_the_guard_pass_both_ways_and_none_of_them_through_a_file() {
    let api = Api::start().await;
    let memory = "max_buffered = \"1 MiB\"\nmax_signed_response = \"64 KiB\"\nmax_body = 0\nmax_spooled = 0\n";
    let guard = Running::before(api.address, &format!("{memory}{ROUTE}")).await;
    let key = guard.service("alice").await;
    let client = client(&guard, &key);

    let zeros = Bytes::from(vec![0; PIECE]);
    let pieces = stream::iter((0..LENGTH / PIECE).map(move |_| Ok(zeros.clone())));
    let upload = client.upload(&Method::PUT, "/s/up", HeaderMap::new(), Upload::of_stream(pieces)).await.unwrap();
    let got = api.next().await;
    assert_eq!((got.length, got.whole), (LENGTH, true));
    let Reply::Stream(mut answer) = upload else { panic!("an answer whose length is not asked for is a stream") };
    assert_eq!(answer.next().await.unwrap().unwrap(), format!("{LENGTH} octets"));

    let target = format!("/s/down/{LENGTH}");
    let reply = client.download(&Method::GET, &target, HeaderMap::new(), Bytes::new()).await.unwrap();
    let Reply::Stream(mut download) = reply else { panic!("no stream") };
    let (mut length, mut longest) = (0, 0);
    while let Some(data) = download.next().await.unwrap() {
        length += data.len();
        longest = longest.max(data.len());
    }
    assert_eq!(length, LENGTH);
    assert!(longest <= countersign_core::stream::MOST_DATA);
}
