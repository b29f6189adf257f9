//! A program that runs beside the bench and ends with it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

/// The program.
pub(crate) struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {command:?}"))?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        Ok(Self { child, output })
    }

    /// Waits until it says where it listens.
    pub(crate) fn listening(&mut self) -> anyhow::Result<SocketAddr> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                return Ok(address.parse()?);
            }
            line.clear();
        }
        bail!("a program ended before it listened")
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(process, Signal::TERM);
            let _ = self.child.wait();
        }
    }
}
