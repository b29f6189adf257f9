//! Mistakes with the value of one component.

use sha2::{Digest as _, Sha512};

use super::Mistake;
use crate::encoding::b64;
use crate::signature::digest::sha256_digest_field;
use crate::signature::field::trimmed;
use crate::signature::head::RequestHead;
use crate::signature::received::Received;

/// What the signer may have done, and the value that comes of it.
type Variant = (&'static str, String);

/// The component that the signer gave another value, if it is one of those that we know.
pub(super) fn mistake(
    received: &Received,
    head: &RequestHead<'_>,
    body: &[u8],
    holds: &dyn Fn(&str) -> bool,
) -> Option<Mistake> {
    let base = received.base.as_str();
    for (name, value) in received.components() {
        let line = format!("\"{name}\": {value}\n");
        if holds(&base.replacen(&line, "", 1)) {
            let deed = "listed the component, but left its line out of the base";
            return Some(Mistake { component: name.to_owned(), deed, value: None });
        }
        for (deed, variant) in variants(name, value, head, body) {
            if holds(&base.replacen(&line, &format!("\"{name}\": {variant}\n"), 1)) {
                return Some(Mistake { component: name.to_owned(), deed, value: Some(variant) });
            }
        }
    }
    None
}

fn variants(name: &str, value: &str, head: &RequestHead<'_>, body: &[u8]) -> Vec<Variant> {
    match name {
        "@method" => methods(value),
        "@authority" => authorities(value, head),
        "@path" => paths(value, head),
        "@query" => queries(value),
        "content-digest" => digests(value, body),
        _ => fields(name, value, head),
    }
}

fn methods(value: &str) -> Vec<Variant> {
    let others = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
        .map(|method| ("signed another method", method.to_owned()));
    let cases = [
        ("wrote the method in lower case", value.to_lowercase()),
        ("wrote the method in upper case", value.to_uppercase()),
    ];
    cases.into_iter().chain(others).collect()
}

fn authorities(value: &str, head: &RequestHead<'_>) -> Vec<Variant> {
    let host = head.fields.iter().find(|field| field.name == "host").map(|field| String::from_utf8_lossy(field.value));
    let bare = value.rsplit_once(':').map_or(value, |(host, _)| host);
    let mut variants = vec![
        ("took the authority as it stands in Host", host.unwrap_or_default().into_owned()),
        ("wrote the authority in upper case", value.to_uppercase()),
        ("added the default port 443", format!("{value}:443")),
        ("added the default port 80", format!("{value}:80")),
        ("left out the port", bare.to_owned()),
        ("put the scheme before the authority", format!("https://{value}")),
        ("put the scheme before the authority", format!("http://{value}")),
        ("ended the host with a dot", format!("{value}.")),
    ];
    variants.extend(["localhost", "127.0.0.1", "[::1]"].map(|host| {
        let port = value.rsplit_once(':').map_or(String::new(), |(_, port)| format!(":{port}"));
        ("called the server by another name", format!("{host}{port}"))
    }));
    variants
}

fn paths(value: &str, head: &RequestHead<'_>) -> Vec<Variant> {
    let target = head.query.map_or(value.to_owned(), |query| format!("{value}?{query}"));
    vec![
        ("decoded the path", decoded(value)),
        ("encoded the path once more", value.replace('%', "%25")),
        ("wrote spaces as plus signs", value.replace("%20", "+")),
        ("wrote percent-encodings in lower case", lower_case_encodings(value)),
        ("ended the path with a slash", format!("{value}/")),
        ("left out the slash at the end", value.trim_end_matches('/').to_owned()),
        ("left out the slash at the beginning", value.trim_start_matches('/').to_owned()),
        ("wrote the path in lower case", value.to_lowercase()),
        ("put the query behind the path", target.clone()),
        ("signed the whole URL as the path", format!("https://{}{target}", head.authority)),
        ("signed the whole URL as the path", format!("http://{}{target}", head.authority)),
    ]
}

fn queries(value: &str) -> Vec<Variant> {
    let bare = value.trim_start_matches('?');
    let mut pairs: Vec<&str> = bare.split('&').collect();
    pairs.sort_unstable();
    vec![
        ("left out the question mark", bare.to_owned()),
        ("signed an empty query", "?".to_owned()),
        ("signed an empty query without its question mark", String::new()),
        ("decoded the query", decoded(value)),
        ("wrote spaces as plus signs", value.replace("%20", "+")),
        ("wrote spaces as %20", value.replace('+', "%20")),
        ("wrote percent-encodings in lower case", lower_case_encodings(value)),
        ("sorted the parameters of the query", format!("?{}", pairs.join("&"))),
    ]
}

fn digests(value: &str, body: &[u8]) -> Vec<Variant> {
    let with_line_feed = [body, b"\n"].concat();
    let trimmed_body = body.trim_ascii();
    let sha512 = format!("sha-512=:{}:", b64(&Sha512::digest(body)));
    vec![
        ("signed the digest of this body, but sent another", sha256_digest_field(body)),
        ("signed the SHA-512 digest of this body, but sent another", sha512),
        ("signed the digest of the empty body", sha256_digest_field(b"")),
        ("signed the digest of the body with a line feed at its end", sha256_digest_field(&with_line_feed)),
        ("signed the digest of the body without the white space at its ends", sha256_digest_field(trimmed_body)),
        (
            "wrote the digest as base64url",
            value.replacen("=:", "\0", 1).replace('+', "-").replace('/', "_").replace('\0', "=:"),
        ),
        ("wrote the digest without its colons", value.replacen("=:", "=", 1).trim_end_matches(':').to_owned()),
        ("wrote the digest without the name of its algorithm", value.trim_start_matches("sha-256=").to_owned()),
        ("wrote the name of the algorithm in upper case", value.replace("sha-", "SHA-")),
    ]
}

fn fields(name: &str, value: &str, head: &RequestHead<'_>) -> Vec<Variant> {
    let lines: Vec<_> = head.fields.iter().filter(|field| field.name == name).collect();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let values: Vec<String> = lines.iter().map(|line| text(trimmed(line.value))).collect();
    let untrimmed: Vec<String> = lines.iter().map(|line| text(line.value)).collect();
    let media_type = value.split(';').next().unwrap_or_default().trim_end().to_owned();
    vec![
        ("left the white space at the ends of the value", untrimmed.join(", ")),
        ("left a space at the end of the value", format!("{value} ")),
        ("left a space at the beginning of the value", format!(" {value}")),
        ("wrote the value in lower case", value.to_lowercase()),
        ("joined the lines by commas without a space", values.join(",")),
        ("joined the lines by commas", values.join(", ")),
        ("joined the lines by semicolons", values.join("; ")),
        ("joined the lines by line feeds", values.join("\n")),
        ("took the first line alone", values.first().cloned().unwrap_or_default()),
        ("took the last line alone", values.last().cloned().unwrap_or_default()),
        ("wrote the value without quotes", value.replace('"', "")),
        ("put the value into quotes", format!("\"{value}\"")),
        ("left out what follows the semicolon", media_type.clone()),
        ("signed a charset that was not sent", format!("{media_type};charset=utf-8")),
        ("signed a charset that was not sent", format!("{media_type}; charset=utf-8")),
        ("signed an empty value", String::new()),
        ("left the white space within the value as one space", value.split_whitespace().collect::<Vec<_>>().join(" ")),
    ]
}

/// The text with its percent-encodings decoded, as far as that gives text.
fn decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.split_first_chunk::<2>().filter(|_| *first == b'%');
        let encoded = digits.and_then(|(digits, after)| {
            let octet = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
            Some((octet, after))
        });
        let (octet, after) = encoded.unwrap_or((*first, after));
        octets.push(octet);
        rest = after;
    }
    String::from_utf8_lossy(&octets).into_owned()
}

fn lower_case_encodings(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        format!("{text}%{}{rest}", digits.to_ascii_lowercase())
    })
}
