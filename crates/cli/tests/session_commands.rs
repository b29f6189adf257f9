//! Sessions as a person and an operator run them, against a guard that runs and is killed.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PASSWORD: &[u8] = b"correct horse battery\n";

/// A guard, and the home of alice, who has a key in the profile `default`, and a password.
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
        let card = place.operator(&["user", "invite"]);
        let card = card.lines().next().unwrap();
        place.ok(&["enrol", "--server", &place.url, "--card", card, "--username", "alice", "--device", "laptop"]);
        let data = place.data();
        place.fed(&["user", "passwd", "alice", "--password-stdin", "--data", &data], PASSWORD);
        // A first password ends what was opened before.
        place.ok(&["login"]);
        place
    }

    fn data(&self) -> String {
        self.home.path().join("data").to_str().unwrap().to_owned()
    }

    fn operator(&self, args: &[&str]) -> String {
        self.ok(&[args, &["--data", &self.data()]].concat())
    }

    fn run_fed(&self, args: &[&str], stdin: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(args)
            .env("COUNTERSIGN_HOME", self.home.path().join("home"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin);
        child.wait_with_output().unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_fed(args, b"")
    }

    #[track_caller]
    fn fed(&self, args: &[&str], stdin: &[u8]) -> String {
        let output = self.run_fed(args, stdin);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        self.fed(args, b"")
    }

    /// A second terminal, with a profile of its own.
    fn log_in(&self, profile: &str, more: &[&str]) -> String {
        let args = ["login", "--profile", profile, "--server", &self.url, "--username", "alice", "--password-stdin"];
        self.fed(&[&args, more].concat(), PASSWORD)
    }

    fn sessions(&self, profile: &str) -> Vec<Value> {
        let listed = self.ok(&["session", "list", "--json", "--profile", profile]);
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn this_one(&self, profile: &str) -> String {
        let rows = self.sessions(profile);
        rows.iter().find(|row| row["current"] == true).unwrap()["ref"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn is_told_that_it_was_revoked(&self, profile: &str) {
        let output = self.call_once_warm(profile);
        assert_eq!(output.status.code(), Some(22), "{}", err(&output));
        let problem: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&problem["status"], &problem["type"]), (&401.into(), &"urn:countersign:token-revoked".into()));
        assert!(problem["detail"].as_str().unwrap().starts_with("Token has been revoked"));
        let login = match profile {
            "default" => "countersign login\n".to_owned(),
            profile => format!("countersign login --profile {profile} --username alice\n"),
        };
        assert!(err(&output).contains(&login), "a password logs in where there is no key: {}", err(&output));
    }

    /// The answer of a guard that knows again what it has seen.
    fn call_once_warm(&self, profile: &str) -> Output {
        loop {
            let output = self.run(&["call", "--profile", profile, "/v1"]);
            if !err(&output).contains("warming-up") {
                return output;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
    }

    fn kill_and_start_again(&mut self) {
        self.guard.kill().unwrap();
        self.guard.wait().unwrap();
        let listen = self.url.strip_prefix("http://").unwrap().to_owned();
        (self.guard, self.url) = serve(self.home.path(), &listen);
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

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn of_two_terminals_one_revokes_the_other_whose_next_call_is_refused_also_after_a_kill() {
    let mut place = Place::new();
    place.log_in("phone", &["--device", "phone"]);
    place.ok(&["call", "--profile", "phone", "/v1"]);
    let table = place.ok(&["session", "list"]);
    let (this, other) = (place.this_one("default"), place.this_one("phone"));
    let line = |reference: &str| table.lines().find(|line| line.contains(reference)).unwrap().to_owned();
    assert!(line(&this).contains("this one") && line(&this).contains("127.0.0.1"), "{table}");
    assert!(!line(&other).contains("this one") && line(&other).contains("phone"), "{table}");
    assert!(line(&other).matches("Z").count() >= 2, "when it was opened and when it was used: {table}");
    place.ok(&["session", "revoke", &other]);
    place.is_told_that_it_was_revoked("phone");
    place.kill_and_start_again();
    place.is_told_that_it_was_revoked("phone");
    assert!(place.call_once_warm("default").status.success());
    place.log_in("phone", &[]);
    place.ok(&["call", "--profile", "phone", "/v1"]);
}

#[test]
fn revoking_the_others_leaves_this_one() {
    let place = Place::new();
    place.log_in("phone", &[]);
    place.ok(&["session", "revoke-others"]);
    place.is_told_that_it_was_revoked("phone");
    assert_eq!(place.sessions("default").len(), 1);
}

#[test]
fn a_login_takes_the_place_of_the_session_before_and_that_is_ended() {
    let place = Place::new();
    let before = place.this_one("default");
    place.ok(&["login"]);
    let rows = place.sessions("default");
    assert_eq!(rows.len(), 1);
    assert_ne!(rows[0]["ref"].as_str().unwrap(), before);
}

#[test]
fn a_login_over_a_session_whose_token_is_about_to_expire_is_the_one_that_stays() {
    let place = Place::new();
    place.log_in("bearer", &["--bearer"]);
    let before = place.this_one("bearer");
    let kept = place.home.path().join("home/profiles/bearer.session");
    let text = fs::read_to_string(&kept).unwrap();
    let until = text.lines().find(|line| line.starts_with("good_until_ms")).unwrap();
    fs::write(&kept, text.replace(until, "good_until_ms = 0")).unwrap();
    place.log_in("bearer", &["--bearer"]);
    assert!(!fs::read_to_string(&kept).unwrap().contains(&before), "the former one is kept again");
    assert_ne!(place.this_one("bearer"), before);
    assert!(place.operator(&["session", "show", &before]).contains("ended: logged_out"));
}

#[test]
fn a_key_that_was_revoked_is_called_so_also_where_there_is_no_session() {
    let place = Place::new();
    let key = place.sessions("default")[0]["opened_by"].as_str().unwrap().to_owned();
    place.operator(&["key", "revoke", &key]);
    fs::remove_file(place.home.path().join("home/profiles/default.session")).unwrap();
    for command in [&["whoami"][..], &["session", "list"], &["key", "mine"], &["login"]] {
        let output = place.run(command);
        assert_eq!(output.status.code(), Some(22), "{command:?}: {}", err(&output));
        assert!(err(&output).contains("the guard refused (401 unauthorized)"), "{command:?}: {}", err(&output));
    }
}

#[test]
fn everything_that_anybody_was_issued_is_taken_back_by_one_command_also_where_no_guard_runs() {
    let mut place = Place::new();
    let data = place.data();
    for runs in [true, false] {
        place.log_in("phone", &[]);
        place.ok(&["login"]);
        let unasked = place.run(&["session", "revoke-everybody", "--data", &data]);
        assert!(unasked.status.code() == Some(1) && err(&unasked).contains("--yes"), "{}", err(&unasked));
        assert!(place.call_once_warm("phone").status.success(), "nothing is revoked by mistake");
        if !runs {
            place.guard.kill().unwrap();
            place.guard.wait().unwrap();
        }
        place.operator(&["session", "revoke-everybody", "--yes"]);
        if runs {
            place.is_told_that_it_was_revoked("phone");
        }
        place.kill_and_start_again();
        place.is_told_that_it_was_revoked("phone");
        place.is_told_that_it_was_revoked("default");
    }
    assert_eq!(place.operator(&["event", "list", "--kind", "epoch_raised", "--json"]).lines().count(), 2);
}

#[test]
fn a_user_is_named_by_one_id_wherever_one_is_shown() {
    let place = Place::new();
    let shown: Value = serde_json::from_str(&place.operator(&["user", "show", "alice", "--json"])).unwrap();
    let id = shown["user_id"].as_str().unwrap();
    let session = place.this_one("default");
    assert_eq!(place.ok(&["whoami"]), format!("alice, user: session {session}, user {id}\n"));
    let event = place.operator(&["event", "list", "--kind", "session_opened", "--session", &session]);
    assert!(event.lines().next().unwrap().contains("session") && event.contains(&session), "{event}");
    assert!(event.lines().next().unwrap().contains("user") && event.contains(id), "{event}");
    let shown = place.operator(&["user", "show", "alice"]);
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["sessions", "1"])), "{shown}");
    let row = |text: &str| serde_json::from_str::<Value>(text.lines().next().unwrap()).unwrap();
    let own = row(&place.ok(&["session", "show", &session, "--json"]));
    let operators = row(&place.operator(&["session", "show", &session, "--json"]));
    assert_eq!((&own["user_id"], &own["state"]), (&id.into(), &"open".into()));
    let members = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&own), members(&operators));
}

