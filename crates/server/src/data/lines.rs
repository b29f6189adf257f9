use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// No line that is of use is longer.
const LONGEST: u64 = 256;

/// Sees to it that this is the last line of a file, which is made (0600) when it is not there, and waits until it is on the
/// disk. Nothing that stands in the file is touched; a line that was cut off half way stays alone.
pub(crate) fn end_with_line(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // What can only be written to gets the line once more rather than not at all.
    let end = File::open(path).and_then(|mut file| end_of(&mut file, LONGEST)).unwrap_or_default();
    let whole = format!("{line}\n");
    if end == whole.as_bytes() || end.ends_with(format!("\n{whole}").as_bytes()) {
        return Ok(());
    }
    let is_cut_off = end.last().is_some_and(|octet| *octet != b'\n');
    file.write_all(format!("{}{whole}", if is_cut_off { "\n" } else { "" }).as_bytes())?;
    file.sync_all()
}

/// The last lines of a file, at most so many, oldest first, with a mark in the place of each octet that is no text. Of a line
/// that is longer than any of use an end may be given for the whole.
pub(crate) fn last_lines(path: &Path, most: usize) -> io::Result<Vec<String>> {
    let end = end_of(&mut File::open(path)?, LONGEST * most as u64)?;
    let mut lines: Vec<_> = end.rsplit(|octet| *octet == b'\n').filter(|line| !line.is_empty()).take(most).collect();
    lines.reverse();
    Ok(lines.into_iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}

fn end_of(file: &mut File, octets: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(octets)))?;
    let mut end = Vec::new();
    file.take(octets.min(length)).read_to_end(&mut end)?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_follow_each_other_and_only_the_owner_can_read_them() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("lines");
        for line in ["one", "two", "two", "wo", "two"] {
            end_with_line(&file, line).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\ntwo\nwo\ntwo\n");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(last_lines(&file, 3).unwrap(), ["two", "wo", "two"]);
        assert_eq!(last_lines(&file, 9).unwrap().len(), 4);
    }

    /// By a power cut, or a full disk.
    #[test]
    fn a_line_that_was_cut_off_does_not_swallow_the_next() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("lines");
        fs::write(&file, "one\ntw").unwrap();
        end_with_line(&file, "two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\ntw\ntwo\n");
    }
}
