use std::fs::File;
use std::io::{self, Write as _};

use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};

use super::directory::DataDir;

/// Writes a secret file that does not have its name yet: 0600, and durable when this returns. One of the same name is the
/// draft of somebody who was cut off; the caller holds the lock, so nobody is writing it.
pub(super) fn write(directory: &DataDir, name: &str, content: &[u8]) -> io::Result<()> {
    let _ = unlinkat(directory.handle(), name, AtFlags::empty());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut draft = File::from(openat(directory.handle(), name, flags, Mode::RUSR | Mode::WUSR)?);
    draft.write_all(content)?;
    draft.sync_all()
}
