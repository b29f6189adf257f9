//! The parameters of a signature (RFC 9421 §2.3).

use super::cursor::Cursor;
use super::keyid::KeyidText;
use super::malformed::Malformed;

/// The parameters, as received. `alg` is checked and not kept: the algorithm comes from the key's record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<'a> {
    /// Seconds since the epoch.
    pub(super) created: u64,
    /// Seconds since the epoch, not before `created`.
    pub(super) expires: Option<u64>,
    /// Between the quotes, not yet decoded.
    pub(super) nonce: &'a [u8],
    /// Any string of up to 256 octets.
    pub(super) keyid: KeyidText<'a>,
    /// Between the quotes, escapes and all.
    pub(super) tag: &'a [u8],
}

#[derive(Default)]
struct Read<'a> {
    created: Option<u64>,
    expires: Option<u64>,
    nonce: Option<&'a [u8]>,
    alg: Option<()>,
    keyid: Option<KeyidText<'a>>,
    tag: Option<&'a [u8]>,
}

impl<'a> Parameters<'a> {
    /// Reads parameters in any order, each at most once, in their one spelling. `member` is where the list began.
    pub(super) fn read(cursor: &mut Cursor<'a>, member: Cursor<'a>) -> Result<Self, Malformed> {
        let mut read = Read::default();
        while cursor.eat(b";") {
            if cursor.eat(b"created=") {
                once(&mut read.created, seconds(cursor)?)?;
            } else if cursor.eat(b"nonce=") {
                once(&mut read.nonce, cursor.string()?)?;
            } else if cursor.eat(b"keyid=") {
                once(&mut read.keyid, KeyidText::read(cursor, member)?)?;
            } else if cursor.eat(b"tag=") {
                once(&mut read.tag, cursor.string()?)?;
            } else if cursor.eat(b"alg=") {
                once(&mut read.alg, cursor.expect(b"\"hmac-sha256\"", "alg is not hmac-sha256")?)?;
            } else if cursor.eat(b"expires=") {
                once(&mut read.expires, seconds(cursor)?)?;
            } else {
                return Err(Malformed("a signature has a parameter that the profile does not know"));
            }
        }
        read.complete()
    }
}

impl<'a> Read<'a> {
    fn complete(self) -> Result<Parameters<'a>, Malformed> {
        let (Some(created), Some(nonce), Some(keyid), Some(tag)) = (self.created, self.nonce, self.keyid, self.tag)
        else {
            return Err(Malformed("created, nonce, keyid and tag are required"));
        };
        if self.expires.is_some_and(|expires| expires < created) {
            return Err(Malformed("expires lies before created"));
        }
        Ok(Parameters { created, expires: self.expires, nonce, keyid, tag })
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed("a parameter is repeated")),
    }
}

/// `[1-9][0-9]{9,12}`: from the year 2001 on, without sign, fraction or leading zero.
fn seconds(cursor: &mut Cursor<'_>) -> Result<u64, Malformed> {
    const RULE: &str = "created and expires are 10 to 13 digits";
    let digits = cursor.take_while(|octet| octet.is_ascii_digit());
    match digits {
        [b'1'..=b'9', ..] if (10..=13).contains(&digits.len()) => {
            Ok(digits.iter().fold(0, |seconds, digit| seconds * 10 + u64::from(digit - b'0')))
        }
        _ => Err(Malformed(RULE)),
    }
}
