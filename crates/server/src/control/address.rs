use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crate::data::DataDir;

pub(super) const NAME: &str = "control.sock";

/// What fits into `sun_path` with its closing NUL (unix(7)).
const LONGEST_ADDRESS: usize = 107;

/// The address of the socket. One that is too long is spelt through the open directory, which is short however deep the
/// directory lies.
pub(super) fn address(directory: &DataDir) -> PathBuf {
    let plain = directory.path().join(NAME);
    if plain.as_os_str().as_bytes().len() <= LONGEST_ADDRESS {
        return plain;
    }
    PathBuf::from(format!("/proc/self/fd/{}", directory.handle().as_raw_fd())).join(NAME)
}
