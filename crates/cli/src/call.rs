//! `countersign call`: a signed request and its verified answer.

use std::path::PathBuf;

use bytes::Bytes;
use countersign_client::conversation::ClockChange;
use countersign_client::{Answer, CallError, IdempotencyKey, Interference, fresh_idempotency_key};
use countersign_core::envelope::Action;
use countersign_core::problem::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::exit::Exit;
use crate::profile::{ProfileName, Shelf};
use crate::voice::{USER_AGENT, Voice};
use crate::{input, key_rotate, say};

mod bearer;
mod envelope;
mod report;
mod stream;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A change of the server's clock below this is not worth writing down.
const WORTH_KEEPING_MS: u64 = 1_000;

/// Sign a request, send it, verify the answer, print its body as it came
///
/// A person's call is signed in the session of the profile, which is opened and renewed as needed (but not when it was
/// revoked: then log in again); a program's by its key. In a session without a key (countersign login --bearer) a token is shown,
/// nobody signs the answer, and that is said on stderr.
///
/// Exits with 0 for a verified answer 2xx or 3xx, 22 for a verified error, 3 for interference (its class is said on
/// stderr, the body withheld; of a stream, what was not yet printed), 2 when there was no answer or none that anybody signed,
/// 1 when nothing was sent. In a session without a key, 0 is for a 2xx or 3xx that nobody signed, 2 for every other answer or none.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign call /v1/me
  countersign call -X DELETE /v1/orders/7
  countersign call -H 'content-type: application/json' -d '{"amount":25}' '/v1/transfers?dry=0'
  countersign call --profile work --json -d @order.json https://api.example.com/v1/orders
  countersign call --idempotency-key order-4711 -d @order.json /v1/orders    # acts once, however often it is run
  countersign call --stream /v1/events
  countersign call --stream -X PUT -d @backup.tar /v1/files/backup.tar
  countersign call --envelope transfer.create -d '{"amount":25}'"#)]
pub(crate) struct Args {
    /// Whose session or key to sign with
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileName,
    /// The certificate authority that vouches for the server, a file in PEM, in the place of what the profile says
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The method; GET without -d, POST with it
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<Method>,
    /// A header to send and sign; may be given many times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; @FILE reads it from a file, @- from stdin
    #[arg(short = 'd', long = "data", value_name = "BODY|@FILE")]
    data: Option<String>,
    /// A name for this request: the server carries it out once, however often it is sent within a day. Without this, a
    /// request that may change something gets a random one
    #[arg(long, value_name = "KEY", value_parser = IdempotencyKey::named, conflicts_with_all = ["no_idempotency", "stream"])]
    idempotency_key: Option<IdempotencyKey>,
    /// Send no Idempotency-Key, and nothing a second time when its answer gets lost
    #[arg(long)]
    no_idempotency: bool,
    /// Print the status and the covered headers before the body
    #[arg(short = 'i', long, conflicts_with = "json")]
    include: bool,
    /// Print one JSON object: status, verified, keyid, server_time_ms, offset_ms, problem, interference, body_b64
    #[arg(long)]
    json: bool,
    /// Print the body of an error that nobody signed, too; anybody may have written it
    #[arg(long)]
    show_unverified: bool,
    /// Take an answer of any length, printed as it is verified; send a file or stdin without reading it into memory
    #[arg(long, conflicts_with_all = ["json", "show_unverified"])]
    stream: bool,
    /// Send an envelope that asks for this action, on a WebSocket, with the body as its packet, instead of a request
    #[arg(long, value_name = "ACTION", conflicts_with_all = NOT_OF_ENVELOPES)]
    envelope: Option<Action>,
    /// A path at the server of the profile, or a whole URL there
    #[arg(required_unless_present = "envelope")]
    url: Option<String>,
}

/// What says something about a request of HTTP, or about its answer.
const NOT_OF_ENVELOPES: [&str; 9] =
    ["method", "headers", "idempotency_key", "no_idempotency", "include", "json", "show_unverified", "stream", "url"];

impl Args {
    fn url(&self) -> &str {
        self.url.as_deref().unwrap_or_default()
    }
}

/// Makes the call.
pub(crate) async fn run(args: Args) -> anyhow::Result<Exit> {
    let shelf = Shelf::of_this_user()?;
    let mut profile = key_rotate::open(&shelf, &args.profile).await?;
    if let Some(file) = &args.ca {
        profile.server = profile.server.trusting(Some(input::certificate_authorities(file)?));
    }
    let (offset_ms, known) = (profile.offset_ms, profile.server_key);
    let mut voice = Voice::of(&shelf, &args.profile, profile)?;
    let keep = |announced| keep_announced(&shelf, &args.profile, known, announced);
    let exit = match &args.envelope {
        _ if voice.bearer().is_some() => return bearer::run(&args, &voice).await,
        Some(action) => envelope::run(&args, &mut voice, action).await,
        None if args.stream => stream::run(&args, &mut voice, keep).await,
        None => whole(&args, &mut voice, keep).await,
    };
    keep_clock(&shelf, &args, offset_ms, voice.offset_ms());
    exit
}

