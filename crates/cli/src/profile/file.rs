//! The files of profiles: mode 0600 in a directory of mode 0700, written whole or not at all.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use countersign_client::Session;
use countersign_core::encoding::{hex, unhex};
use countersign_core::id::SessionRef;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::{Kept, Profile, ProfileName, session, written};

/// Longer than any profile with the certificates of a private authority in it, and short enough to be read without a second
/// thought.
const LONGEST: u64 = 64 * 1024;

/// The directory in which profiles stand.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    directory: PathBuf,
}

impl Shelf {
    /// The profiles under this home.
    pub(crate) fn at(home: &Path) -> Self {
        Self { directory: home.join("profiles") }
    }

    /// The profiles of whoever runs this command.
    pub(crate) fn of_this_user() -> anyhow::Result<Self> {
        Ok(Self::at(&super::home()?))
    }

    /// Where the profile of this name stands, or would.
    pub(crate) fn path(&self, name: &ProfileName) -> PathBuf {
        self.directory.join(format!("{name}.toml"))
    }

    /// Fails when there is a profile of this name: it may hold the only copy of a key.
    pub(crate) fn must_be_free(&self, name: &ProfileName) -> anyhow::Result<()> {
        let path = self.path(name);
        ensure!(
            path.symlink_metadata().is_err(),
            "there is a profile {name} already, and its key would be lost; choose another with --profile, or move {} away",
            path.display()
        );
        Ok(())
    }

    /// Keeps a new profile, and never in place of another.
    pub(crate) fn create(&self, name: &ProfileName, profile: &Profile) -> anyhow::Result<()> {
        self.make_directory()?;
        let text = written::write(profile)?;
        let file = self.write(text.as_bytes())?;
        match file.persist_noclobber(self.path(name)) {
            Ok(_) => self.sync(),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => self.must_be_free(name),
            Err(refused) => Err(refused.error).with_context(|| format!("cannot write {}", self.path(name).display())),
        }
    }

