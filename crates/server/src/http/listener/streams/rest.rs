use std::pin::Pin;
use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// The most octets of a body that are read although nobody wants them.
const MOST: u64 = 64 * 1024;

/// Reads what is left of a body that nobody wants any more, and throws it away.
///
/// A stream whose answer comes before the end of the request has to be reset (RFC 9113 §8.1), and there are clients that lose
/// the answer by that. What is short and on its way is cheaper to read; a longer body, and one that does not come in this
/// time, is reset all the same. The stream counts as open meanwhile, of which a connection has only so many.
pub(in crate::http::listener) fn read_out(mut body: Incoming, patience: Duration) {
    let left = body.size_hint();
    if body.is_end_stream() || left.upper().unwrap_or(left.lower()) > MOST {
        return;
    }
    // Where nothing runs any more, nobody waits for an answer either.
    let Ok(runtime) = Handle::try_current() else { return };
    runtime.spawn(async move {
        let reading = async {
            let mut read = 0;
            while let Some(Ok(frame)) = Pin::new(&mut body).frame().await {
                read += frame.data_ref().map_or(0, |data| data.len() as u64);
                if read > MOST {
                    return;
                }
            }
        };
        drop(timeout(patience, reading).await);
    });
}
