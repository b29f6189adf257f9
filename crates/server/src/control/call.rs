use core::time::Duration;
use std::error::Error;
use std::io::ErrorKind;
use std::path::PathBuf;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::ROUTE;
use super::address::address;
use super::answer::ControlError;
use crate::data::DataDir;

/// How long a server may take to appear at its socket: it holds the lock a little longer, at both ends of its life.
const APPEARANCE: Duration = Duration::from_secs(2);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Why there is no answer from the server.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Somebody holds the lock, and nobody listens.
    #[error(
        "{} is in use, but nobody answers at its control socket: a server that is starting or stopping, or another \
         command; try again in a moment",
        .0.display()
    )]
    NobodyThere(PathBuf),
    /// It was asked, and may have done it or not.
    #[error("the server did not answer in time; it may have done what was asked, so look before trying again")]
    TimedOut,
    /// The conversation broke off; it may have done it or not.
    #[error("the conversation with the server broke off; it may have done what was asked, so look before trying again")]
    BrokeOff(#[source] Box<dyn Error + Send + Sync>),
    /// It answered no.
    #[error(transparent)]
    Refused(ControlError),
    /// It answered something that we do not understand.
    #[error(
        "the server's answer is not understood; is it of another version? `countersign --version` shows this one's"
    )]
    NotUnderstood(#[source] serde_json::Error),
}

/// Asks the server that holds this directory. To be called when [`DataDir::lock`] says that somebody does.
pub async fn call<Q, A>(directory: &DataDir, question: &Q) -> Result<A, CallError>
where
    Q: Serialize + ?Sized,
    A: DeserializeOwned,
{
    call_within(directory, question, (APPEARANCE, ANSWER)).await
}

/// The same for what takes longer.
pub async fn call_patiently<Q, A>(directory: &DataDir, question: &Q, patience: Duration) -> Result<A, CallError>
where
    Q: Serialize + ?Sized,
    A: DeserializeOwned,
{
    call_within(directory, question, (APPEARANCE, patience)).await
}

pub(super) async fn call_within<Q, A>(
    directory: &DataDir,
    question: &Q,
    (appearance, patience): (Duration, Duration),
) -> Result<A, CallError>
where
    Q: Serialize + ?Sized,
    A: DeserializeOwned,
{
    let body = serde_json::to_vec(question).map_err(CallError::NotUnderstood)?;
    let stream = timeout(appearance, connect(directory)).await;
    let stream = stream.map_err(|_| CallError::NobodyThere(directory.path().to_owned()))?.map_err(broke_off)?;
    let (status, answer) =
        timeout(patience, ask(stream, body)).await.map_err(|_| CallError::TimedOut)?.map_err(broke_off)?;
    match status {
        StatusCode::OK => serde_json::from_slice(&answer).map_err(CallError::NotUnderstood),
        _ => Err(serde_json::from_slice(&answer).map_or_else(CallError::NotUnderstood, CallError::Refused)),
    }
}

fn broke_off(error: impl Into<Box<dyn Error + Send + Sync>>) -> CallError {
    CallError::BrokeOff(error.into())
}

/// Connects as soon as somebody listens.
async fn connect(directory: &DataDir) -> std::io::Result<UnixStream> {
    loop {
        match UnixStream::connect(address(directory)).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                sleep(Duration::from_millis(25)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn ask(stream: UnixStream, body: Vec<u8>) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(ROUTE).header(HOST, "control").header(CONTENT_TYPE, "application/json");
    let request = request.body(Full::new(Bytes::from(body)))?;
    let asked = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        Ok::<_, hyper::Error>((head.status, body.collect().await?.to_bytes()))
    };
    tokio::pin!(asked, connection);
    tokio::select! {
        answer = &mut asked => Ok(answer?),
        closed = &mut connection => match closed {
            // The whole answer may have come in before the end.
            Ok(()) => Ok(asked.await?),
            Err(error) => Err(error.into()),
        },
    }
}
