//! Rotation and recovery as a person runs them, against a guard that runs: cut short at every step, and by hand.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use countersign_client::{Client, Conversation, Credentials, Server};
use countersign_core::encoding::{hex, unhex};
use countersign_core::secret::{Root, Secret32};
use serde_json::Value;
use tempfile::TempDir;

/// A guard and the home of somebody who is enrolled there as alice.
struct Place {
    home: TempDir,
    guard: Child,
    url: String,
}

impl Place {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let (guard, url) = serve(home.path(), "127.0.0.1:0");
        let place = Self { home, guard, url };
        let card = place.card(&["user", "invite"]);
        place.ok(&["enrol", "--server", &place.url, "--card", &card, "--username", "alice"]);
        place
    }

    /// The first line of what an operator's command prints.
    fn card(&self, args: &[&str]) -> String {
        let data = self.home.path().join("data");
        let printed = self.ok(&[args, &["--data", data.to_str().unwrap()]].concat());
        printed.lines().next().unwrap().to_owned()
    }

    fn operator(&self, args: &[&str]) -> String {
        let data = self.home.path().join("data");
        self.ok(&[args, &["--data", data.to_str().unwrap()]].concat())
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(args).env("COUNTERSIGN_HOME", self.home.path().join("home")).output().unwrap()
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("home/profiles").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.home.path().join("home/profiles")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    /// The keyid that signs, as the guard sees it.
    fn who(&self) -> String {
        let answer: Value = serde_json::from_str(&self.ok(&["call", "/api/auth/whoami"])).unwrap();
        answer["keyid"].as_str().unwrap().to_owned()
    }

    /// Asks for a successor and goes away with it: the profile of a key that waits for its first request.
    fn waiting(&self) -> String {
        let profile = self.read("default.toml");
        let root = Root::new(Secret32::new(unhex(&value(&profile, "root")).unwrap().try_into().unwrap()));
        let authority = value(&profile, "authority").parse().unwrap();
        let credentials = Credentials::new(authority, value(&profile, "keyid").parse().unwrap(), &root);
        let client = Client::new(Server::parse(&self.url).unwrap(), Conversation::new(credentials, 0)).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let fresh = runtime
            .block_on(countersign_client::rotate(
                &client,
                (&value(&profile, "keyid").parse().unwrap(), &root),
                None,
                "",
            ))
            .unwrap();
        let (keyid, root) = (fresh.credentials.keyid.as_str().to_owned(), hex(fresh.root.secret().expose()));
        profile.replace(&value(&profile, "keyid"), &keyid).replace(&value(&profile, "root"), &root)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

fn serve(home: &Path, listen: &str) -> (Child, String) {
    let mut guard = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["serve", "--listen", listen, "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(home.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (guard, line.trim_end().strip_prefix("listening on ").unwrap().to_owned())
}

fn value(toml: &str, name: &str) -> String {
    let line = toml.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_rotation_leaves_one_profile_with_the_new_key() {
    let place = Place::new();
    let old = place.who();
    let said = place.ok(&["key", "rotate", "--device", "laptop"]);
    let new = place.who();
    assert!(said.contains(&new) && old != new, "{said}");
    assert_eq!(place.files(), ["default.toml"]);
    let mine = place.ok(&["key", "mine"]);
    assert!(mine.contains("ending") && mine.contains("laptop"), "{mine}");
}

#[test]
fn a_rotation_that_was_cut_short_before_its_key_was_confirmed_is_finished_by_the_next_command() {
    let place = Place::new();
    let old = place.who();
    let next = place.waiting();
    assert_eq!(place.who(), old, "before the new key is written down nothing has changed");
    place.write("default.next", &next);
    let output = place.run(&["call", "/api/auth/whoami"]);
    assert!(err(&output).contains("has its new key now"), "{}", err(&output));
    assert_eq!(place.who(), value(&next, "keyid"));
    assert_eq!(place.files(), ["default.toml"]);
}

#[test]
fn a_rotation_that_was_cut_short_after_its_key_was_confirmed_is_finished_by_the_next_command() {
    for command in [["call", "/"].as_slice(), &["key", "rotate"], &["key", "mine"]] {
        let place = Place::new();
        let before = place.read("default.toml");
        place.ok(&["key", "rotate"]);
        let (new, after) = (place.who(), place.read("default.toml"));
        place.write("default.toml", &before);
        place.write("default.next", &after);
        place.ok(command);
        assert_eq!((place.who(), place.files()), (new, vec!["default.toml".to_owned()]), "{command:?}");
    }
}

#[test]
fn a_key_that_never_came_to_be_is_forgotten_on_the_servers_own_word_and_on_nobody_elses() {
    let place = Place::new();
    let (old, present) = (place.who(), place.read("default.toml"));
    let never = present
        .replace(&value(&present, "keyid"), "knevernevernevernever")
        .replace(&value(&present, "root"), &"07".repeat(32));
    place.write("default.next", &never);
    // The guard is out of reach, and whoever answers in its place proves nothing.
    let liar = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("http://{}", liar.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in liar.incoming().map_while(Result::ok) {
            use std::io::{Read as _, Write as _};
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    for name in ["default.toml", "default.next"] {
        let text = place.read(name);
        place.write(name, &text.replace(&place.url, &elsewhere));
    }
    for command in [["call", "/"].as_slice(), &["key", "rotate"]] {
        assert!(!place.run(command).status.success());
        assert_eq!(place.files(), ["default.next", "default.toml"], "{command:?}");
    }
    place.write("default.toml", &present);
    place.write("default.next", &never);
    assert_eq!(place.who(), old);
    assert_eq!(place.files(), ["default.toml"]);
    place.ok(&["key", "rotate"]);
    assert_ne!(place.who(), old);
}

#[test]
fn the_end_of_a_replaced_key_survives_a_guard_that_is_killed() {
    let mut place = Place::new();
    place.ok(&["key", "rotate"]);
    place.who();
    let data = place.home.path().join("data");
    let list = |place: &Place| place.ok(&["key", "list", "--json", "--data", data.to_str().unwrap()]);
    let before = list(&place);
    assert!(before.contains(r#""state":"ending","ends_ms":1"#), "{before}");
    place.guard.kill().unwrap();
    place.guard.wait().unwrap();
    let listen = place.url.strip_prefix("http://").unwrap().to_owned();
    (place.guard, place.url) = serve(place.home.path(), &listen);
    assert_eq!(list(&place), before);
}

#[test]
fn not_me_is_said_with_the_key_that_was_replaced() {
    let place = Place::new();
    let (old, before) = (place.who(), place.read("default.toml"));
    place.ok(&["key", "rotate"]);
    let thiefs = place.who();
    let refused = place.run(&["key", "end", &old]);
    assert!(refused.status.code() == Some(22) && err(&refused).contains("in its time"), "{}", err(&refused));
    place.write("default.toml", &before);
    place.ok(&["key", "end", &thiefs]);
    assert_eq!(place.who(), old);
    assert_eq!(place.run(&["key", "end", "knobodyhasthiskey00"]).status.code(), Some(22));
}

#[test]
fn a_lost_key_comes_back_by_a_code_or_a_card_and_each_is_good_once() {
    let place = Place::new();
    let codes = place.ok(&["key", "recovery-codes", "--count", "2"]);
    let codes: Vec<_> = codes.lines().collect();
    assert_eq!(codes.len(), 2);
    let lost = place.who();
    let (front, rest) = codes[0].split_at(40);
    let said = place.ok(&["key", "recover", "--server", &place.url, "--card", &format!("{front}\n  {rest}")]);
    assert!(said.contains("alice has a new key"), "{said}");
    assert_ne!(place.who(), lost);
    let again = place.run(&["key", "recover", "--server", &place.url, "--card", codes[0], "--profile", "other"]);
    assert_eq!(again.status.code(), Some(22), "{}", err(&again));
    let card = place.card(&["user", "invite", "--recovery", "alice"]);
    let wrong = place.run(&["enrol", "--server", &place.url, "--card", &card, "--username", "bob", "--profile", "bob"]);
    assert!(err(&wrong).contains("key recover"), "{}", err(&wrong));
    place.ok(&["key", "recover", "--server", &place.url, "--card", &card, "--profile", "laptop"]);
    assert_eq!(place.run(&["call", "/"]).status.code(), Some(22), "every other key has ended");
    place.ok(&["call", "--profile", "laptop", "/"]);
    let listed = place.operator(&["user", "invite", "list"]);
    assert!(listed.contains("recovery-card") && listed.contains("recovery-code"), "{listed}");
}

#[test]
fn a_recovery_takes_no_profile_of_somebody_else() {
    let place = Place::new();
    let card = place.card(&["user", "invite"]);
    place.ok(&["enrol", "--server", &place.url, "--card", &card, "--username", "bob", "--profile", "bob"]);
    let card = place.card(&["user", "invite", "--recovery", "alice"]);
    let before = place.read("bob.toml");
    let refused = place.run(&["key", "recover", "--server", &place.url, "--card", &card, "--profile", "bob"]);
    assert!(refused.status.code() == Some(1) && err(&refused).contains("choose another"), "{}", err(&refused));
    assert_eq!(place.read("bob.toml"), before);
    let ordinary = place.card(&["user", "invite"]);
    let refused = place.run(&["key", "recover", "--server", &place.url, "--card", &ordinary]);
    assert!(err(&refused).contains("countersign enrol"), "{}", err(&refused));
}

#[test]
fn a_client_learns_the_servers_next_key_and_one_that_missed_it_learns_the_present_one() {
    let place = Place::new();
    let shown = place.operator(&["server-key", "show"]);
    assert!(shown.starts_with("current  ") && !shown.contains("next"), "{shown}");
    let next = place.operator(&["server-key", "next"]);
    let next = next.lines().find_map(|line| line.strip_prefix("next     ")).unwrap().to_owned();
    let present = place.read("default.toml");
    for call in [&["call", "--stream", "/"][..], &["call", "/"]] {
        place.ok(call);
        assert_eq!(place.read("default.server-key").trim(), next, "{call:?}");
        fs::remove_file(place.file("default.server-key")).unwrap();
    }
    place.ok(&["call", "/"]);
    place.operator(&["server-key", "switch"]);
    place.ok(&["key", "rotate"]);
    assert_eq!(value(&place.read("default.toml"), "server_key"), next);
    assert_eq!(place.files(), ["default.toml"]);
    place.operator(&["server-key", "retire", "--void-cards"]);
    place.write("default.toml", &place.read("default.toml").replace(&next, &value(&present, "server_key")));
    place.ok(&["key", "rotate"]);
    assert_eq!(value(&place.read("default.toml"), "server_key"), next);
}
