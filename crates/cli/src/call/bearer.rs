//! The same in a session without a key: a token is shown, and nothing that comes back is proven.

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_client::session::UnprovenAnswer;
use serde_json::json;

use super::{Args, Request, report, say_how_to_go_on, status_line};
use crate::exit::Exit;
use crate::say;
use crate::voice::Voice;

/// Makes the call, prints what comes back, and says that nobody signed it.
pub(super) async fn run(args: &Args, voice: &Voice) -> anyhow::Result<Exit> {
    ensure!(
        !args.stream && args.envelope.is_none(),
        "streams and envelopes are signed, and this session has no key; log in without --bearer"
    );
    let Some(session) = voice.bearer() else { return Ok(Exit::Usage) };
    let Request { method, headers, body, .. } = Request::of(args)?;
    match session.call(&method, args.url(), headers, body).await {
        Ok(answer) => answered(args, voice, &answer),
        Err(error) => match voice.failed(&error) {
            // An answer that breaks off is not interference that anybody could prove: nobody signs it.
            Exit::Interference => Ok(Exit::Network),
            exit => Ok(exit),
        },
    }
}

fn answered(args: &Args, voice: &Voice, answer: &UnprovenAnswer) -> anyhow::Result<Exit> {
    let UnprovenAnswer { status, headers, body, version } = answer;
    let problem = answer.claimed_problem();
    if args.json {
        let report = json!({
            "status": status.as_u16(),
            "verified": false,
            "keyid": voice.session().map(|session| session.reference.keyid()),
            "problem": problem.map(|problem| problem.code),
            "body_b64": STANDARD.encode(body),
        });
        say::line(report)?;
    } else {
        if args.include {
            say::result(&report::head(*version, *status, headers))?;
        }
        say::body(body)?;
    }
    say::note("this answer is not verified: nobody signed it, since the session has no key");
    if status.is_success() || status.is_redirection() {
        return Ok(Exit::Done);
    }
    match problem {
        Some(problem) => say::note(format_args!("it says ({} {}): {}", problem.status, problem.code, problem.detail)),
        None => say::note(format_args!("it says {}", status_line(*status))),
    }
    say_how_to_go_on(voice, problem);
    Ok(Exit::Network)
}
