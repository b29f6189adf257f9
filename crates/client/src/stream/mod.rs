//! Bodies and answers that are too long for memory, over real sockets (protocol §9.2).

mod download;
mod upload;

use core::pin::pin;
use core::time::Duration;

use bytes::Bytes;
use countersign_core::signature::Interference;
use http::{HeaderMap, Method};
use tokio::time::timeout;

use crate::conversation::{PATIENCE, Receipt, StreamedHead};
use crate::transport::{Call, random};
use crate::{Answer, CallError, Client, Network};

pub use download::Download;
pub use upload::Upload;

/// Longer than any stream. What bounds one is that something moves.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The verified answer to a request that asked for a stream.
#[derive(Debug)]
pub enum Reply {
    /// It is all here: a refusal of the guard, an answer without a body, or one that the server has not streamed.
    Whole(Answer),
    /// Its head is here and verified; its body comes frame by frame.
    Stream(Box<Download>),
}

impl Client {
    /// Does what [`call`](Self::call) does, for an answer of any length.
    pub async fn download(
        &self,
        method: &Method,
        target: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, CallError> {
        let call = Call { method, target: self.target(target)?, headers, body };
        match self.ask(&call).await? {
            Reply::Whole(first) if first.verified.rejected_for_its_time => match self.ask(&call).await? {
                Reply::Whole(second) => {
                    let clock_change = first.clock_change.or(second.clock_change);
                    Ok(Reply::Whole(Answer { retried: true, clock_change, ..second }))
                }
                Reply::Stream(second) => Ok(Reply::Stream(Box::new(second.after(first.clock_change)))),
            },
            reply => Ok(reply),
        }
    }

    /// Sends data of any length, frame by frame; the answer may have any length, too.
    ///
    /// The data can be read once, so nothing is sent a second time: when the server rejects the request for its time
    /// ([`Verified::was_rejected_for_its_time`](crate::Verified::was_rejected_for_its_time)), that is the answer. The clock has been corrected by then.
    pub async fn upload(
        &self,
        method: &Method,
        target: &str,
        headers: HeaderMap,
        data: Upload,
    ) -> Result<Reply, CallError> {
        let call = Call { method, target: self.target(target)?, headers, body: Bytes::new() };
        let (signed, frames) = self.conversation.sign_upload(&call.outgoing(), random()?, self.clock.read())?;
        let mut request = self.request(&call, signed.headers);
        request.headers_mut().remove(http::header::CONTENT_LENGTH);
        let (body, watch) = data.into_body(frames);
        *request.body_mut() = Some(reqwest::Body::wrap(body));
        *request.timeout_mut() = Some(FOREVER);
        let mut executing = pin!(self.http.execute(request));
        let answer = loop {
            let before = watch.moved();
            match timeout(PATIENCE, &mut executing).await {
                Ok(answer) => break answer,
                Err(_) if watch.moved() != before || watch.waits_for_data() => {}
                Err(_) => return Err(Network::Stalled.into()),
            }
        };
        match (answer, watch.failure()) {
            (Ok(answer), _) => self.reply(&signed.receipt, answer).await,
            (Err(_), Some(failure)) => Err(CallError::Upload(failure)),
            (Err(error), None) => Err(Network::of(error).into()),
        }
    }

    async fn ask(&self, call: &Call<'_>) -> Result<Reply, CallError> {
        let signed = self.conversation.sign_asking_for_stream(&call.outgoing(), random()?, self.clock.read())?;
        let mut request = self.request(call, signed.headers);
        *request.timeout_mut() = Some(FOREVER);
        let answer = timeout(PATIENCE, self.http.execute(request)).await.map_err(|_| Network::Stalled)?;
        self.reply(&signed.receipt, answer.map_err(Network::of)?).await
    }

    async fn reply(&self, receipt: &Receipt, answer: reqwest::Response) -> Result<Reply, CallError> {
        // Whether the signature agrees that it is a stream is judged below.
        if !answer.headers().contains_key("countersign-stream") {
            let whole = timeout(PATIENCE, self.verify_whole(receipt, answer)).await.map_err(|_| Network::Stalled)??;
            return Ok(Reply::Whole(whole.into()));
        }
        let head = StreamedHead { status: answer.status(), headers: answer.headers() };
        let verified = self.conversation.receive_stream(receipt, &head, self.clock.read());
        let verified = verified.map_err(CallError::Interference)?;
        Ok(Reply::Stream(Box::new(Download::new(verified, answer))))
    }
}

/// What a stream that is broken is called. Where the end is missing somebody has cut the line; else somebody has written
/// what the server did not.
const fn class_of(broken: countersign_core::stream::BrokenStream) -> Interference {
    use countersign_core::stream::BrokenStream as Broken;
    match broken {
        Broken::Truncated => Interference::Truncated,
        Broken::TooLong | Broken::BadMark | Broken::BadTag | Broken::Trailing => Interference::BadMac,
    }
}
