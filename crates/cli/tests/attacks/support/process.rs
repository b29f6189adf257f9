//! The real binary, as a person or a service manager runs it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use countersign_core::enrolment::Card;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::knock::Knocker;
use super::signing::{Draft, Key};
use super::transport::{CERTIFICATE, Door, Trust};
use super::wire::ask;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// A place for a guard's data, a home for a client, and what they write to stderr.
pub(crate) struct Place {
    directory: TempDir,
    trust: Option<Trust>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::configured("")
    }

    /// With a configuration in TOML, for the servers that are started here; they speak as all guards of the program do.
    pub(crate) fn configured(toml: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (tls, trust) = crate::TRANSPORT.prepare(directory.path());
        std::fs::write(directory.path().join("guard.toml"), format!("{tls}{toml}")).unwrap();
        Self { directory, trust }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).env_remove("COUNTERSIGN_KEK").env("COUNTERSIGN_HOME", self.path("home"));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command on this guard that has to succeed; what it printed.
    #[track_caller]
    pub(crate) fn operate(&self, args: &[&str]) -> String {
        let data = self.data().display().to_string();
        let output = self.run(&[args, &["--data", &data]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Begins a command on this guard, to be cut off. What it says is nobody's.
    pub(crate) fn begin(&self, args: &[&str]) -> Child {
        let data = self.data().display().to_string();
        let mut command = self.command(&[args, &["--data", &data]].concat());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The card of the group.
    pub(crate) fn group_card(&self) -> Card {
        self.operate(&["user", "invite", "--group"]).lines().next().unwrap().parse().unwrap()
    }

    /// A card for a program, whose key signs whatever it calls.
    pub(crate) fn service_card(&self) -> Card {
        self.operate(&["user", "invite", "--role", "service"]).lines().next().unwrap().parse().unwrap()
    }

    fn serving(&self, listen: &str) -> Command {
        let data = self.data().display().to_string();
        let mut command =
            self.command(&["serve", "--data", &data, "--listen", listen, "--admin-listen", "127.0.0.1:0"]);
        command.arg("--config").arg(self.path("guard.toml")).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn serve(&self) -> Served {
        self.serve_at("127.0.0.1:0")
    }

    /// The same at an address that an earlier one had: cards and signatures name it.
    pub(crate) fn serve_at(&self, listen: &str) -> Served {
        let log = File::options().create(true).append(true).open(self.path("stderr")).unwrap();
        let mut child = self.serving(listen).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix(&*format!("listening on {}://", self.scheme()));
        let Some(address) = address.map(|address| address.parse().unwrap()) else {
            drop(child.wait());
            panic!("it does not listen: {}", self.log());
        };
        Served { child, address, _door: crate::TRANSPORT.open(address, self.trust.clone()) }
    }

    fn scheme(&self) -> &'static str {
        if self.trust.is_some() { "https" } else { "http" }
    }

    /// Enrols at a server by the command, with these options besides.
    pub(crate) fn enrol(&self, served: &Served, options: &[&str]) -> Output {
        let server = format!("{}://{}", self.scheme(), served.address);
        let authorities = self.path(CERTIFICATE).display().to_string();
        let trusting: &[&str] = if self.trust.is_some() { &["--ca", &authorities] } else { &[] };
        self.run(&[&["enrol", "--server", &server], options, trusting].concat())
    }

    /// Starts a server that must not come up; what it said.
    pub(crate) fn serve_in_vain(&self) -> Output {
        self.serving("127.0.0.1:0").stderr(Stdio::piped()).output().unwrap()
    }

    /// What the servers have written to stderr.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("stderr")).unwrap()
    }
}

/// A server that runs.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: SocketAddr,
    _door: Door,
}

impl Served {
    /// Enrols by this card, confirmed.
    pub(crate) async fn enrolled(&self, card: &Card, name: &str) -> Key {
        let key = Knocker::new(card, name).knock(self.address).await.unwrap();
        assert_eq!(self.whoami(&key).await, 200);
        key
    }

    /// A program that is enrolled by this name at the guard of `place`, confirmed.
    pub(crate) async fn service(&self, place: &Place, name: &str) -> Key {
        self.enrolled(&place.service_card(), name).await
    }

    /// The octets of a good request.
    pub(crate) fn good(&self, key: &Key) -> Draft {
        Draft::new("GET", "/v1/accounts", &self.address.to_string(), &key.keyid).without_body()
    }

    /// The status of the one request that everybody's key may sign.
    pub(crate) async fn whoami(&self, key: &Key) -> u16 {
        let draft = Draft::new("GET", "/api/auth/whoami", &self.address.to_string(), &key.keyid);
        ask(self.address, &draft.without_body().sign(key).octets()).await.status
    }

    /// The status of a good request, now.
    pub(crate) async fn get(&self, key: &Key) -> u16 {
        ask(self.address, &self.good(key).sign(key).octets()).await.status
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal_to_stop(&self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(self) -> ExitStatus {
        self.signal_to_stop();
        self.wait()
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
