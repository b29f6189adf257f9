//! Where an HTTP/1.1 message ends.

use anyhow::Context as _;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// How many octets the message has that begins here, body and all; `None` while its head is not whole. Without a
/// `Content-Length` it has no body.
pub(crate) fn length(octets: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = octets.windows(END_OF_HEAD.len()).position(|octets| octets == END_OF_HEAD) else { return Ok(None) };
    let head = str::from_utf8(octets.get(..end).unwrap_or_default())?;
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let body = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.parse());
    let body: usize = body.transpose().context("a Content-Length is no number")?.unwrap_or_default();
    Ok(Some(end + END_OF_HEAD.len() + body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_with_the_last_octet_of_its_body() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(length(head).unwrap(), Some(head.len() + 2));
        assert_eq!(length(&head[..head.len() - 1]).unwrap(), None);
        assert_eq!(length(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap(), Some(27));
        assert!(length(b"GET / HTTP/1.1\r\ncontent-length: two\r\n\r\n").is_err());
    }
}