/// A request and an answer that fit into memory. `keep` is told which static key of the server the answer names.
async fn whole(args: &Args, voice: &mut Voice, keep: impl Fn(Option<[u8; 32]>)) -> anyhow::Result<Exit> {
    let Request { method, headers, body, key } = Request::of(args)?;
    let mut client = voice.client()?;
    let mut called = client.call(&method, args.url(), headers.clone(), body.clone()).await;
    if let Ok(answer) = &called
        && let Some(other) = voice.instead(&client, &answer.verified).await?
    {
        client = other;
        called = client.call(&method, args.url(), headers, body).await;
    }
    keep(called.as_ref().ok().and_then(|answer| answer.verified.server_key()));
    let keyid = client.conversation().credentials().keyid.as_str();
    let facts = report::Facts { keyid, offset_ms: client.conversation().offset_ms(), called: &called };
    if args.json && !nothing_was_sent(&called) {
        say::result(facts.json()?.as_bytes())?;
    }
    match &called {
        Ok(answer) => answered(args, voice, answer),
        Err(error) => failed(args, error, key.as_ref()),
    }
}

/// What the arguments say that is to be sent.
struct Request {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    key: Option<IdempotencyKey>,
}

impl Request {
    fn of(args: &Args) -> anyhow::Result<Self> {
        let body = args.data.as_deref().map(input::octets).transpose()?;
        let method = args.method.clone().unwrap_or(if body.is_some() { Method::POST } else { Method::GET });
        let body = body.map_or_else(Bytes::new, |body| Bytes::copy_from_slice(&body));
        let mut headers = headers(&args.headers);
        let key = key(args, &method, &headers)?;
        if let Some(key) = &key {
            headers.insert(IDEMPOTENCY_KEY, HeaderValue::try_from(key.to_string())?);
        }
        Ok(Self { method, headers, body, key })
    }
}

/// A static key that the server has announced, in an answer that it has signed, is known from now on.
fn keep_announced(shelf: &Shelf, name: &ProfileName, known: Option<[u8; 32]>, announced: Option<[u8; 32]>) {
    if let Some(announced) = announced.filter(|announced| Some(*announced) != known)
        && let Err(error) = shelf.keep_server_key(name, &announced)
    {
        say::note(format_args!("the server's new static key could not be kept for the next rotation: {error:#}"));
    }
}

/// The key that the request is to have; it is drawn here, so that a person can be told it when no answer comes.
fn key(args: &Args, method: &Method, headers: &HeaderMap) -> anyhow::Result<Option<IdempotencyKey>> {
    let is_set = headers.contains_key(IDEMPOTENCY_KEY);
    match &args.idempotency_key {
        Some(_) if is_set => anyhow::bail!("the key stands in -H and in --idempotency-key; leave one of them away"),
        Some(_) if method.is_safe() => {
            anyhow::bail!("{method} changes nothing, so --idempotency-key has no use; leave it away, or set -X")
        }
        Some(key) => Ok(Some(key.clone())),
        None if is_set || method.is_safe() || args.no_idempotency => Ok(None),
        None => Ok(Some(fresh_idempotency_key()?)),
    }
}

/// Keeps what was learnt of the server's clock, for the next call.
fn keep_clock(shelf: &Shelf, args: &Args, from_ms: i64, to_ms: i64) {
    if to_ms.abs_diff(from_ms) >= WORTH_KEEPING_MS
        && let Err(error) = shelf.keep_offset(&args.profile, to_ms)
    {
        say::note(format_args!("the server's clock could not be kept for the next call: {error:#}"));
    }
}

fn answered(args: &Args, voice: &Voice, answer: &Answer) -> anyhow::Result<Exit> {
    say_what_it_took(answer.retried, answer.clock_change);
    if answer.answer_was_lost {
        say::note("the first answer got lost; the request was sent once more with the same Idempotency-Key");
    }
    let verified = &answer.verified;
    if !args.json {
        if args.include {
            say::result(&report::head(answer.version, verified.status, &verified.headers))?;
        }
        say::body(&verified.body)?;
    }
    if verified.status.is_success() || verified.status.is_redirection() {
        return Ok(Exit::Done);
    }
    say::note(refusal(verified.status, verified.problem, verified.outcome_is_unknown()));
    say_how_to_go_on(voice, verified.problem);
    Ok(Exit::Refused)
}

