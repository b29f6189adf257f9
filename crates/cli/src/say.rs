//! Words to the person at the terminal: results to stdout, everything else to stderr.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

use countersign_client::Network;

/// Writes a result to stdout, as it is. A reader that has gone away (`| head`) is no failure of ours.
pub(crate) fn result(octets: &[u8]) -> io::Result<()> {
    piece(octets).map(drop)
}

/// Writes a piece of a result to stdout; says whether anybody still reads.
pub(crate) fn piece(octets: &[u8]) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(octets).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// Writes a body to stdout: as it came, and to a terminal with a line end, so that what comes next begins a line.
pub(crate) fn body(octets: &[u8]) -> io::Result<()> {
    result(octets)?;
    let open = octets.last().is_some_and(|last| *last != b'\n');
    if open && io::stdout().is_terminal() { result(b"\n") } else { Ok(()) }
}

/// Writes a line to stderr. If that fails there is nobody left to tell.
pub(crate) fn note(line: impl core::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "countersign: {line}");
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

/// What can be done when there was no answer, where there is something to say.
pub(crate) fn remedy(error: &Network) {
    let Network::NotTrusted(cause) = error else { return };
    // The verifier has no type for this one that is open to us.
    if chain(cause).contains("CaUsedAsEndEntity") {
        note(
            "the certificate says that it is an authority's (CA:TRUE), not a server's; its operator has to make one that does not",
        );
    } else {
        note("if its operator has a certificate authority of their own, name its file with --ca");
    }
}

/// Writes a line of a result to stdout.
pub(crate) fn line(line: impl core::fmt::Display) -> io::Result<()> {
    result(format!("{line}\n").as_bytes())
}
