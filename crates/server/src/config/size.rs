use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number of octets, written as a number or as a number and a binary unit: `16 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl Size {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let factor: u64 = match unit.trim_start_matches(' ') {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or one with a unit (B, KiB, MiB, GiB)")
    }

    fn visit_i64<E: Error>(self, octets: i64) -> Result<Size, E> {
        octets.try_into().map(Size).map_err(|_| E::custom("a size is not negative"))
    }

    fn visit_u64<E: Error>(self, octets: u64) -> Result<Size, E> {
        Ok(Size(octets))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        Size::parse(text).ok_or_else(|| E::custom("the units are B, KiB, MiB and GiB, after a whole number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_binary_unit_or_none() {
        for (text, octets) in [
            ("0", Some(0)),
            ("512", Some(512)),
            ("512 B", Some(512)),
            ("16 MiB", Some(16 << 20)),
            ("64KiB", Some(64 << 10)),
            ("17179869183 GiB", Some(17_179_869_183 << 30)),
            ("17179869184 GiB", None),
            ("16 MB", None),
            ("16 mib", None),
            ("1.5 MiB", None),
            ("-1", None),
            ("+1", None),
            ("MiB", None),
            ("", None),
            (" 1", None),
            ("1 MiB ", None),
        ] {
            assert_eq!(Size::parse(text).map(|size| size.0), octets, "{text:?}");
        }
    }
}
