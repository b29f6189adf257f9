use core::fmt::Display;
use core::ops::RangeInclusive;
use core::str::FromStr;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::origin::{Origin, Origins};
use super::size::Size;

/// Where written values are looked at. It notes every fault and goes on with the default, so that a person is told
/// everything at once.
pub(super) struct Desk<'a> {
    origins: &'a Origins,
    faults: Vec<Fault>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(origins: &'a Origins) -> Self {
        Self { origins, faults: Vec::new() }
    }

    /// Text that has a type of its own.
    pub(super) fn text<T: FromStr<Err: Display>>(&mut self, path: &str, written: Option<&str>, default: T) -> T {
        self.read(path, written, default, |text| text.parse().map_err(|bad: T::Err| bad.to_string()))
    }

    /// Text that has a type of its own and no default.
    pub(super) fn optional<T: FromStr<Err: Display>>(&mut self, path: &str, written: Option<&str>) -> Option<T> {
        self.read(path, written, None, |text| text.parse().map(Some).map_err(|bad: T::Err| bad.to_string()))
    }

    /// A path on this machine's file system.
    pub(super) fn file(&mut self, path: &str, written: Option<&str>) -> Option<PathBuf> {
        self.read(path, written, None, |text| match text {
            "" => Err("it is empty".to_owned()),
            _ if text.contains('\0') => Err("it contains a NUL".to_owned()),
            _ => Ok(Some(Path::new(text).to_owned())),
        })
    }

    /// Each entry of a list.
    pub(super) fn list<T>(
        &mut self,
        path: &str,
        written: Option<&[String]>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let entries = written.unwrap_or_default().iter().enumerate();
        entries
            .filter_map(|(index, entry)| {
                self.read(&format!("{path}[{index}]"), Some(entry), None, |entry| read(entry).map(Some))
            })
            .collect()
    }

    /// A whole number within bounds.
    pub(super) fn whole<T: TryFrom<u64>>(
        &mut self,
        path: &str,
        written: Option<u64>,
        default: T,
        bounds: RangeInclusive<u64>,
    ) -> T {
        let Some(number) = written else { return default };
        match T::try_from(number) {
            Ok(value) if bounds.contains(&number) => value,
            _ => {
                self.wrong(path, Some(&number.to_string()), "");
                default
            }
        }
    }

    /// A size within bounds.
    pub(super) fn size(&mut self, path: &str, written: Option<Size>, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        let Some(Size(octets)) = written else { return default };
        if bounds.contains(&octets) {
            return octets;
        }
        let reason = format!("it lies between {} and {} octets", bounds.start(), bounds.end());
        self.wrong(path, Some(&octets.to_string()), &reason);
        default
    }

    /// Notes a fault of the value at this path.
    pub(super) fn wrong(&mut self, path: &str, found: Option<&str>, reason: &str) {
        self.faults.push(Fault::wrong(path, &self.origins.of(path), found, reason));
    }

    /// Notes a contradiction between this key and another.
    pub(super) fn contradiction(&mut self, path: &str, sentence: &str) {
        self.faults.push(Fault::sentence(&self.origins.of(path), &format!("`{path}` {sentence}")));
    }

    /// Notes a fault of a variable that is no key of the file.
    pub(super) fn variable(&mut self, name: &str, sentence: &str) {
        self.faults.push(Fault::sentence(&Origin::Variable(name.to_owned()), sentence));
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    pub(super) fn read<T>(
        &mut self,
        path: &str,
        written: Option<&str>,
        default: T,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        let Some(text) = written else { return default };
        read(text).unwrap_or_else(|reason| {
            self.wrong(path, Some(text), &reason);
            default
        })
    }
}
