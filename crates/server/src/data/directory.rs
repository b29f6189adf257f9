use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, openat, statat};
use rustix::process::geteuid;

use super::privacy::{self, NotPrivate};

/// The data directory: ours, and closed to everybody else.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    handle: File,
    owner: u32,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It is no place for secrets.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),
    /// There is none.
    #[error("there is no data directory {}; name it with --data, or start `countersign serve` to make it", .0.display())]
    Missing(PathBuf),
    /// The system would not let us.
    #[error("cannot {action} the data directory {}; check the path and the rights of its parent", path.display())]
    System {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DataDir {
    /// The database in the directory.
    pub const DATABASE: &str = "countersign.db";

    /// Opens the directory for a server; the first start makes it, with mode 0700.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        if !path.exists() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.map_err(|source| DataError::System { action: "make", path: path.to_owned(), source })?;
        }
        Self::find(path)
    }

    /// Opens a directory that is there already, as the other commands do. The path itself may be a symbolic link (a
    /// service manager makes such); what it leads to must be private.
    pub fn find(path: &Path) -> Result<Self, DataError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let handle = File::from(openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::NOENT => DataError::Missing(path.to_owned()),
            other => DataError::System { action: "open", path: path.to_owned(), source: other.into() },
        })?);
        let stat = fstat(&handle).map_err(|error| DataError::System {
            action: "examine",
            path: path.to_owned(),
            source: error.into(),
        })?;
        privacy::directory(path, &stat, geteuid().as_raw())?;
        Ok(Self { path: path.to_owned(), handle, owner: stat.st_uid })
    }

    /// The same directory once more.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { path: self.path.clone(), handle: self.handle.try_clone()?, owner: self.owner })
    }

    /// The path as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database is.
    pub fn database(&self) -> PathBuf {
        self.path.join(Self::DATABASE)
    }

    /// Whether there is a file of this name.
    pub(super) fn holds(&self, name: &str) -> bool {
        statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// The uid whose directory it is.
    pub(super) fn owner(&self) -> u32 {
        self.owner
    }

    /// The directory itself, for calls relative to it.
    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Makes what was created, linked or removed in it last through a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}