#[test]
fn after_a_logout_nothing_logs_in_again_behind_its_users_back() {
    let place = Place::new();
    let session = place.this_one("default");
    assert!(place.ok(&["logout"]).contains(&session));
    for command in [&["call", "/v1"][..], &["whoami"], &["session", "list"], &["key", "mine"]] {
        let output = place.run(command);
        assert!(output.status.code() == Some(1) && err(&output).contains("countersign login"), "{}", err(&output));
    }
    let listed = place.operator(&["session", "list"]);
    let line = listed.lines().find(|line| line.contains(&session)).unwrap();
    assert!(line.contains("ended: logged_out"), "{listed}");
    place.ok(&["login"]);
    place.ok(&["call", "/v1"]);
}

#[test]
fn a_profile_from_before_there_were_sessions_opens_one_when_it_is_used() {
    let place = Place::new();
    let kept = place.home.path().join("home/profiles/default.session");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_file(&kept).unwrap();
    place.ok(&["call", "/v1"]);
    assert!(kept.exists());
}

#[test]
fn an_operator_sees_every_session_and_ends_them() {
    let place = Place::new();
    place.log_in("phone", &["--device", "phone"]);
    let phone = place.this_one("phone");
    let listed = place.operator(&["session", "list", "--user", "alice"]);
    assert!(listed.contains(&phone) && listed.contains("open"), "{listed}");
    place.operator(&["session", "revoke", &phone]);
    place.is_told_that_it_was_revoked("phone");
    assert!(place.operator(&["session", "show", &phone]).contains("ended: revoked_by_admin"));
    place.log_in("phone", &[]);
    assert!(place.operator(&["session", "revoke-user", "alice"]).contains("sessions are revoked"));
    place.is_told_that_it_was_revoked("phone");
    assert_eq!(place.run(&["call", "/v1"]).status.code(), Some(22));
    place.operator(&["session", "revoke-user", "alice", "--keys"]);
    assert_eq!(place.run(&["login"]).status.code(), Some(22), "the key has ended, too");
}