/// A session that is over is not opened again behind its user's back.
fn say_how_to_go_on(voice: &Voice, problem: Option<&Problem>) {
    let over = [&Problem::TOKEN_REVOKED, &Problem::TOKEN_INVALID, &Problem::REAUTHENTICATION_REQUIRED];
    if problem.is_some_and(|problem| over.contains(&problem)) {
        say::note(format_args!("to log in again: {}", voice.login_command()));
    }
}

fn say_what_it_took(retried: bool, clock_change: Option<ClockChange>) {
    if let Some(change) = clock_change.filter(|change| retried || change.is_jump()) {
        say::note(report::correction(change));
    }
    if retried && clock_change.is_none() {
        say::note("the first attempt arrived too late; it was signed anew and sent once more");
    }
}

/// What a verified error means, in one line.
fn refusal(status: StatusCode, problem: Option<&Problem>, outcome_is_unknown: bool) -> String {
    let said = match problem {
        Some(problem) => format!("the guard refused ({} {}): {}", status.as_u16(), problem.code, problem.detail),
        None => format!("the server answered {}", status_line(status)),
    };
    format!("{said}{}", outcome(problem, outcome_is_unknown))
}

/// What is to be said of the request's fate, where the text of the problem does not say it already (protocol §7).
fn outcome(problem: Option<&Problem>, is_unknown: bool) -> &'static str {
    match problem.map(|problem| problem.code) {
        Some("throttled" | "unavailable" | "warming-up") => {
            " It has not been carried out; whoever kept a copy of it could still make that happen within the window."
        }
        None if is_unknown => " Whether the request was carried out is unknown.",
        _ => "",
    }
}

fn failed(args: &Args, error: &CallError, key: Option<&IdempotencyKey>) -> anyhow::Result<Exit> {
    say::note(say::chain(error));
    let exit = failure(args, error)?;
    if let Some(key) = key.filter(|_| may_have_been_carried_out(error)) {
        let key = quoted(key.name());
        say::note(format_args!("to send it again and have it carried out once, add --idempotency-key={key}"));
    }
    Ok(exit)
}

const fn may_have_been_carried_out(error: &CallError) -> bool {
    match error {
        CallError::Interference(_) | CallError::Unverified(_) => true,
        CallError::Network(network) => network.outcome_is_unknown(),
        _ => false,
    }
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = word.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.'));
    if is_plain && !word.starts_with('-') { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn failure(args: &Args, error: &CallError) -> anyhow::Result<Exit> {
    Ok(match error {
        CallError::Interference(class) => {
            say::note("the answer is withheld; whether the request was carried out is unknown");
            if *class == Interference::BadMac {
                say::note("if this happens every time, the server may have lost this key; ask its operator");
            }
            Exit::Interference
        }
        CallError::Unverified(answer) => {
            if let Some(problem) = answer.claimed_problem() {
                say::note(format_args!("it claims: {}", problem.detail));
            }
            if args.show_unverified && !args.json {
                say::body(answer.unproven_body())?;
            }
            Exit::Network
        }
        CallError::Network(error) => {
            say::remedy(error);
            Exit::Network
        }
        _ => Exit::Usage,
    })
}

const fn nothing_was_sent(called: &Result<Answer, CallError>) -> bool {
    matches!(called, Err(CallError::BadUrl(_) | CallError::CannotSign(_)))
}

fn status_line(status: StatusCode) -> String {
    status.canonical_reason().map_or_else(|| status.as_u16().to_string(), |why| format!("{} {why}", status.as_u16()))
}

fn headers(given: &[(HeaderName, HeaderValue)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        headers.append(name, value.clone());
    }
    headers.entry(http::header::USER_AGENT).or_insert(USER_AGENT);
    headers
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let (name, value) = text.split_once(':').ok_or("write it as 'name: value'")?;
    let name = name.parse().map_err(|_| "the name of a header is letters, digits and hyphens")?;
    let value = Some(value.trim()).filter(|value| value.is_ascii()).and_then(|value| HeaderValue::from_str(value).ok());
    Ok((name, value.ok_or("the value of a header is visible ASCII in one line")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_quoted_where_a_shell_would_take_it_apart() {
        for (key, word) in [("order-4711", "order-4711"), ("a b", "'a b'"), ("-x", "'-x'"), ("it's", r"'it'\''s'")] {
            assert_eq!(quoted(key), word);
        }
    }

    #[test]
    fn a_header_is_a_name_a_colon_and_a_value() {
        let (name, value) = header("Content-Type:  application/json ").unwrap();
        assert_eq!((name.as_str(), value.as_bytes()), ("content-type", b"application/json".as_slice()));
        assert!(header("x-empty:").is_ok());
        for text in ["content-type", "a b: c", ": c", "x: a\r\ny: b", "x: \u{e9}"] {
            assert!(header(text).is_err(), "{text:?}");
        }
    }
}
