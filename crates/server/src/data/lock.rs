use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::directory::DataDir;

const NAME: &str = "lock";

/// The right to use the data directory, while it lives. The system takes it back when the process ends, however it
/// ends. Clones share it.
#[derive(Clone, Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for what its drop does")] Arc<File>);

/// Why the directory is not ours to use.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody holds it: a server, who is then to be asked through the control socket, or another command.
    #[error("the data directory {} is in use{}", path.display(), pid.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    Held {
        /// The data directory.
        path: PathBuf,
        /// Who says to hold it.
        pid: Option<u32>,
    },
    /// Nobody holds it, but it belongs to somebody else, in whose name nothing must be written.
    #[error("{} belongs to uid {owner} and no server runs there; run this command as that user", path.display())]
    Foreign {
        /// The data directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// The system would not let us.
    #[error("cannot lock {}", path.display())]
    System {
        /// The data directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DataDir {
    /// Takes the directory for this process alone. The lock decides whether a command opens the store itself or asks
    /// the server; there is no third way.
    pub fn lock(&self) -> Result<Lock, LockError> {
        let path = || self.path().to_owned();
        let foreign = || LockError::Foreign { path: path(), owner: self.owner() };
        let system = |error: Errno| LockError::System { path: path(), source: error.into() };
        let ours = self.owner() == geteuid().as_raw();
        let create = if ours { OFlags::CREATE } else { OFlags::empty() };
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | create;
        let mut file = match openat(self.handle(), NAME, flags, Mode::RUSR | Mode::WUSR) {
            Ok(opened) => File::from(opened),
            Err(Errno::NOENT) if !ours => return Err(foreign()),
            Err(error) => return Err(system(error)),
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if ours => {}
            Ok(()) => return Err(foreign()),
            Err(Errno::WOULDBLOCK) => return Err(LockError::Held { path: path(), pid: holder(&mut file) }),
            Err(error) => return Err(system(error)),
        }
        let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        noted.map_err(|source| LockError::System { path: path(), source })?;
        Ok(Lock(Arc::new(file)))
    }
}

/// Who wrote their process id into the file.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
