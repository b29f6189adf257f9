//! The chunked transfer coding, RFC 9112 §7.1, without extensions and without trailer fields: nothing here uses them,
//! and parsers disagree about both.

/// Where in the coding the next octet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    Size { value: u64, digits: u8 },
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    EndCr,
    EndLf,
    End,
}

/// 64 bits.
const MAX_DIGITS: u8 = 16;

impl Chunks {
    pub(super) const START: Self = Self::Size { value: 0, digits: 0 };

    /// Reads on in the body and says how many octets of `input` keep to the coding: all of them, or those to the end of
    /// the body, or those before the first that breaks it. If it is the very first one, that is the error.
    pub(super) fn read(&mut self, input: &[u8]) -> Result<usize, &'static str> {
        let mut good = 0;
        while let (Some(rest), false) = (input.get(good..), *self == Self::End) {
            let Some((octet, _)) = rest.split_first() else { break };
            match self.step(*octet, rest.len()) {
                Ok((next, length)) => (*self, good) = (next, good + length),
                Err(rule) if good == 0 => return Err(rule),
                Err(_) => break,
            }
        }
        Ok(good)
    }

    /// The place after the next octets, and how many they are.
    fn step(self, octet: u8, available: usize) -> Result<(Self, usize), &'static str> {
        let next = match (self, octet) {
            (Self::Size { value, digits }, octet) if octet.is_ascii_hexdigit() && digits < MAX_DIGITS => {
                Self::Size { value: value << 4 | u64::from(hex(octet)), digits: digits + 1 }
            }
            (Self::Size { value, digits: 1.. }, b'\r') => Self::SizeLf(value),
            (Self::Size { .. }, _) => return Err("a chunk size of 1 to 16 hexadecimal digits, no extension"),
            (Self::SizeLf(0), b'\n') => Self::EndCr,
            (Self::SizeLf(size), b'\n') => Self::Data(size),
            (Self::Data(left), _) => {
                let taken = left.min(available as u64);
                let next = if taken == left { Self::DataCr } else { Self::Data(left - taken) };
                return Ok((next, usize::try_from(taken).unwrap_or(available)));
            }
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size { value: 0, digits: 0 },
            (Self::EndCr, b'\r') => Self::EndLf,
            (Self::EndLf, b'\n') => Self::End,
            (Self::EndCr, _) => return Err("no trailer fields"),
            (Self::SizeLf(_) | Self::DataCr | Self::DataLf | Self::EndLf | Self::End, _) => {
                return Err("CRLF after every chunk size and every chunk");
            }
        };
        Ok((next, 1))
    }
}

const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many octets are good, and whether the body ended there.
    fn read(input: &[u8]) -> (usize, bool) {
        let mut chunks = Chunks::START;
        let good = chunks.read(input).unwrap_or(0);
        (good, chunks == Chunks::End)
    }

    #[test]
    fn a_body_ends_with_its_last_chunk_and_what_follows_is_not_touched() {
        for body in [
            "0\r\n\r\n",
            "4\r\nbody\r\n0\r\n\r\n",
            "00004\r\nbody\r\n000\r\n\r\n",
            "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        ] {
            assert_eq!(read(body.as_bytes()), (body.len(), true), "{body:?}");
            assert_eq!(read(format!("{body}GET /").as_bytes()), (body.len(), true), "{body:?}");
            for cut in 0..body.len() {
                assert_eq!(read(&body.as_bytes()[..cut]), (cut, false), "{body:?} at {cut}");
            }
        }
    }

    #[test]
    fn every_octet_that_breaks_the_coding_is_found() {
        for (good, bad) in [
            ("", "\r\n"),
            ("", " 4\r\n"),
            ("", "+4\r\n"),
            ("", "-4\r\n"),
            ("0", "x4\r\n"),
            ("4", ";a=b\r\n"),
            ("4", " \r\n"),
            ("4", "\n"),
            ("4\r", "x"),
            ("4\r\nbody", "0\r\n\r\n"),
            ("4\r\nbody", "\n"),
            ("4\r\nbody\r", "\r"),
            ("3\r\nbod", "y\r\n"),
            ("FFFFFFFFFFFFFFFF", "F\r\n"),
            ("0000000000000000", "4\r\n"),
            ("0\r\n", "A: b\r\n\r\n"),
            ("0\r\n\r", "x"),
            ("0\r\n", "\n"),
            ("4\r\nbody\r\n", "\r\n"),
            ("", "g"),
            ("", "\0"),
            ("4\r\nbody\r\n", ";"),
        ] {
            let input = [good, bad].concat();
            assert_eq!(read(input.as_bytes()), (good.len(), false), "{input:?}");
            let mut chunks = Chunks::START;
            if !good.is_empty() {
                assert_eq!(chunks.read(good.as_bytes()), Ok(good.len()));
            }
            assert!(chunks.read(bad.as_bytes()).is_err(), "{input:?}");
        }
    }

    #[test]
    fn the_largest_size_does_not_overflow() {
        let mut chunks = Chunks::START;
        assert_eq!(chunks.read(b"FFFFFFFFFFFFFFFF\r\nx"), Ok(19));
        assert_eq!(chunks, Chunks::Data(u64::MAX - 1));
    }
}
