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
