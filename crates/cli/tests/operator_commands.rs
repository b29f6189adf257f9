//! The commands of operators as a person or a script runs them, beside a running guard and without one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

fn countersign(args: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(args).arg("--data").arg(data).env("COUNTERSIGN_HOME", data.with_extension("home"));
    command
}

fn run(args: &[&str], data: &Path) -> Output {
    countersign(args, data).output().unwrap()
}

fn err(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

fn out(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

/// A guard that runs on free ports, until it is told to stop.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    first_line: String,
}

impl Running {
    fn start(data: &Path) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let mut child = countersign(&serve, data).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).unwrap();
        Self { child, stdout, first_line }
    }

    /// Stops it by this signal; what more it has written to stdout.
    fn stop(mut self, signal: Signal) -> String {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        rest
    }
}

#[test]
fn a_guard_says_where_it_listens_and_nothing_else_and_stops_in_order() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    for signal in [Signal::INT, Signal::TERM] {
        let guard = Running::start(&data);
        let address = guard.first_line.strip_prefix("listening on http://127.0.0.1:").unwrap();
        assert_ne!(address.trim_end().parse::<u16>().unwrap(), 0);
        assert_eq!(guard.stop(signal), "");
    }
}

#[test]
fn a_second_server_on_one_directory_is_refused_and_told_what_to_do() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let guard = Running::start(&data);
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"], &data);
    assert_eq!(second.status.code(), Some(1));
    assert!(err(&second).contains("stop that server, or name another directory"), "{}", err(&second));
    guard.stop(Signal::TERM);
}

#[test]
fn a_directory_without_a_guard_is_named_and_left_as_it_is() {
    let home = TempDir::new().unwrap();
    let (missing, empty) = (home.path().join("missing"), home.path().join("empty"));
    Command::new("mkdir").args(["-m", "700"]).arg(&empty).status().unwrap();
    for args in
        [&["user", "list"] as &[&str], &["key", "list"], &["event", "list"], &["user", "invite", "rotate-group"]]
    {
        for data in [&missing, &empty] {
            let ran = run(args, data);
            assert_eq!(ran.status.code(), Some(1));
            assert!(err(&ran).contains("--data"), "{}", err(&ran));
        }
    }
    assert!(!missing.exists() && fs::read_dir(&empty).unwrap().next().is_none());
}

#[test]
fn a_card_stands_alone_on_the_first_line_before_the_first_start_beside_a_server_and_after_it() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let card = |data: &Path| {
        let ran = run(&["user", "invite"], data);
        let line = out(&ran).lines().next().unwrap().to_owned();
        assert!(line.starts_with("countersign1:") && !line.contains(' '), "{line}");
        line
    };
    let before = card(&data);
    let guard = Running::start(&data);
    let beside = card(&data);
    guard.stop(Signal::TERM);
    assert!(before != beside && beside != card(&data));
    let listed = run(&["user", "invite", "list", "--json"], &data);
    assert_eq!(out(&listed).lines().filter(|line| line.contains(r#""state":"open""#)).count(), 3);
}

/// With these octets on stdin.
fn fed(args: &[&str], data: &Path, stdin: &[u8]) -> Output {
    use std::io::Write as _;
    let mut command = countersign(args, data);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whoever is refused before the password is read closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

/// Beside a running guard and without one; and the password is nowhere to be read afterwards.
#[test]
fn a_person_with_a_password_is_added_shown_changed_and_never_twice() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let add = ["user", "add", "alice", "--password-stdin", "--role", "admin", "--permission", "b", "--permission", "a"];
    let added = fed(&add, &data, b"correct horse\n");
    assert!(added.status.success(), "{}", err(&added));
    assert!(out(&added).contains("alice is added, role admin, permissions: a b"), "{}", out(&added));
    let guard = Running::start(&data);
    let twice = fed(&add, &data, b"correct horse\n");
    assert!(!twice.status.success());
    assert!(err(&twice).contains("somebody has this name already"), "{}", err(&twice));
    for (args, said) in [
        (&["user", "passwd", "alice", "--password-stdin"][..], "alice has another password"),
        (&["user", "permit", "alice", "--permission", "c"], "alice has these permissions and no others: c"),
        (&["user", "role", "alice", "user"], "alice has the role user"),
    ] {
        let done = fed(args, &data, b"battery staple");
        assert!(out(&done).contains(said), "{} {}", out(&done), err(&done));
    }
    let shown = run(&["user", "show", "alice", "--json"], &data);
    for part in
        [r#""role":"user""#, r#""permissions":["c"]"#, r#""has_password":true"#, r#""generation":3"#, r#""keys":0"#]
    {
        assert!(out(&shown).contains(part), "{part} {}", out(&shown));
    }
    guard.stop(Signal::TERM);
    for file in fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let octets = fs::read(&file).unwrap();
        for secret in [&b"correct horse"[..], b"battery staple"] {
            assert!(!octets.windows(secret.len()).any(|window| window == secret), "{}", file.display());
        }
    }
}

#[test]
fn what_is_no_password_and_who_gets_none_is_said_with_the_remedy() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let long = [b'a'; 1 << 20];
    for (args, stdin, said) in [
        (&["user", "add", "alice", "--password-stdin"][..], &b"seven77\n"[..], "at least 8 characters"),
        (&["user", "add", "alice", "--password-stdin"], &[b'a'; 129], "at most 128 characters"),
        (&["user", "add", "alice", "--password-stdin"], &long, "more than 4 KiB"),
        (&["user", "add", "alice", "--password-stdin"], b"", "stdin is empty"),
        (&["user", "add", "alice"], b"correct horse\n", "say --password-stdin"),
        (
            &["user", "add", "backup", "--password-stdin", "--role", "service"],
            b"correct horse",
            "user invite --role service",
        ),
        (&["user", "add", "al ice", "--password-stdin"], b"correct horse", "username"),
        (&["user", "add", "alice", "--password-stdin", "--permission", "A"], b"correct horse", "as in orders:read"),
    ] {
        let refused = fed(args, &data, stdin);
        assert!(!refused.status.success(), "{args:?}");
        assert!(err(&refused).contains(said), "{args:?}: {}", err(&refused));
    }
    assert!(fed(&["user", "add", "alice", "--password-stdin"], &data, b"correct horse").status.success());
    let nobody = fed(&["user", "passwd", "bob", "--password-stdin"], &data, b"correct horse");
    assert!(err(&nobody).contains("nobody has this name"), "{}", err(&nobody));
}
