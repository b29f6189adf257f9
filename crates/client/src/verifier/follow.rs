//! The task that follows the feed.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::{PATIENCE, Page, Progress, Shared};
use crate::target::Target;
use crate::transport::{Arrived, Network};
use crate::{CallError, Verified};

const REVOCATIONS: &str = "/api/auth/revocations?after=";
const KEYS: &str = "/.well-known/jwks.json";

/// Between polls that fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two polls that say nothing, from the start of one to that of the next; and after the first that fails.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// Keys are fetched no more often than this, however many a guard may vouch for.
const BETWEEN_FETCHES: Duration = Duration::from_secs(1);

/// What came of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Polled {
    /// There is more to know than before, or more to ask.
    News,
    /// Nothing has happened.
    Nothing,
    /// No answer that is worth anything.
    Unheard,
}

/// Polls until it is aborted.
pub(super) async fn follow(shared: Arc<Shared>) {
    let clock = shared.client.clock;
    let mut pause = SHORTEST_PAUSE;
    let mut fetched: Option<Duration> = None;
    loop {
        let begun = clock.read().monotonic;
        let polled = poll(&shared).await;
        let took = clock.read().monotonic.saturating_sub(begun);
        if shared.read().lacks_keys() && fetched.is_none_or(|at| begun.saturating_sub(at) >= BETWEEN_FETCHES) {
            fetched = Some(begun);
            fetch_keys(&shared).await;
        }
        tell(&shared);
        match polled {
            Polled::News => pause = SHORTEST_PAUSE,
            Polled::Nothing => {
                pause = SHORTEST_PAUSE;
                // A guard holds a poll for longer. One that does not, since it is about to stop, is not flooded.
                tokio::time::sleep(SHORTEST_PAUSE.saturating_sub(took)).await;
            }
            Polled::Unheard => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn poll(shared: &Shared) -> Polled {
    let poll = shared.read().poll(shared.client.clock.read());
    let target = format!("{REVOCATIONS}{}", poll.after());
    let called = tokio::time::timeout(PATIENCE, ask(shared, &target)).await;
    let Ok(Ok(answer)) = called else { return Polled::Unheard };
    let Ok(page) = Page::read(&answer.body) else { return Polled::Unheard };
    if answer.status != StatusCode::OK {
        return Polled::Unheard;
    }
    match shared.write().receive(&poll, &page, answer.server_time) {
        Progress::Complete if page.entries.is_empty() => Polled::Nothing,
        Progress::Complete | Progress::More | Progress::FromTheStart | Progress::Late => Polled::News,
    }
}

async fn ask(shared: &Shared, target: &str) -> Result<Verified, CallError> {
    shared.client.call(&Method::GET, target, HeaderMap::new(), Bytes::new()).await.map(|answer| answer.verified)
}

/// Fetches the public keys. Nobody signs that answer: the polls vouch for what is in it.
async fn fetch_keys(shared: &Shared) {
    if let Ok(Ok(document)) = tokio::time::timeout(PATIENCE, key_set(shared)).await {
        // A set that is of no use leaves the keys lacking, and is fetched anew.
        let _ = shared.write().learn_keys(&document);
    }
}

async fn key_set(shared: &Shared) -> Result<Bytes, CallError> {
    let client = &shared.client;
    let target = Target::parse(KEYS, &client.server, &client.conversation.credentials().authority)?;
    let mut request = reqwest::Request::new(Method::GET, target.url().clone());
    client.name_the_server(&target, request.headers_mut());
    let answer = client.http.execute(request).await.map_err(Network::of)?;
    Ok(Arrived::read(answer).await?.body.unwrap_or_default())
}

/// Tells whoever waits for it how far we are.
fn tell(shared: &Shared) {
    let read_up_to = shared.read().read_up_to();
    shared.news.send_replace(read_up_to);
}
