//! The guard as people run it: the binary, in a process of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::child::Program;

/// A running guard.
pub(crate) struct Guard {
    program: Program,
    address: SocketAddr,
    data: PathBuf,
}

/// The address of a route that lets everybody in.
pub(crate) const OPEN: &str = "/open";

impl Guard {
    /// Starts it with a data directory below `home`, before an API or its own echo. The window is as wide as can be, so
    /// that requests can be signed beforehand.
    pub(crate) fn start(home: &Path, upstream: Option<SocketAddr>) -> anyhow::Result<Self> {
        fs::create_dir_all(home)?;
        let data = home.join("data");
        let upstream = upstream.map(|address| format!("upstream = \"http://{address}\"\n")).unwrap_or_default();
        let text = format!(
            "data = {data:?}\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\nwindow_seconds = 300\n{upstream}\
             [replay]\nper_key = 4000000\n[log]\nlevel = \"warn\"\n\
             [[route]]\npath = {OPEN:?}\naccept = \"danger-anyone\"\n"
        );
        let config = home.join("countersign.toml");
        fs::write(&config, text)?;
        let mut program = Program::start(Command::new(binary()?).arg("serve").arg("--config").arg(config))?;
        let address = program.listening()?;
        Ok(Self { program, address, data })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Where it keeps what it keeps.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }
}

/// The release build of `countersign`, which lies beside this program.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name("countersign");
    ensure!(binary.is_file(), "{} is missing: cargo build --release", binary.display());
    Ok(binary)
}

/// What `countersign` prints when it is run with these arguments.
pub(crate) fn countersign(home: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(binary()?).args(arguments).env("COUNTERSIGN_HOME", home).output()?;
    ensure!(output.status.success(), "countersign {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).context("countersign printed what is no text")
}
