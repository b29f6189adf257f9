use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::Level;

use super::*;

/// What was logged.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for &Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: LogFormat, is_a_terminal: bool, write: impl FnOnce()) -> Vec<String> {
    let sink = Arc::new(Sink::default());
    let log = Log { level: Level::INFO, format };
    tracing::subscriber::with_default(subscriber(&log, is_a_terminal, Arc::clone(&sink)), write);
    let octets = sink.0.lock().unwrap().clone();
    String::from_utf8(octets).unwrap().lines().map(str::to_owned).collect()
}

const HOSTILE: &str = "x\n{\"level\":\"INFO\",\"message\":\"forged\"}\u{1b}[2J\u{9b}31m\r";

fn hostile_events() {
    let user = HOSTILE.to_owned() + &"A".repeat(100_000);
    let span = tracing::info_span!(target: "countersign_server", "request", user = %user, plain = HOSTILE);
    let _entered = span.enter();
    let error = io::Error::other(HOSTILE);
    tracing::info!(target: "countersign_server", display = %user, debug = ?user, text = HOSTILE, error = &error as &dyn std::error::Error, "seen {HOSTILE}");
}

#[test]
fn a_hostile_value_stays_in_one_line_of_json() {
    let lines = logged(LogFormat::Json, false, hostile_events);
    let [line] = lines.as_slice() else { panic!("{} lines", lines.len()) };
    assert!(line.len() < 10_000 && !line.contains(char::is_control), "{}", line.len());
    let parsed: Value = serde_json::from_str(line).unwrap();
    assert_eq!(parsed.pointer("/level"), Some(&"INFO".into()));
    assert_eq!(
        parsed.pointer("/fields/text").and_then(Value::as_str),
        Some("x\\n{\"level\":\"INFO\",\"message\":\"forged\"}\\u{1b}[2J\\u{9b}31m\\r")
    );
}

#[test]
fn a_hostile_value_stays_in_one_line_of_text() {
    let lines = logged(LogFormat::Text, false, hostile_events);
    let [line] = lines.as_slice() else { panic!("{} lines", lines.len()) };
    assert!(line.len() < 10_000 && !line.contains(char::is_control), "{}", line.len());
}

#[test]
fn a_value_cannot_pass_for_another_field() {
    let write = || tracing::info!(target: "countersign", user = "eve\" admin=\"true", count = 2, ok = true, "in");
    let lines = logged(LogFormat::Text, false, write);
    assert!(lines[0].ends_with("INFO countersign: in user=\"eve\\\" admin=\\\"true\" count=2 ok=true"), "{lines:?}");
}

#[test]
fn json_says_when_where_and_what_with_types() {
    let write = || {
        let _span = tracing::info_span!(target: "countersign", "request", id = 7).entered();
        tracing::warn!(target: "countersign_server::edge", status = 401, keyid = %"kabc", "refused");
    };
    let lines = logged(LogFormat::Json, false, write);
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert!(line.pointer("/timestamp").and_then(Value::as_str).is_some_and(|time| time.ends_with('Z')));
    for (pointer, value) in [
        ("/level", Value::from("WARN")),
        ("/target", "countersign_server::edge".into()),
        ("/message", "refused".into()),
        ("/spans/0", "request{id=7}".into()),
        ("/fields/status", 401.into()),
        ("/fields/keyid", "kabc".into()),
    ] {
        assert_eq!(line.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn the_form_is_text_for_a_terminal_and_json_for_the_rest_unless_one_is_named() {
    let write = || tracing::info!(target: "countersign", "hello");
    for (format, is_a_terminal, json) in [
        (LogFormat::Auto, true, false),
        (LogFormat::Auto, false, true),
        (LogFormat::Text, false, false),
        (LogFormat::Json, true, true),
    ] {
        assert_eq!(logged(format, is_a_terminal, write)[0].starts_with('{'), json, "{format:?} {is_a_terminal}");
    }
}

#[test]
fn the_level_holds_for_us_and_libraries_only_warn() {
    let lines = logged(LogFormat::Text, false, || {
        tracing::info!(target: "countersign_server::http", "one");
        tracing::debug!(target: "countersign_server::http", "two");
        tracing::info!(target: "hyper", "three");
        tracing::warn!(target: "hyper", "four");
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with("one") && lines[1].ends_with("four"));
}