    /// Reads the profile of this name, if nobody else can read it.
    pub(crate) fn open(&self, name: &ProfileName) -> anyhow::Result<Profile> {
        let path = self.path(name);
        if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            bail!(
                "there is no profile {name} ({}); make one with countersign enrol or countersign login",
                path.display()
            )
        }
        let mut profile = read(&path)?;
        profile.server_key = self.announced(name).or(profile.server_key);
        if let Some(offset_ms) = self.offset(name) {
            profile.offset_ms = offset_ms;
        }
        Ok(profile)
    }

    /// Where the session of this profile stands. No profile's own file has this name.
    pub(crate) fn session_path(&self, name: &ProfileName) -> PathBuf {
        self.directory.join(format!("{name}.session"))
    }

    /// Keeps the session of a profile, in the place of the one before.
    pub(crate) fn keep_session(&self, name: &ProfileName, session: &Session) -> anyhow::Result<()> {
        self.put(&self.session_path(name), &session::write(session)?)
    }

    /// Keeps what has become of the session of this name, unless another has taken its place meanwhile or its user has logged
    /// out. Says whether it did.
    pub(crate) fn replace_session(
        &self,
        (name, profile): (&ProfileName, &Profile),
        former: SessionRef,
        session: &Session,
    ) -> anyhow::Result<bool> {
        let may_be_replaced = match self.session(name, profile) {
            Ok(Kept::Open(kept)) => kept.reference == former,
            Ok(Kept::LoggedOut) => false,
            // Another key has taken the place of the one that opened it, unless there is no file at all.
            Ok(Kept::Nothing) => self.session_path(name).symlink_metadata().is_err(),
            Err(error) => return Err(error),
        };
        if may_be_replaced {
            self.keep_session(name, session)?;
        }
        Ok(may_be_replaced)
    }

    /// Keeps that the user of a profile has logged out.
    pub(crate) fn keep_logged_out(&self, name: &ProfileName) -> anyhow::Result<()> {
        self.put(&self.session_path(name), &session::write_logged_out()?)
    }

    /// The session of a profile, if nobody else can read it.
    pub(crate) fn session(&self, name: &ProfileName, profile: &Profile) -> anyhow::Result<Kept> {
        let path = self.session_path(name);
        if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(Kept::Nothing);
        }
        let damaged = || format!("{} is damaged; log in again: {}", path.display(), profile.login_command(name));
        session::read(&private_text(&path)?, profile).with_context(damaged)
    }

    /// Where the profile stands that shall take the place of this one. No profile's own file has this name.
    pub(crate) fn next_path(&self, name: &ProfileName) -> PathBuf {
        self.directory.join(format!("{name}.next"))
    }

    /// Keeps the profile of a key that is not confirmed yet, beside the present one.
    pub(crate) fn keep_next(&self, name: &ProfileName, profile: &Profile) -> anyhow::Result<()> {
        self.put(&self.next_path(name), &written::write(profile)?)
    }

    /// What [`keep_next`](Self::keep_next) kept, until it is [promoted](Self::promote) or dropped.
    pub(crate) fn open_next(&self, name: &ProfileName) -> anyhow::Result<Option<Profile>> {
        let path = self.next_path(name);
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        read(&path).map(Some)
    }

    /// Puts the next profile in the place of the present one, in one step: at any moment one of them is there.
    pub(crate) fn promote(&self, name: &ProfileName) -> anyhow::Result<()> {
        let (next, path) = (self.next_path(name), self.path(name));
        std::fs::rename(&next, &path).with_context(|| format!("cannot write {}", path.display()))?;
        self.sync()?;
        // The new profile knows the server's newest key; a file that stays behind costs one more request, no more.
        let _ = std::fs::remove_file(self.server_key_path(name));
        Ok(())
    }

    /// Forgets the next profile, whose key never was or is no more.
    pub(crate) fn drop_next(&self, name: &ProfileName) -> anyhow::Result<()> {
        let path = self.next_path(name);
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// Keeps the static key that the server has announced, beside the profile.
    pub(crate) fn keep_server_key(&self, name: &ProfileName, key: &[u8; 32]) -> anyhow::Result<()> {
        let file = self.write(format!("{}\n", hex(key)).as_bytes())?;
        file.persist(self.server_key_path(name)).map(drop).map_err(|refused| refused.error.into())
    }

    fn announced(&self, name: &ProfileName) -> Option<[u8; 32]> {
        let mut text = String::new();
        File::open(self.server_key_path(name)).ok()?.take(128).read_to_string(&mut text).ok()?;
        unhex(text.trim_end())?.try_into().ok()
    }

    fn server_key_path(&self, name: &ProfileName) -> PathBuf {
        self.directory.join(format!("{name}.server-key"))
    }

    /// Forgets a profile whose key was never confirmed.
    pub(crate) fn remove(&self, name: &ProfileName) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }

    /// Keeps how far the server's clock is ahead, beside the profile.
    pub(crate) fn keep_offset(&self, name: &ProfileName, offset_ms: i64) -> anyhow::Result<()> {
        let file = self.write(format!("{offset_ms}\n").as_bytes())?;
        file.persist(self.offset_path(name)).map(drop).map_err(|refused| refused.error.into())
    }

    /// What [`keep_offset`](Self::keep_offset) kept. A damaged or missing file costs one correction, no more.
    fn offset(&self, name: &ProfileName) -> Option<i64> {
        let mut text = String::new();
        File::open(self.offset_path(name)).ok()?.take(32).read_to_string(&mut text).ok()?;
        text.trim_end().parse().ok()
    }

    fn offset_path(&self, name: &ProfileName) -> PathBuf {
        self.directory.join(format!("{name}.clock"))
    }

    /// Puts a text in the place of what a file holds, in one step.
    fn put(&self, path: &Path, text: &str) -> anyhow::Result<()> {
        self.make_directory()?;
        let file = self.write(text.as_bytes())?;
        file.persist(path)
            .map_err(|refused| refused.error)
            .with_context(|| format!("cannot write {}", path.display()))?;
        self.sync()
    }

    fn make_directory(&self) -> anyhow::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .with_context(|| format!("cannot make the directory {}", self.directory.display()))
    }

    /// A file without a name yet (mode 0600), whose content is on the disk.
    fn write(&self, content: &[u8]) -> anyhow::Result<NamedTempFile> {
        let written = NamedTempFile::new_in(&self.directory).and_then(|mut file| {
            file.write_all(content)?;
            file.as_file().sync_all()?;
            Ok(file)
        });
        written.with_context(|| format!("cannot write in {}", self.directory.display()))
    }

    /// Makes the name of a new file as durable as its content.
    fn sync(&self) -> anyhow::Result<()> {
        let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.with_context(|| format!("cannot write in {}", self.directory.display()))
    }
}

/// Reads the profile in this file, if nobody else can read it.
fn read(path: &Path) -> anyhow::Result<Profile> {
    written::read(&private_text(path)?).with_context(|| format!("{} is damaged", path.display()))
}

/// What stands in this file, if nobody else can read it.
fn private_text(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    must_be_private(&file, path)?;
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize));
    file.take(LONGEST).read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text)
}

/// The key in this file is worth nothing as a proof of who we are if others can read it, or put another in its place.
fn must_be_private(file: &File, path: &Path) -> anyhow::Result<()> {
    let metadata = file.metadata().with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(metadata.is_file(), "{} is not a file", path.display());
    let mode = metadata.mode() & 0o777;
    ensure!(
        mode & 0o077 == 0,
        "{} can be read by others (mode {mode:04o}), so its key may have been copied; make it yours alone with \
         chmod 600, and have the key revoked if others use this machine",
        path.display()
    );
    let owner = metadata.uid();
    ensure!(
        owner == rustix::process::geteuid().as_raw(),
        "{} belongs to somebody else (uid {owner}); use a profile of your own",
        path.display()
    );
    Ok(())
}
