//! A request as raw HTTP/1.1, out of a file.

use anyhow::{Context as _, bail};
use countersign_core::authority::Authority;
use countersign_core::signature::{Field, RequestHead};

/// A request that was read from a file; it need not be a good one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawRequest {
    method: String,
    authority: Authority,
    path: String,
    query: Option<String>,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl RawRequest {
    /// Reads it: request line, header fields, an empty line, the body. Lines may end in CR LF or, as editors leave them,
    /// in LF. `Host` names the authority, or the target does when it is a whole URL.
    pub(super) fn read(octets: &[u8]) -> anyhow::Result<Self> {
        let mut rest = octets;
        let request_line = str::from_utf8(line(&mut rest)).context("the first line is no text")?;
        let (method, target) = match request_line.split(' ').collect::<Vec<_>>().as_slice() {
            [method, target, "HTTP/1.1" | "HTTP/1.0"] => ((*method).to_owned(), *target),
            _ => bail!("the first line is no request line, such as GET /v1/me HTTP/1.1"),
        };
        let fields = fields(&mut rest)?;
        let (named, target) = split_target(target);
        let host = fields.iter().find(|(name, _)| name == "host").map(|(_, value)| value.as_slice());
        let host = named.map(str::as_bytes).or(host).context("there is no Host header, so no @authority")?;
        let authority = str::from_utf8(host).context("Host is no text")?.parse().context("Host")?;
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (target.to_owned(), None),
        };
        let length = fields.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value);
        let length = length.and_then(|value| str::from_utf8(value).ok()?.parse::<usize>().ok());
        // What follows the announced length is the line end that an editor added.
        let body = rest.get(..length.unwrap_or(rest.len())).unwrap_or(rest).to_vec();
        Ok(Self { method, authority, path, query, fields, body })
    }

    /// The body.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Its fields, as a head holds them.
    pub(super) fn fields(&self) -> Vec<Field<'_>> {
        self.fields.iter().map(|(name, value)| Field { name, value }).collect()
    }

    /// Its head.
    pub(super) fn head<'a>(&'a self, fields: &'a [Field<'a>]) -> RequestHead<'a> {
        RequestHead {
            method: &self.method,
            authority: self.authority.as_str(),
            path: &self.path,
            query: self.query.as_deref(),
            fields,
        }
    }
}

/// Takes a line off the front, without its end.
fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|octet| *octet == b'\n').map_or(rest.len(), |end| end + 1);
    let (front, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    *rest = after;
    let front = front.strip_suffix(b"\n").unwrap_or(front);
    front.strip_suffix(b"\r").unwrap_or(front)
}

fn fields(rest: &mut &[u8]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut fields = Vec::new();
    loop {
        let line = line(rest);
        if line.is_empty() {
            return Ok(fields);
        }
        let colon = line.iter().position(|octet| *octet == b':').context("a header line has no colon")?;
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
        let name = str::from_utf8(name).context("the name of a header is no text")?;
        let value = value.strip_prefix(b":").unwrap_or(value);
        fields.push((name.to_ascii_lowercase(), value.trim_ascii().to_vec()));
    }
}

/// The authority of a target that is a whole URL, and the rest of it.
fn split_target(target: &str) -> (Option<&str>, &str) {
    let rest = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    match rest.map(|rest| rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))) {
        Some(Some((authority, ""))) => (Some(authority), "/"),
        Some(Some((authority, rest))) => (Some(authority), rest),
        _ => (None, target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_either_line_end() {
        let crlf = b"POST /a?b=c HTTP/1.1\r\nHost: API.example.com\r\nX-A:  1 \r\nContent-Length: 2\r\n\r\n{}\n";
        let lf = b"POST /a?b=c HTTP/1.1\nHost: API.example.com\nX-A:  1 \nContent-Length: 2\n\n{}\n";
        let read = RawRequest::read(crlf).unwrap();
        assert_eq!(RawRequest::read(lf).unwrap(), read);
        assert_eq!((read.path.as_str(), read.query.as_deref(), read.body()), ("/a", Some("b=c"), b"{}".as_slice()));
        assert_eq!(read.authority.as_str(), "api.example.com");
        assert_eq!(read.fields[1], ("x-a".to_owned(), b"1".to_vec()));
        let absolute = RawRequest::read(b"GET http://a.example/x HTTP/1.1\nHost: b.example\n\n").unwrap();
        assert_eq!((absolute.authority.as_str(), absolute.path.as_str()), ("a.example", "/x"));
    }

    #[test]
    fn what_is_no_request_is_named() {
        for (octets, said) in [
            (b"".as_slice(), "first line"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "first line"),
            (b"GET / HTTP/1.1\r\n\r\n", "Host"),
            (b"GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", "colon"),
            (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "Host"),
        ] {
            let error = format!("{:#}", RawRequest::read(octets).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }
}
