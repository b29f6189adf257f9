//! What the man in the middle does.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_core::signature::sha256_digest_field;
use tokio::sync::oneshot;

use super::middle::{Line, Meddler, Message};

/// How long one half of a swap waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing to do to a request or its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trick {
    /// Nothing.
    PassOn,
    /// Send a changed request on.
    Change(fn(&mut Message)),
    /// Deliver a changed answer.
    ChangeAnswer(fn(&mut Message)),
    /// Send the request a second time.
    Replay,
    /// Deliver the answers to two requests crosswise.
    Swap,
    /// Send nothing on, and give the request back as its own answer.
    Reflect,
    /// Collect the guard's refusal of a copy with a spoilt signature, let the request itself act, deliver the refusal.
    SpoilCopy,
    /// Let the request act, and deliver nothing: neither the first answer, nor any other.
    Cut,
    /// The same with the first answer only.
    CutOnce,
}

/// A man in the middle who knows one trick.
#[derive(Debug)]
pub(crate) struct Trickster {
    trick: Trick,
    /// The answer that waits to be swapped, and who waits for another in its place.
    waiting: Mutex<Option<(Message, oneshot::Sender<Message>)>>,
    has_cut: AtomicBool,
}

impl From<Trick> for Trickster {
    fn from(trick: Trick) -> Self {
        Self { trick, waiting: Mutex::new(None), has_cut: AtomicBool::new(false) }
    }
}

impl Meddler for Trickster {
    async fn meddle(&self, mut request: Message, guard: &Line) -> io::Result<Option<Message>> {
        let answer = match self.trick {
            Trick::PassOn => guard.send(&request).await?,
            Trick::Change(change) => {
                change(&mut request);
                guard.send(&request).await?
            }
            Trick::ChangeAnswer(change) => {
                let mut answer = guard.send(&request).await?;
                change(&mut answer);
                answer
            }
            Trick::Replay => {
                let answer = guard.send(&request).await?;
                guard.send(&request).await?;
                answer
            }
            Trick::Swap => self.swap(guard.send(&request).await?).await?,
            Trick::Reflect => reflected(request),
            Trick::SpoilCopy => {
                let refusal = guard.send(&spoilt(&request)).await?;
                guard.send(&request).await?;
                refusal
            }
            Trick::CutOnce if self.has_cut.swap(true, Ordering::Relaxed) => guard.send(&request).await?,
            Trick::Cut | Trick::CutOnce => {
                guard.send(&request).await?;
                return Ok(None);
            }
        };
        Ok(Some(answer))
    }
}

impl Trickster {
    /// Gives this answer to the other who comes here, and theirs to the caller.
    async fn swap(&self, answer: Message) -> io::Result<Message> {
        let (sender, other) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((first, asking)) = waiting.take() {
                // Whoever asked has gone away if this fails, and needs no answer.
                let _ = asking.send(answer);
                return Ok(first);
            }
            *waiting = Some((answer, sender));
        }
        tokio::time::timeout(PATIENCE, other).await?.map_err(io::Error::other)
    }
}

/// The request, dressed as the answer to itself: with the tag of answers, and bound to its own signature.
fn reflected(mut request: Message) -> Message {
    request.start = "HTTP/1.1 200 OK".to_owned();
    let input = request.field("signature-input").unwrap_or_default().replace("-req-1", "-res-1");
    request.set("signature-input", &input);
    let signature = request.field("signature").and_then(|field| field.strip_prefix("cs=")).unwrap_or_default();
    let signature = signature.to_owned();
    request.set("countersign-request", &signature);
    request
}

/// A copy whose signature differs in one octet.
fn spoilt(request: &Message) -> Message {
    let signature = request.field("signature").unwrap_or_default();
    let other = if signature.starts_with("cs=:A") { "cs=:B" } else { "cs=:A" };
    let rest: String = signature.chars().skip(other.len()).collect();
    let mut copy = request.clone();
    copy.set("signature", &[other, &rest].concat());
    copy
}

/// Makes an answer say what he likes, with the digest that belongs to it and a MAC that he has to make up.
pub(crate) fn forge(answer: &mut Message) {
    let body = r#"{"state":"never heard of it"}"#;
    answer.set_body(body);
    answer.set("content-digest", &sha256_digest_field(body.as_bytes()));
    answer.set("signature", "cs=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:");
}

/// Takes the signature off a message.
pub(crate) fn strip(message: &mut Message) {
    message.remove("signature");
    message.remove("signature-input");
}
