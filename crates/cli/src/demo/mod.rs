//! `countersign demo`: what a man in the middle can do.

mod api;
mod by_hand;
mod evidence;
mod middle;
mod report;
mod scene;
mod scenes;
mod stage;
mod trick;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::serve::stop_on_signal;
use scene::Scene;
use scenes::SCENES;
use stage::Stage;

/// Show what a man in the middle can do
///
/// Starts a guard, an API behind it and a man in the middle on free ports of 127.0.0.1, lets a client call through him,
/// and shows what comes of each of his tricks: what the client was told, and what the API has carried out by its own
/// ledger. It takes a few seconds, needs nothing, and leaves nothing behind.
///
/// Exits with 0 when everything was caught, and with 1 when something was not, which is then named.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Plays everything once.
pub(crate) async fn run(Args {}: Args) -> anyhow::Result<Exit> {
    let interrupted = CancellationToken::new();
    stop_on_signal(interrupted.clone())?;
    let stage = tokio::select! {
        stage = Stage::set_up() => stage?,
        () = interrupted.cancelled() => bail!("stopped before the end"),
    };
    let played = tokio::select! {
        played = play(&stage, SCENES) => played,
        () = interrupted.cancelled() => Err(anyhow::anyhow!("stopped before the end")),
    };
    let cleared = stage.clear_away().await;
    played.and(cleared).map(|()| Exit::Done)
}

/// Plays scene after scene, and fails with the names of those in which something was not caught.
async fn play(stage: &Stage, scenes: &[Scene]) -> anyhow::Result<()> {
    let mut escaped = Vec::new();
    report::begin()?;
    for scene in scenes {
        let evidence = scene.play(stage).await.context(scene.name)?;
        let judged = evidence.judge(&scene.expected);
        report::show(scene, &evidence, &judged)?;
        if let Err(why) = judged {
            escaped.push(format!("{}: {why}", scene.name));
        }
    }
    if !escaped.is_empty() {
        bail!("not caught: {}", escaped.join("; "));
    }
    Ok(report::end()?)
}

#[cfg(test)]
mod tests;
