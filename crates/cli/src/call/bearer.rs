//! The same in a session without a key: a token is shown, and nothing that comes back is proven.

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_client::SessionError;
use countersign_client::session::UnprovenAnswer;
use serde_json::json;

use super::{Args, Request, report, say_how_to_go_on, status_line};
use crate::exit::Exit;
use crate::say;
use crate::voice::{self, Voice};

/// Makes the call, prints what comes back, and says that nobody signed it.
pub(super) async fn run(args: &Args, voice: &Voice) -> anyhow::Result<Exit> {
    ensure!(
        !args.stream && args.envelope.is_none(),
        "streams and envelopes are signed, and this session has no key; log in without --bearer"
    );
    let Some(session) = voice.bearer() else { return Ok(Exit::Usage) };
    let Request { method, headers, body, .. } = Request::of(args)?;
    match session.call(&method, args.url(), headers, body).await {
        Ok(answer) => answered(args, &answer, &session.session().reference.keyid()),
        Err(error @ SessionError::Call(_)) => {
            say::note(say::chain(&error));
            Ok(Exit::Network)
        }
        Err(error) => Ok(voice::failed(&args.profile, &error)),
    }
}

fn answered(args: &Args, answer: &UnprovenAnswer, session: &str) -> anyhow::Result<Exit> {
    let UnprovenAnswer { status, headers, body, version } = answer;
    let problem = answer.claimed_problem();
    if args.json {
        let report = json!({
            "status": status.as_u16(),
            "verified": false,
            "keyid": session,
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
    say_how_to_go_on(args, problem);
    Ok(Exit::Network)
}
