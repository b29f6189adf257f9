//! Envelopes through a queue: two threads and a channel each way, and no HTTP anywhere.
//!
//! ```text
//! cargo run -p countersign-client --example queue
//! ```
//!
//! Whoever carries the messages, a broker or a file, can read them and drop them, and nothing else: this example has the
//! carrier send one a second time and change another, and shows what comes of it.

use std::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use countersign_client::conversation::Reading;
use countersign_client::envelope::{EnvelopeConversation, EnvelopeCredentials};
use countersign_core::envelope::{Addressee, Envelope};
use countersign_core::id::KeyId;
use countersign_core::problem::Problem;
use countersign_core::replay::burnt_until;
use countersign_core::secret::{KeyPair, Root, Secret32};
use countersign_core::signature::{Authentic, Authentication};
use countersign_core::time::{Freshness, Timestamp};
use countersign_store::memory::{Burn, Limits, MemoryReplayGuard};
use countersign_store::port::{ReplayGuard as _, Seen};

type Failure = Box<dyn Error + Send + Sync>;

const OURS: Addressee<'_> = Addressee { audience: "worker.example", username: "alice" };
const KEYID: &str = "k7f3a9c2d4e5b6a1c";

fn main() -> Result<(), Failure> {
    // In earnest the root is what an enrolment yielded, kept by both sides.
    let root = Root::new(Secret32::new(random()?));
    let keyid: KeyId = KEYID.parse()?;
    let (to_worker, requests) = channel();
    let (answers, from_worker) = channel();
    let worker = Worker::new(root.envelope_pair(keyid.as_str()))?;
    let serving = thread::spawn(move || worker.run(&requests, &answers));

    let credentials = EnvelopeCredentials::new(OURS.audience.parse()?, keyid.into(), OURS.username, &root);
    client(&EnvelopeConversation::new(credentials, 0), &to_worker, &from_worker)?;
    drop(to_worker);
    serving.join().map_err(|_| "the worker panicked")?
}

/// Sends three messages, of which the carrier repeats the first and changes the last.
fn client(
    conversation: &EnvelopeConversation,
    queue: &Sender<String>,
    answers: &Receiver<String>,
) -> Result<(), Failure> {
    let clock = started();
    let greet = "greet".parse()?;
    let message = conversation.sign(&greet, b"hello", random()?, reading(clock))?;
    queue.send(message.json.clone())?;
    show("an answer", conversation, &answers.recv()?, clock);
    queue.send(message.json)?;
    show("the same message a second time", conversation, &answers.recv()?, clock);

    let message = conversation.sign(&"leave".parse()?, b"", random()?, reading(clock))?;
    queue.send(message.json)?;
    show("an action that nobody knows", conversation, &answers.recv()?, clock);

    let message = conversation.sign(&greet, b"hello", random()?, reading(clock))?;
    queue.send(message.json.replace("\"greet\"", "\"shout\""))?;
    show("a message that was changed on the way", conversation, &answers.recv()?, clock);
    Ok(())
}

fn show(what: &str, conversation: &EnvelopeConversation, message: &str, clock: Instant) {
    match conversation.receive(message.as_bytes(), reading(clock)).judged {
        Ok(verified) => println!("{what}: {} {}", verified.status, String::from_utf8_lossy(&verified.packet)),
        Err(class) => println!("{what}: interference, {class}"),
    }
}

/// Who serves. One key is known here; with many, [`Envelope::keyid`] says which.
struct Worker {
    keys: KeyPair,
    guard: MemoryReplayGuard,
    /// The accept clock never runs backwards, whatever the wall clock does. A worker that is started again has lost its
    /// guard, and must refuse what was signed before its start + W: `countersign_core::replay::AcceptClock` does both.
    now: Timestamp,
    runtime: tokio::runtime::Runtime,
}

impl Worker {
    fn new(keys: KeyPair) -> Result<Self, Failure> {
        let guard = MemoryReplayGuard::new(&Secret32::new(random()?), Freshness::DEFAULT, Limits::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Self { keys, guard, now: Timestamp::default(), runtime })
    }

    fn run(mut self, queue: &Receiver<String>, answers: &Sender<String>) -> Result<(), Failure> {
        for message in queue {
            // What cannot be read names no key, so there is nobody to answer.
            let Ok(envelope) = Envelope::read(message.as_bytes()) else { continue };
            let (status, packet) = match self.refusal(&envelope)? {
                Some(problem) => (problem.status, problem.json().into_bytes()),
                None => act(&envelope),
            };
            answers.send(envelope.answer(&self.keys.s2c, status, &packet, self.now))?;
        }
        Ok(())
    }

    /// MAC, addressee and time; then whether it is here for the first time. Only then may anything be done.
    fn refusal(&mut self, envelope: &Envelope) -> Result<Option<Problem>, Failure> {
        self.now = self.now.max(wall_clock());
        Ok(match envelope.authenticate(&self.keys.c2s, OURS, Freshness::DEFAULT, self.now) {
            Authentication::BadSignature => Some(Problem::UNAUTHORIZED),
            Authentication::Stale => Some(Problem::CLOCK_SKEW),
            Authentication::FutureDated(authentic) => Some(self.burn(&authentic)?),
            Authentication::Authentic(authentic) => {
                match self.runtime.block_on(self.guard.remember(&authentic, self.now))? {
                    Seen::Never => None,
                    Seen::Before => Some(Problem::REPLAYED),
                    Seen::TooManyOfThisKey => Some(Problem::THROTTLED),
                    Seen::Full => Some(Problem::UNAVAILABLE),
                    Seen::Unknown => Some(Problem::WARMING_UP),
                }
            }
        })
    }

    /// From our future: it would become valid later, so its nonce is spent now.
    fn burn(&self, authentic: &Authentic<'_>) -> Result<Problem, Failure> {
        let keep_until = burnt_until(authentic.created());
        Ok(match self.guard.burn(authentic.keyid(), authentic.nonce(), keep_until, 64)? {
            Burn::Done => Problem::CLOCK_SKEW,
            Burn::Accepted => Problem::REPLAYED,
            Burn::TooMany => Problem::THROTTLED,
        })
    }
}

fn act(envelope: &Envelope) -> (u16, Vec<u8>) {
    match envelope.action().as_str() {
        "greet" => (200, [envelope.packet(), b", ", envelope.username().as_bytes()].concat()),
        _ => (Problem::NOT_FOUND.status, Problem::NOT_FOUND.json().into_bytes()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a program reads its clock somewhere")]
fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().saturating_add(since_epoch)
}

#[expect(clippy::disallowed_methods, reason = "and its other clock")]
fn started() -> Instant {
    Instant::now()
}

fn reading(start: Instant) -> Reading {
    Reading { wall: wall_clock(), monotonic: start.elapsed() }
}

#[expect(clippy::disallowed_methods, reason = "and its random octets")]
fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets)?;
    Ok(octets)
}
