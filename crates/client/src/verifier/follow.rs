//! The task that follows the feed.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::{PATIENCE, Page, Progress, Shared, Trouble};
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

/// What came of a poll that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Polled {
    /// There is more to know than before, or more to ask.
    News,
    /// Nothing has happened.
    Nothing,
}

/// Polls until it is aborted.
pub(super) async fn follow(shared: Arc<Shared>) {
    let clock = shared.client.clock;
    let mut pause = SHORTEST_PAUSE;
    let mut fetched: Option<Duration> = None;
    let mut told = 0;
    loop {
        let begun = clock.read().monotonic;
        let polled = poll(&shared).await;
        let took = clock.read().monotonic.saturating_sub(begun);
        if shared.read().lacks_keys() && fetched.is_none_or(|at| begun.saturating_sub(at) >= BETWEEN_FETCHES) {
            fetched = Some(begun);
            fetch_keys(&shared).await;
        }
        told = tell(&shared, told);
        tell_of_trouble(&shared, trouble(&shared, &polled));
        match polled {
            Ok(Polled::News) => pause = SHORTEST_PAUSE,
            Ok(Polled::Nothing) => {
                pause = SHORTEST_PAUSE;
                // A guard holds a poll for longer. One that does not, since it is about to stop, is not flooded.
                tokio::time::sleep(SHORTEST_PAUSE.saturating_sub(took)).await;
            }
            Err(_) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn poll(shared: &Shared) -> Result<Polled, Trouble> {
    let poll = shared.read().poll(shared.client.clock.read());
    let target = format!("{REVOCATIONS}{}", poll.after());
    let answer = tokio::time::timeout(PATIENCE, ask(shared, &target)).await.map_err(|_| Trouble::TooLate)??;
    if answer.status != StatusCode::OK {
        return Err(Trouble::refused(&answer));
    }
    let page = Page::read(&answer.body)?;
    Ok(match shared.write().receive(&poll, &page, answer.server_time) {
        Progress::Complete if page.entries.is_empty() => Polled::Nothing,
        Progress::Complete | Progress::More | Progress::FromTheStart | Progress::Late => Polled::News,
    })
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

/// Tells whoever waits for it that something was taken back, if more is known than when that was `told` last. Gives what is to
/// be handed in the next time.
fn tell(shared: &Shared, told: u64) -> u64 {
    let (learnt, read_up_to) = {
        let checker = shared.read();
        (checker.learnt(), checker.read_up_to())
    };
    shared.news.send_if_modified(|news| {
        *news = read_up_to;
        learnt != told
    });
    learnt
}

/// What is wrong after a poll.
fn trouble(shared: &Shared, polled: &Result<Polled, Trouble>) -> Option<Trouble> {
    match polled {
        Err(trouble) => Some(trouble.clone()),
        Ok(_) => shared.read().lacks_keys().then_some(Trouble::NoKeys),
    }
}

/// Tells whoever waits to be ready how it stands, and the log when that is something else than before.
fn tell_of_trouble(shared: &Shared, trouble: Option<Trouble>) {
    let before = shared.trouble.send_replace(trouble.clone());
    let text = |trouble: Option<Trouble>| trouble.map(|trouble| trouble.to_string());
    let Some(trouble) = text(trouble) else { return };
    if text(before).as_ref() != Some(&trouble) {
        tracing::warn!(trouble, "tokens cannot be verified by the guard's feed of revocations alone");
    }
}
