//! Reading past signatures that are not ours.
//!
//! An intermediary may sign too, in ways that our profile does not know (RFC 9421 §4.3). Its member of the dictionary is
//! read by the full grammar of RFC 9651, only to find out where it ends and whether it claims our tag.

use super::cursor::Cursor;
use super::malformed::Malformed;

const RULE: &str = "a dictionary is malformed";

/// Reads past the value of a member of `Signature-Input`; gives its `tag`, escapes and all.
pub(super) fn read_past<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    if cursor.eat(b"(") {
        loop {
            spaces(cursor);
            if cursor.eat(b")") {
                break;
            }
            bare_item(cursor)?;
            parameters(cursor)?;
            if !matches!(cursor.rest().first(), Some(b' ' | b')')) {
                return Err(Malformed(RULE));
            }
        }
    } else {
        bare_item(cursor)?;
    }
    let tag = parameters(cursor)?;
    match cursor.rest().first() {
        None | Some(b',' | b' ' | b'\t') => Ok(tag),
        Some(_) => Err(Malformed(RULE)),
    }
}

/// Reads past parameters; gives the last `tag`, as RFC 9651 §4.2.3.2 has it.
fn parameters<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let mut tag = None;
    while cursor.eat(b";") {
        spaces(cursor);
        let key = cursor.key()?;
        if !cursor.eat(b"=") {
            continue;
        }
        let value = *cursor;
        bare_item(cursor)?;
        if key == b"tag" {
            tag = value.until(*cursor).strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
        }
    }
    Ok(tag)
}

/// Reads past an item of any type (RFC 9651 §4.2.3.1).
fn bare_item(cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    let taken = match cursor.rest().first() {
        Some(b'"') => return cursor.string().map(drop),
        Some(b':') => return cursor.byte_sequence().map(drop),
        Some(b'%') => return display_string(cursor),
        Some(b'?') => {
            cursor.eat(b"?");
            return if cursor.eat(b"0") || cursor.eat(b"1") { Ok(()) } else { Err(Malformed(RULE)) };
        }
        Some(b'-' | b'0'..=b'9' | b'@') => {
            let _ = cursor.eat(b"@");
            let _ = cursor.eat(b"-");
            cursor.take_while(|octet| matches!(octet, b'0'..=b'9' | b'.'))
        }
        Some(b'A'..=b'Z' | b'a'..=b'z' | b'*') => cursor.take_while(is_token),
        _ => return Err(Malformed(RULE)),
    };
    if taken.is_empty() { Err(Malformed(RULE)) } else { Ok(()) }
}

fn display_string(cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    cursor.expect(b"%\"", RULE)?;
    cursor.take_while(|octet| matches!(octet, 0x20 | 0x21 | 0x23..=0x7e));
    cursor.expect(b"\"", RULE)
}

fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&octet)
}

fn spaces(cursor: &mut Cursor<'_>) {
    cursor.take_while(|octet| octet == b' ');
}
