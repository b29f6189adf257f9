//! `countersign demo` as a person runs it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The scenes that must be there, by how their lines begin.
const SCENES: [&str; 22] = [
    "a good call",
    "a changed body",
    "a changed method",
    "a changed path",
    "a changed query",
    "a changed header",
    "an added header",
    "a stripped signature",
    "a replay",
    "a swapped answer",
    "a reflected request",
    "a forged answer",
    "a changed answer",
    "a stripped answer",
    "a changed status",
    "a genuine refusal of a spoilt copy",
    "a stale request",
    "a future-dated request",
    "a wrong clock",
    "an unknown key",
    "a lost answer, asked for again",
    "a cut line",
];

/// A place of its own, in a configuration that would stop a guard which heeds it.
fn demo(here: &TempDir, temporary: &TempDir) -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_countersign"));
    demo.arg("demo").current_dir(here).env("TMPDIR", temporary.path());
    demo.env("COUNTERSIGN_WINDOW_SECONDS", "never").env("COUNTERSIGN_HOME", "/nonexistent");
    demo
}

fn is_empty(directory: &TempDir) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn every_scene_is_shown_and_caught_and_nothing_is_left_behind() {
    let (here, temporary) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let ran = demo(&here, &temporary).output().unwrap();
    let (out, err) = (str::from_utf8(&ran.stdout).unwrap(), str::from_utf8(&ran.stderr).unwrap());
    assert_eq!((ran.status.code(), err), (Some(0), ""), "{out}");
    for scene in SCENES {
        assert_eq!(out.lines().filter(|line| line.starts_with(scene)).count(), 1, "{scene} in {out}");
    }
    assert!(out.lines().count() <= 30 && out.lines().all(|line| line.len() <= 110), "half a page: {out}");
    assert!(!out.contains("NOT CAUGHT") && !out.contains("countersign1:"), "{out}");
    assert!(is_empty(&here) && is_empty(&temporary));
}

#[test]
fn stopped_in_the_middle_it_leaves_nothing_behind_either() {
    let (here, temporary) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut child = demo(&here, &temporary).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(out.any(|line| line.unwrap().starts_with("a good call")));
    assert!(!is_empty(&temporary), "the guard keeps its data here");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(out.filter(|line| line.as_ref().unwrap().starts_with("a cut line")).count(), 0);
    let ran = child.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(str::from_utf8(&ran.stderr).unwrap().contains("stopped"));
    assert!(is_empty(&here) && is_empty(&temporary));
}

#[test]
fn the_help_says_what_it_does_and_how_it_ends() {
    let ran = Command::new(env!("CARGO_BIN_EXE_countersign")).args(["demo", "--help"]).output().unwrap();
    let help = String::from_utf8(ran.stdout).unwrap();
    for said in ["man in the middle", "127.0.0.1", "leaves nothing behind", "Exits with 0"] {
        assert!(help.contains(said), "{said} in {help}");
    }
}
