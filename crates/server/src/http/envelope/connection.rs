use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use countersign_core::envelope::Envelope;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::ending::Ending;
use super::serve::{Answer, Served, Standing, serve};
use crate::app::SharedApp;

/// Until the first authentic message: whoever holds no key holds no connection either.
pub(super) const FIRST: Duration = Duration::from_secs(10);

/// How long an answer may wait to be taken.
const TO_TAKE_AN_ANSWER: Duration = Duration::from_secs(30);

/// How long what is under way may take when nothing more is read.
const TO_FINISH: Duration = Duration::from_secs(10);

/// How long the end may take, when both sides know of it.
const TO_END: Duration = Duration::from_secs(2);

/// So many messages in a row may fail to be authenticated: a slip of a program, not a search.
const FAILURES: u32 = 8;

/// One WebSocket. Its messages are served side by side and answered as each is done; the nonce says which is which.
pub(super) struct Connection<S> {
    app: SharedApp,
    client: IpAddr,
    socket: WebSocketStream<S>,
    under_way: FuturesUnordered<BoxFuture<'static, Served>>,
    /// Rings when no authentic message has come for too long.
    alarm: Pin<Box<Sleep>>,
    failures: u32,
}

/// What a connection does next.
enum Event {
    Message(Option<Result<Message, Error>>),
    Served(Served),
    Ends(Ending),
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// A connection on which the first authentic message has to come within `first`.
    pub(super) fn new(app: SharedApp, client: IpAddr, socket: WebSocketStream<S>, first: Duration) -> Self {
        let alarm = Box::pin(sleep(first));
        Self { app, client, socket, under_way: FuturesUnordered::new(), alarm, failures: 0 }
    }

    /// Serves messages until something ends it; then finishes what is under way and says why.
    pub(super) async fn run(mut self) {
        let ending = loop {
            let step = match self.next().await {
                Event::Message(message) => self.take(message),
                Event::Served(served) => self.give(served).await,
                Event::Ends(ending) => Err(ending),
            };
            if let Err(ending) = step {
                break ending;
            }
        };
        tracing::debug!(?ending, client = %self.client, "a connection for envelopes ends");
        if ending.finishes() {
            self.finish(ending).await;
        }
    }

    async fn next(&mut self) -> Event {
        let Self { app, socket, under_way, alarm, .. } = self;
        let has_room = under_way.len() < app.accounts.config.envelopes.in_flight;
        tokio::select! {
            () = app.stopping.cancelled() => Event::Ends(Ending::Stopping),
            Some(served) = under_way.next() => Event::Served(served),
            message = socket.next(), if has_room => Event::Message(message),
            () = alarm.as_mut(), if under_way.is_empty() => Event::Ends(Ending::Idle),
        }
    }

    fn take(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Ending> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => return Err(Ending::Binary),
            Some(Ok(Message::Close(_))) | None => return Err(Ending::Gone),
            Some(Err(error)) => return Err(Ending::of(&error)),
        };
        let mut hold = self.app.budget.hold();
        let held = hold.grow(text.len());
        let envelope = Envelope::read(text.as_bytes()).map_err(|unreadable| {
            tracing::debug!(rule = unreadable.0, "not an envelope");
            Ending::Malformed
        })?;
        self.under_way.push(Box::pin(serve(self.app.clone(), envelope, self.client, held.then_some(hold))));
        Ok(())
    }

    /// Sends an answer, unless the key behind it is taken back before it is out.
    async fn give(&mut self, served: Served) -> Result<(), Ending> {
        let (Answer { text, standing }, _until_sent) = match served {
            Served::Answer(answer, hold) => (answer, hold),
            Served::Ends(ending) => return Err(ending),
        };
        self.note(&standing);
        let app = self.app.clone();
        let ended = async {
            match &standing {
                Standing::Admitted(prover) => app.accounts.ended(prover).await,
                Standing::Refused | Standing::Unproven => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = ended => return Err(Ending::CutOff),
            sent = timeout(TO_TAKE_AN_ANSWER, self.socket.send(Message::text(text))) => match sent {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Ending::Gone),
                Err(_) => return Err(Ending::CutOff),
            },
        }
        if self.failures >= FAILURES { Err(Ending::Unauthorized) } else { Ok(()) }
    }

    fn note(&mut self, standing: &Standing) {
        match standing {
            Standing::Admitted(_) => {
                self.failures = 0;
                self.alarm.set(sleep(self.app.accounts.config.envelopes.idle));
            }
            Standing::Refused => {}
            Standing::Unproven => self.failures += 1,
        }
    }

    /// Lets out what is under way, reads nothing more, and says why.
    async fn finish(mut self, ending: Ending) {
        let left = async {
            while let Some(served) = self.under_way.next().await {
                if self.give(served).await.is_err_and(|ending| !ending.finishes()) {
                    return false;
                }
            }
            true
        };
        if !matches!(timeout(TO_FINISH, left).await, Ok(true)) {
            return;
        }
        let Self { socket, .. } = &mut self;
        let goodbye = async {
            if socket.close(Some(ending.frame())).await.is_ok() {
                while let Some(Ok(_)) = socket.next().await {}
            }
        };
        let _ = timeout(TO_END, goodbye).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::Guard;
    use crate::config::{Overrides, Sources, load};

    #[tokio::test]
    async fn whoever_sends_nothing_authentic_is_sent_away_whatever_else_they_send() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data").to_str().unwrap().to_owned();
        let overrides = Overrides { data: Some(data), ..Overrides::default() };
        let config = load(Sources { overrides, ..Sources::default() }).unwrap().config;
        let guard = Guard::open(config).await.unwrap();
        let (near, far) = tokio::io::duplex(1 << 16);
        let socket = WebSocketStream::from_raw_socket(near, Role::Server, None).await;
        let from = IpAddr::from([127, 0, 0, 1]);
        let first = Duration::from_millis(300);
        let serving = tokio::spawn(Connection::new(guard.app().clone(), from, socket, first).run());
        let mut client = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
        let keep_alive = r#"{"v":1,"aud":"a","kid":"k","nonce":"AAAAAAAAAAAAAAAAAAAAAA","timestamp":1,"action":"a","username":"a","packet":"","mac":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
        client.send(Message::text(keep_alive)).await.unwrap();
        client.send(Message::Ping("x".into())).await.unwrap();
        let mut answers = 0;
        let end = loop {
            match client.next().await {
                Some(Ok(Message::Text(_))) => answers += 1,
                Some(Ok(Message::Close(frame))) => break frame.unwrap(),
                Some(Ok(_)) => {}
                other => panic!("it ended without a word: {other:?}"),
            }
        };
        assert_eq!((answers, end), (1, Ending::Idle.frame()));
        serving.await.unwrap();
        guard.stop().await.unwrap();
    }
}
