//! Verifying a token and looking its session up, beside asking npm's `oidc-provider` about one (RFC 7662).

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use countersign_core::encoding::b64;
use countersign_core::id::SessionRef;
use countersign_core::token::{Parties, verify};
use countersign_server::app::SharedApp;
use countersign_server::edge;
use countersign_server::sessions::Standing;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::people;
use crate::report;
use crate::revocation::start;
use crate::server::child::Program;
use crate::server::load::Generator;
use crate::spread::Spread;
use crate::stopwatch::{nanoseconds_each, time_of_processes, wall_time};

/// Where the peer lies, from the root of the repository.
const PEER: &str = "bench/peers/oidc-provider.js";
const ROUNDS: usize = 15;
/// Introspections of one round, over so many connections.
const QUESTIONS: usize = 2_000;
const CONNECTIONS: usize = 16;
/// Tokens of as many sessions.
const TOKENS: usize = 1_024;
/// `verifier`, and the secret that stands in the peer.
const CREDENTIALS: &[u8] = b"verifier:a-secret-of-the-bench-and-nothing-else";

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

/// Measures both by turns and prints what came out.
pub(crate) fn run() -> anyhow::Result<()> {
    ensure!(Path::new(PEER).with_file_name("node_modules").is_dir(), "the peer is missing: run bench/peers/install");
    let mut peer = Program::start(Command::new("node").arg(PEER).env("NODE_ENV", "production"))?;
    let address = peer.listening()?;
    let home = tempfile::tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let server = runtime.block_on(start(home.path(), None))?;
    let tokens = tokens(server.app())?;
    let question = question(address, &runtime.block_on(granted(address))?);
    let (mut wall, mut peers, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(verifications(server.app(), &tokens)? / 1e3);
        let generator = Generator::connect(address, CONNECTIONS)?;
        let before = (wall_time(), time_of_processes(&[peer.pid()])?);
        generator.send(vec![question.clone(); QUESTIONS], false)?;
        let each = |span: std::time::Duration| span.as_secs_f64() * 1e6 / QUESTIONS as f64;
        wall.push(each(wall_time() - before.0));
        peers.push(each(time_of_processes(&[peer.pid()])? - before.1));
    }
    let ratio = |theirs: &[f64]| Spread::of(theirs.iter().zip(&ours).map(|(theirs, ours)| theirs / ours));
    report::peers(&[
        ("oidc-provider, by the wall clock", Spread::of(wall.iter().copied()), ratio(&wall)),
        ("oidc-provider, processor time", Spread::of(peers.iter().copied()), ratio(&peers)),
        ("Countersign, token and session", Spread::of(ours.iter().copied()), ratio(&ours)),
    ]);
    Ok(())
}

/// Tokens whose sessions are in the guard's table.
fn tokens(app: &SharedApp) -> anyhow::Result<Vec<(SessionRef, String)>> {
    let user = people::user(0)?;
    let tokens = (0..TOKENS).map(|_| {
        let (session, token) = people::signed_in(&app.accounts, &user)?;
        app.accounts.sessions.put(&session, &user)?;
        Ok((session.reference, token))
    });
    tokens.collect()
}

/// Nanoseconds that it takes to verify a token and to find its session open.
fn verifications(app: &SharedApp, tokens: &[(SessionRef, String)]) -> anyhow::Result<f64> {
    let (accounts, now) = (&app.accounts, edge::now().wall);
    let parties = Parties { issuer: &accounts.issuer, audience: &accounts.issuer };
    let keys = accounts.secrets.token_keys.held();
    let mut open = 0;
    let time = nanoseconds_each(tokens.len(), || {
        for (_, token) in tokens {
            let Ok(verified) = verify(token, keys.verifying(), &parties, now) else { continue };
            if let Ok(Some(entry)) = accounts.sessions.find(verified.claims().session) {
                open += usize::from(accounts.sessions.standing(&entry, now) == Standing::Open);
            }
        }
    });
    ensure!(open == tokens.len(), "a token is not good");
    Ok(time)
}

fn request(address: SocketAddr, path: &str, form: &str) -> Vec<u8> {
    let (basic, length) = (b64(CREDENTIALS), form.len());
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Basic {basic}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    )
    .into_bytes()
}

fn question(address: SocketAddr, token: &str) -> Vec<u8> {
    request(address, "/token/introspection", &format!("token={token}"))
}

/// A token of the peer's, about which it says that it is active.
async fn granted(address: SocketAddr) -> anyhow::Result<String> {
    let answer = ask(address, &request(address, "/token", "grant_type=client_credentials")).await?;
    let Granted { access_token } = serde_json::from_str(&answer)?;
    let answer = ask(address, &question(address, &access_token)).await?;
    ensure!(answer.contains(r#""active":true"#), "the peer's token is not active: {answer}");
    Ok(access_token)
}

/// The body of an answer.
async fn ask(address: SocketAddr, request: &[u8]) -> anyhow::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    while crate::server::message::length(&answer)?.is_none_or(|length| answer.len() < length) {
        if stream.read_buf(&mut answer).await? == 0 {
            bail!("the peer closed the connection");
        }
    }
    let text = String::from_utf8(answer)?;
    Ok(text.split_once("\r\n\r\n").context("an answer without a body")?.1.to_owned())
}
