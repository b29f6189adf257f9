//! Queries, read in the one way that they can be read.

use core::fmt::Display;
use core::str::FromStr;

/// The parameters of a query, encoded as they are. One without `=` has an empty value.
pub(super) fn parameters(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// A value that may stand once, in the one spelling that it has.
pub(super) fn once<T: FromStr + Display>(place: &mut Option<T>, text: &str) -> Option<()> {
    let value: T = text.parse().ok()?;
    if place.is_some() || value.to_string() != text {
        return None;
    }
    *place = Some(value);
    Some(())
}