#[test]
fn what_a_session_without_a_key_is_answered_is_never_called_verified() {
    let place = Place::new();
    place.log_in("bearer", &["--bearer"]);
    let output = place.run(&["call", "--profile", "bearer", "/api/auth/whoami"]);
    assert!(output.status.success() && err(&output).contains("not verified"), "{}", err(&output));
    let report: Value =
        serde_json::from_str(&place.ok(&["call", "--json", "--profile", "bearer", "/api/auth/whoami"])).unwrap();
    assert_eq!(report["verified"], false);
    let refused = place.run(&["call", "--profile", "bearer", "/v1"]);
    assert_eq!(refused.status.code(), Some(2), "a route of the API wants a signature: {}", err(&refused));
    let elsewhere = place.run(&["call", "--profile", "bearer", "http://127.0.0.1:1/v1"]);
    assert_eq!(elsewhere.status.code(), Some(1), "nothing is sent to another server: {}", err(&elsewhere));
    let streamed = place.run(&["call", "--stream", "--profile", "bearer", "/v1"]);
    assert!(streamed.status.code() == Some(1) && err(&streamed).contains("no key"), "{}", err(&streamed));
}

#[test]
fn a_password_is_changed_and_everything_else_ends() {
    let place = Place::new();
    place.log_in("phone", &[]);
    let wrong = place.run_fed(&["passwd", "--password-stdin"], b"not the password\nanother good one\n");
    assert_eq!(wrong.status.code(), Some(22), "{}", err(&wrong));
    place.fed(&["passwd", "--password-stdin"], b"correct horse battery\nanother good one\n");
    place.is_told_that_it_was_revoked("phone");
    place.ok(&["call", "/v1"]);
    let args = ["login", "--profile", "phone", "--username", "alice", "--password-stdin"];
    assert_eq!(place.run_fed(&args, PASSWORD).status.code(), Some(2), "nobody signs that it is wrong");
    place.fed(&args, b"another good one\n");
}

#[test]
fn the_session_of_a_profile_can_be_used_with_any_library_for_rfc_9421() {
    let place = Place::new();
    let shown: Value = serde_json::from_str(&place.ok(&["key", "show", "--json", "--danger-secret"])).unwrap();
    assert_eq!(shown["session"]["keyid"], format!("s.{}", place.this_one("default")));
    for secret in ["root", "c2s", "s2c"] {
        assert_eq!(shown["session"][secret].as_str().unwrap().len(), 64);
        assert_ne!(shown["session"][secret], shown[secret]);
    }
    let shown = place.ok(&["key", "show", "--json"]);
    assert!(!shown.contains("root"), "{shown}");
}
