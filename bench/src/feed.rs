//! How soon a verifier elsewhere knows of a revocation, by the feed of a whole guard on this machine.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use countersign_client::verifier::{Refused, Settings, Verifier};
use countersign_client::{Client, Conversation, Credentials, Server as Address};
use countersign_core::event::EventKind;
use countersign_core::session::{EndReason, Scope};
use countersign_server::edge;
use countersign_server::service::control::Asked;
use countersign_server::service::end_sessions::end;
use countersign_server::service::open_session::{Opening, open_session};
use tokio_util::sync::CancellationToken;

use crate::people;
use crate::report;
use crate::revocation::{enrol, start};
use crate::stopwatch::wall_time;

/// Sessions that are ended, one after the other.
const REVOCATIONS: usize = 1_000;

/// Ends sessions and prints when that was acknowledged, and when the verifier refused their tokens.
pub(crate) fn run() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    tokio::runtime::Runtime::new()?.block_on(measure(home.path()))
}

async fn measure(home: &Path) -> anyhow::Result<()> {
    let server = start(home, None).await?;
    let (app, address, stop) = (server.app().clone(), server.address(), CancellationToken::new());
    let serving = tokio::spawn(server.run(stop.clone()));
    while app.replay.now(edge::now()).is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (key, root) = enrol(&app).await?;
    let credentials = Credentials::new(address.to_string().parse()?, key.into(), &root);
    let client = Client::new(Address::parse(&format!("http://{address}"))?, Conversation::new(credentials, 0))?;
    let verifier = Verifier::start(client, Settings::new(&app.accounts.issuer));
    let user = people::kept_user(&app.accounts, 0).await?;
    verifier.is_ready().await?;
    let (mut acknowledged, mut known) = (Vec::new(), Vec::new());
    for _ in 0..REVOCATIONS {
        let (session, token) = people::signed_in(&app.accounts, &user)?;
        let (reference, family) = (session.reference, people::family(&app.accounts, &session, &user)?);
        let opening = Opening { session, family, user: user.clone(), root: None, limit: None };
        open_session(&app, opening, people::event(EventKind::SessionOpened, &user)).await?;
        verifier.verify(&token).await.context("a token that nobody has taken back")?;
        let asked = Asked { actor: "bench".to_owned(), session: None, at: edge::now().wall };
        let mut news = verifier.news();
        news.mark_unchanged();
        let begun = wall_time();
        let ending = async {
            let ended = end(&app, Scope::Session(reference), EndReason::Revoked, asked).await;
            (ended, wall_time() - begun)
        };
        let ((ended, after), refused) = tokio::join!(ending, until_refused(&verifier, news, &token));
        ensure!(ended?.len() == 1, "one session is ended");
        acknowledged.push(after);
        known.push(refused? - begun);
    }
    report::delays(&[("revocation acknowledged", acknowledged), ("refused by the verifier", known)]);
    stop.cancel();
    serving.await??;
    Ok(())
}

/// When the verifier refuses a token.
async fn until_refused(
    verifier: &Verifier,
    mut news: tokio::sync::watch::Receiver<u64>,
    token: &str,
) -> anyhow::Result<Duration> {
    loop {
        match verifier.verify(token).await {
            Err(Refused::Revoked(_)) => return Ok(wall_time()),
            Ok(_) => news.changed().await?,
            Err(refused) => return Err(refused.into()),
        }
    }
}
