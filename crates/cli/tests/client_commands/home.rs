use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use countersign_core::time::Timestamp;
use tempfile::TempDir;

use super::fake_guard::{FakeGuard, Reply, Signer, now};

/// A home with one profile, for the key of [`Signer::new`]`(7)`.
pub(crate) struct Home(pub(crate) TempDir);

impl Home {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn with_profile(guard: &FakeGuard) -> Self {
        let home = Self::empty();
        let profiles = home.0.path().join("profiles");
        fs::create_dir(&profiles).unwrap();
        let address = guard.address;
        let profile = format!(
            "server = \"http://{address}\"\nauthority = \"{address}\"\nusername = \"alice\"\nkeyid = \"k7f3a9c2d4e5b6a1c\"\n\
             root = \"{}\"\ncreated_ms = 1763780000183\noffset_ms = 0\nanswers = \"all-signed\"\n",
            "07".repeat(32)
        );
        fs::write(profiles.join("default.toml"), profile).unwrap();
        fs::set_permissions(profiles.join("default.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        home
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, b"")
    }

    pub(crate) fn run_with(&self, args: &[&str], stdin: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(args)
            .env("COUNTERSIGN_HOME", self.0.path())
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It need not read what it has no use for.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        Ran(child.wait_with_output().unwrap())
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path().join("profiles")).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

/// What a command did.
pub(crate) struct Ran(pub(crate) Output);

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn out(&self) -> &str {
        str::from_utf8(&self.0.stdout).unwrap()
    }

    pub(crate) fn err(&self) -> &str {
        str::from_utf8(&self.0.stderr).unwrap()
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "stdout: {}\nstderr: {}", self.out(), self.err());
        self
    }
}

pub(crate) fn honest(ahead_ms: u64, reply: Reply) -> FakeGuard {
    let signer = Signer::new(7);
    FakeGuard::start(move |heard, _| {
        signer.judge(heard, reply.clone(), Timestamp::from_millis(now().as_millis() + ahead_ms)).octets()
    })
}
