//! The whole guard over sockets: requests with a signature each, as a ratio to the same guard's route that asks for none.

mod load;

use countersign_core::signature::{Field, RequestHead, SignatureParams, sha256_digest_field, sign_request};
use countersign_server::edge;

use self::load::per_second;
use crate::micro::{Crowd, RunningGuard, octets};
use crate::spread::Spread;

/// Requests of one measurement.
const REQUESTS: usize = 4_000;

/// Measurements of either kind, by turns.
const ROUNDS: usize = 9;

/// An open route, and a window wide enough for requests that are signed beforehand.
const CONFIGURATION: &str = "window_seconds = 300\n[[route]]\npath = \"/open\"\naccept = \"danger-anyone\"\n";

/// Measures, and prints what came out.
pub(crate) fn run() -> anyhow::Result<()> {
    let guard = RunningGuard::start_with(CONFIGURATION)?;
    let accounts = &guard.app().accounts;
    let crowd = Crowd::enrolled_in(&accounts.keyring, &accounts.secrets.kek)?;
    let authority = guard.address().to_string();
    let open = vec![plain(&authority); REQUESTS];
    let (mut unguarded, mut guarded, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let signed = (0..REQUESTS).map(|number| signed(&crowd, &authority, round * REQUESTS + number));
        let signed = signed.collect::<anyhow::Result<Vec<_>>>()?;
        let bare = per_second(guard.address(), &open)?;
        let with_signature = per_second(guard.address(), &signed)?;
        unguarded.push(bare);
        guarded.push(with_signature);
        ratios.push(with_signature / bare);
    }
    println!("{:<34} {:>10} {:>20}", "echo route, GET, 8 connections", "a second", "quartiles");
    line("asks for no signature", Spread::of(unguarded), 0);
    line("verifies and signs", Spread::of(guarded), 0);
    line("ratio", Spread::of(ratios), 2);
    guard.stop()
}

fn line(name: &str, Spread { lower, median, upper }: Spread, places: usize) {
    println!("{name:<34} {median:>10.places$} {:>20}", format!("{lower:.places$} to {upper:.places$}"));
}

fn plain(authority: &str) -> Vec<u8> {
    format!("GET /open/me?x=1 HTTP/1.1\r\nHost: {authority}\r\nAccept: */*\r\n\r\n").into_bytes()
}

fn signed(crowd: &Crowd, authority: &str, number: usize) -> anyhow::Result<Vec<u8>> {
    let (key, keys) = crowd.member(number)?;
    let mut nonce = [0; 32];
    nonce.iter_mut().zip([octets(number), octets(usize::MAX)].concat()).for_each(|(place, octet)| *place = octet);
    let digest = sha256_digest_field(b"");
    let fields = [Field { name: "content-digest", value: digest.as_bytes() }];
    let head = RequestHead { method: "GET", authority, path: "/closed/me", query: Some("x=1"), fields: &fields };
    let created_secs = edge::now().wall.as_secs();
    let params = SignatureParams { keyid: key.as_str(), nonce, created_secs, expires_secs: None };
    let signature = sign_request(&keys.c2s, &params, &head)?;
    let (input, mac) = (signature.signature_input(), signature.signature());
    Ok(format!(
        "GET /closed/me?x=1 HTTP/1.1\r\nHost: {authority}\r\nAccept: */*\r\nContent-Digest: {digest}\r\n\
         Signature-Input: {input}\r\nSignature: {mac}\r\n\r\n"
    )
    .into_bytes())
}
