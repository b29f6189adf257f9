use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};

/// Why a file or directory is no place for a secret; the sentence ends with the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPrivate {
    /// It leads elsewhere, and somebody may change where.
    #[error("{} is a symbolic link; put the file itself there, or name the file it leads to", .0.display())]
    SymbolicLink(PathBuf),
    /// It is something else.
    #[error("{} is no {expected}; move it away, or name another path", path.display())]
    WrongKind {
        /// Where.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// Group or others may use it.
    #[error("{} has mode {mode:04o}, so that others than its owner may use it; if it is meant for the guard alone, run: chmod {remedy} '{}'", path.display(), path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The mode that it should have, as for `chmod`.
        remedy: &'static str,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to uid {owner}, and this is uid {us}; run this command as its owner, or give it away: chown {us} '{}'", path.display(), path.display())]
    Foreign {
        /// Where.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
}

/// Whether this is a directory of ours that nobody else may enter.
pub(super) fn directory(path: &Path, stat: &Stat, us: u32) -> Result<(), NotPrivate> {
    let path = || path.to_owned();
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(NotPrivate::WrongKind { path: path(), expected: "directory" });
    }
    // Root may look at anybody's, to speak with the server that runs there.
    if stat.st_uid != us && us != 0 {
        return Err(NotPrivate::Foreign { path: path(), owner: stat.st_uid, us });
    }
    closed(stat, path, "700")
}

/// Whether this is a regular file that only we (or root, from whom nothing is hidden) can read and write.
pub(super) fn file(path: &Path, stat: &Stat, us: u32) -> Result<(), NotPrivate> {
    let path = || path.to_owned();
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(NotPrivate::WrongKind { path: path(), expected: "regular file" });
    }
    if stat.st_uid != us && stat.st_uid != 0 {
        return Err(NotPrivate::Foreign { path: path(), owner: stat.st_uid, us });
    }
    // systemd hands a credential over as root:root 0440 with an ACL for the service's user: the group bits are then the
    // mask of the ACL, and the group is root's own.
    let is_credential = stat.st_uid == 0 && stat.st_gid == 0 && us != 0 && stat.st_mode & 0o777 == 0o440;
    if is_credential { Ok(()) } else { closed(stat, path, "600") }
}

fn closed(stat: &Stat, path: impl Fn() -> PathBuf, remedy: &'static str) -> Result<(), NotPrivate> {
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(NotPrivate::Open { path: path(), mode, remedy }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: u32 = 1000;

    fn stat(kind: FileType, mode: u32, owner: u32, group: u32) -> Stat {
        let mut stat = rustix::fs::stat("/").unwrap();
        stat.st_mode = kind.as_raw_mode() | mode;
        (stat.st_uid, stat.st_gid) = (owner, group);
        stat
    }

    #[test]
    fn a_secret_belongs_to_us_or_to_root() {
        let judge = |owner, us| file(Path::new("kek"), &stat(FileType::RegularFile, 0o600, owner, owner), us);
        assert!(judge(US, US).is_ok() && judge(0, US).is_ok() && judge(0, 0).is_ok());
        for (owner, us) in [(US + 1, US), (US, 0)] {
            let said = judge(owner, us).unwrap_err().to_string();
            assert!(said.contains(&format!("belongs to uid {owner}")) && said.contains("chown"), "{said}");
        }
    }

    #[test]
    fn a_data_directory_belongs_to_us_and_root_may_look_at_it() {
        let judge = |owner, us| directory(Path::new("data"), &stat(FileType::Directory, 0o700, owner, owner), us);
        assert!(judge(US, US).is_ok() && judge(US, 0).is_ok());
        assert!(judge(0, US).is_err() && judge(US + 1, US).is_err());
    }

    #[test]
    fn the_group_bits_of_a_file_of_roots_are_the_mask_of_an_acl_and_of_no_other_file() {
        let judge = |mode, owner, group| file(Path::new("kek"), &stat(FileType::RegularFile, mode, owner, group), US);
        assert!(judge(0o440, 0, 0).is_ok());
        for (mode, owner, group) in [(0o440, US, 0), (0o440, 0, 100), (0o444, 0, 0), (0o460, 0, 0), (0o640, 0, 0)] {
            assert!(judge(mode, owner, group).is_err(), "{mode:o} {owner} {group}");
        }
        // Root needs no ACL, so these would be the bits of a group.
        assert!(file(Path::new("kek"), &stat(FileType::RegularFile, 0o440, 0, 0), 0).is_err());
    }
}
