//! `countersign call --stream`: what is too long for memory, both ways.

use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use countersign_client::{CallError, Client, Download, Interference, Reply, Upload};
use http::Method;

use super::{Args, answered, failed, headers, report, status_line};
use crate::exit::Exit;
use crate::say;
use crate::voice::Voice;

/// Where the data of an upload come from.
enum Source<'a> {
    File(&'a Path),
    Stdin,
}

impl<'a> Source<'a> {
    /// None for what stands on the command line itself: it is in memory already, and goes in one piece.
    fn of(data: &'a str) -> Option<Self> {
        match data.strip_prefix('@')? {
            "-" => Some(Self::Stdin),
            file => Some(Self::File(Path::new(file))),
        }
    }

    async fn open(&self) -> anyhow::Result<Upload> {
        Ok(match self {
            Self::Stdin => Upload::of_reader(tokio::io::stdin()),
            Self::File(file) => {
                let opened = tokio::fs::File::open(file).await;
                Upload::of_reader(opened.with_context(|| format!("cannot read {}", file.display()))?)
            }
        })
    }
}

/// Makes the call. `keep` is told which static key of the server the head of the answer names.
pub(super) async fn run(args: &Args, voice: &mut Voice, keep: impl Fn(Option<[u8; 32]>)) -> anyhow::Result<Exit> {
    let client = voice.client()?;
    let mut called = once(args, &client).await?;
    if let Ok(Reply::Whole(answer)) = &called
        && let Some(client) = voice.instead(&client, &answer.verified).await?
    {
        if matches!(args.data.as_deref().and_then(Source::of), Some(Source::Stdin)) {
            say::note("a session was opened; what stood on stdin is gone, so run this again");
        } else {
            called = once(args, &client).await?;
        }
    }
    match called {
        Ok(Reply::Whole(answer)) => {
            keep(answer.verified.server_key());
            answered(args, voice, &answer)
        }
        Ok(Reply::Stream(download)) => {
            keep(download.server_key());
            print(args, *download).await
        }
        Err(error) => failed(args, &error, None),
    }
}

async fn once(args: &Args, client: &Client) -> anyhow::Result<Result<Reply, CallError>> {
    let data = args.data.as_deref();
    match data.and_then(Source::of) {
        Some(source) => upload(args, client, &source).await,
        None => {
            let body = Bytes::copy_from_slice(data.unwrap_or_default().as_bytes());
            Ok(client.download(&method(args), args.url(), headers(&args.headers), body).await)
        }
    }
}

fn method(args: &Args) -> Method {
    args.method.clone().unwrap_or(if args.data.is_some() { Method::POST } else { Method::GET })
}

/// Sends the data; from a file once more when the server rejects the first attempt for its time.
async fn upload(args: &Args, client: &Client, source: &Source<'_>) -> anyhow::Result<Result<Reply, CallError>> {
    let attempt = async || {
        let data = source.open().await?;
        anyhow::Ok(client.upload(&method(args), args.url(), headers(&args.headers), data).await)
    };
    let first = attempt().await?;
    match (&first, source) {
        (Ok(Reply::Whole(answer)), Source::File(_)) if answer.verified.was_rejected_for_its_time() => {
            if let Some(change) = answer.clock_change {
                say::note(report::correction(change));
            }
            attempt().await
        }
        _ => Ok(first),
    }
}

/// Prints a stream as it is verified.
async fn print(args: &Args, mut download: Download) -> anyhow::Result<Exit> {
    if let Some(change) = download.clock_change.filter(|change| download.retried || change.is_jump()) {
        say::note(report::correction(change));
    }
    if args.include {
        say::result(&report::head(download.version, download.status, &download.headers))?;
    }
    loop {
        match download.next().await {
            Ok(Some(data)) if say::piece(&data)? => {}
            // Nobody reads any more.
            Ok(Some(_)) => return Ok(Exit::Done),
            Ok(None) => break,
            Err(class) => return Ok(broken_off(class)),
        }
    }
    if download.status.is_success() || download.status.is_redirection() {
        return Ok(Exit::Done);
    }
    say::note(format_args!("the server answered {}", status_line(download.status)));
    Ok(Exit::Refused)
}

fn broken_off(class: Interference) -> Exit {
    say::note(CallError::Interference(class));
    say::note("what was printed so far was verified; its end is missing, so do not take it for the whole");
    Exit::Interference
}
