//! An answer as it is kept: what the API said, without the signature that one request got for it.

use crate::encoding::{Reader, put_lp};

/// The longest answer that is kept, in octets of [`KeptAnswer::write`].
pub const MAX_KEPT: usize = 64 * 1_024;

/// Status, fields and body of an answer. It goes out again signed anew, for the request that asks then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status.
    pub status: u16,
    /// Each field line, its name in lower case.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl KeptAnswer {
    /// `u16 status ‖ u16 number of fields ‖ (lp(name) ‖ lp(value))… ‖ body`; none when that is too long to be kept.
    pub fn write(&self) -> Option<Vec<u8>> {
        let mut octets = self.status.to_be_bytes().to_vec();
        octets.extend_from_slice(&u16::try_from(self.fields.len()).ok()?.to_be_bytes());
        for (name, value) in &self.fields {
            put_lp(&mut octets, name.as_bytes());
            put_lp(&mut octets, value);
        }
        octets.extend_from_slice(&self.body);
        if octets.len() <= MAX_KEPT { Some(octets) } else { None }
    }

    /// Reads what [`write`](Self::write) wrote; none for anything else.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        let status = reader.array().map(u16::from_be_bytes)?;
        let count = reader.array().map(u16::from_be_bytes)?;
        let fields = (0..count).map(|_| {
            let name = String::from_utf8(reader.lp()?.to_vec()).ok()?;
            Some((name, reader.lp()?.to_vec()))
        });
        let fields = fields.collect::<Option<_>>()?;
        Some(Self { status, fields, body: reader.rest().to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(body: usize) -> KeptAnswer {
        KeptAnswer { status: 201, fields: vec![("etag".into(), b"\"1\"".to_vec())], body: vec![7; body] }
    }

    #[test]
    fn an_answer_of_64_kib_is_kept_and_an_octet_more_is_not() {
        let frame = 2 + 2 + (4 + "etag".len()) + (4 + "\"1\"".len());
        assert!(answer(MAX_KEPT - frame).write().is_some());
        assert!(answer(MAX_KEPT - frame + 1).write().is_none());
    }

    #[test]
    fn what_is_cut_off_is_no_answer() {
        let written = answer(0).write().unwrap();
        for end in 0..written.len() {
            assert_eq!(KeptAnswer::read(&written[..end]), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn every_answer_reads_back_as_written(
            status in 200..600_u16,
            fields in proptest::collection::vec(("[a-z-]{1,12}", proptest::collection::vec(any::<u8>(), 0..20)), 0..6),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let answer = KeptAnswer { status, fields, body };
            prop_assert_eq!(KeptAnswer::read(&answer.write().unwrap()), Some(answer));
        }
    }
}
