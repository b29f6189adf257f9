//! Parameters of queries and forms, read in the one way that they can be read.

use core::fmt::Display;
use core::str::FromStr;

/// The parameters of a text, encoded as they are; an empty text has none. In the place of a part about which parsers
/// disagree, one that is empty or has no `=`, stands nothing.
pub(super) fn parameters(text: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    text.split('&').filter(|_| !text.is_empty()).map(|part| part.split_once('='))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<(&str, &str)>> {
        parameters(text).collect()
    }

    #[test]
    fn a_part_about_which_parsers_disagree_is_no_parameter() {
        assert_eq!(read(""), Some(Vec::new()));
        assert_eq!(read("a=b"), Some(vec![("a", "b")]));
        assert_eq!(read("a=&a=b=c"), Some(vec![("a", ""), ("a", "b=c")]));
        for text in ["&", "&a=b", "a=b&", "a=b&&c=d", "a", "a=b&c"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_stands_once_and_in_one_spelling() {
        let read = |texts: &[&str]| {
            let mut place = None;
            texts.iter().map(|text| once::<u32>(&mut place, text)).collect::<Option<Vec<()>>>()?;
            place
        };
        assert_eq!(read(&["5"]), Some(5));
        for texts in [&["5", "5"][..], &["05"], &["+5"], &["%35"], &["5 "], &[""], &["4294967296"]] {
            assert_eq!(read(texts), None, "{texts:?}");
        }
    }
}
