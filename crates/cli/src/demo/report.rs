//! The half page that is shown.

use crate::say;

use super::evidence::{Evidence, NotCaught};
use super::scene::Scene;

const BEFORE: &str = "\
A guard, an API behind it and a client. Between client and guard is somebody who may change every octet.
";

const AFTER: &str = "
The API carried out nothing that the client had not signed, and nothing twice. Interference means that
the client shows nothing of the answer and says that the outcome is unknown. Whoever holds the line can
cut it, but not unseen.";

/// Says what is to come, and the names of the columns.
pub(crate) fn begin() -> std::io::Result<()> {
    say::line(BEFORE)?;
    row("the man in the middle", "the client", "the API", "caught by")
}

/// Shows what came of a scene.
pub(crate) fn show(scene: &Scene, evidence: &Evidence, judged: &Result<(), NotCaught>) -> std::io::Result<()> {
    let caught_by = if judged.is_ok() { scene.caught_by } else { "NOT CAUGHT" };
    row(scene.name, &evidence.said(), &evidence.done(), caught_by)
}

/// Says what it comes to, when everything was caught.
pub(crate) fn end() -> std::io::Result<()> {
    say::line(AFTER)
}

fn row(name: &str, said: &str, done: &str, caught_by: &str) -> std::io::Result<()> {
    say::line(format_args!("{name:<38} {said:<39} {done:<12} {caught_by}"))
}
