//! What `countersign call` prints besides the body.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_client::conversation::ClockChange;
use countersign_client::{Answer, CallError};
use http::{HeaderMap, StatusCode, Version};
use serde::Serialize;

use super::status_line;

/// What is known after a call.
pub(super) struct Facts<'a> {
    pub(super) keyid: &'a str,
    pub(super) offset_ms: i64,
    pub(super) called: &'a Result<Answer, CallError>,
}

/// The object that `--json` prints; the order of its members is part of the contract.
#[derive(Serialize)]
struct Report<'a> {
    status: Option<u16>,
    verified: bool,
    keyid: &'a str,
    server_time_ms: Option<u64>,
    offset_ms: i64,
    problem: Option<&'a str>,
    interference: Option<&'a str>,
    body_b64: Option<String>,
}

impl Facts<'_> {
    /// The object and a line end.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let mut report = Report {
            status: None,
            verified: false,
            keyid: self.keyid,
            server_time_ms: None,
            offset_ms: self.offset_ms,
            problem: None,
            interference: None,
            body_b64: None,
        };
        match self.called {
            Ok(answer) => {
                let verified = &answer.verified;
                report.status = Some(verified.status.as_u16());
                report.verified = true;
                report.server_time_ms = Some(verified.server_time.as_millis());
                report.problem = verified.problem.map(|problem| problem.code);
                report.body_b64 = Some(STANDARD.encode(&verified.body));
            }
            Err(CallError::Interference(class)) => report.interference = Some(class.as_str()),
            Err(CallError::Unverified(answer)) => report.status = Some(answer.status.as_u16()),
            Err(_) => {}
        }
        Ok(serde_json::to_string(&report)? + "\n")
    }
}

/// The version in which it came, the status and the covered headers, in the layout of HTTP/1.1.
pub(super) fn head(version: Version, status: StatusCode, covered: &HeaderMap) -> Vec<u8> {
    // As curl writes it: HTTP/2 has no minor version (RFC 9113 §1.1).
    let version = if version == Version::HTTP_2 { "HTTP/2".to_owned() } else { format!("{version:?}") };
    let mut head = format!("{version} {}\r\n", status_line(status)).into_bytes();
    for (name, value) in covered {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// How the clock was corrected, for a person.
pub(super) fn correction(change: ClockChange) -> String {
    let apart = Duration::from_millis(change.to_ms.unsigned_abs());
    if apart < Duration::from_secs(1) {
        return "this machine's clock agrees with the server's again".to_owned();
    }
    let apart = match (apart + Duration::from_millis(500)).as_secs() {
        0..=120 => format!("{:.1} s", apart.as_secs_f64()),
        whole => humantime::format_duration(Duration::from_secs(whole)).to_string(),
    };
    let which = if change.to_ms < 0 { "ahead of" } else { "behind" };
    let advice = if change.is_jump() { "; set this machine's clock" } else { "" };
    format!("this machine's clock is {apart} {which} the server's; corrected for this server{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_the_report_stand_in_the_order_of_the_contract() {
        let called = Err(CallError::Interference(countersign_client::Interference::BadMac));
        let facts = Facts { keyid: "k7f3a9c2d4e5b6a1c", offset_ms: -40, called: &called };
        assert_eq!(
            facts.json().unwrap(),
            concat!(
                r#"{"status":null,"verified":false,"keyid":"k7f3a9c2d4e5b6a1c","server_time_ms":null,"offset_ms":-40,"#,
                r#""problem":null,"interference":"bad-mac","body_b64":null}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_correction_says_by_how_much_and_which_way() {
        let ahead = correction(ClockChange { from_ms: 0, to_ms: -73_012 });
        assert_eq!(ahead, "this machine's clock is 73.0 s ahead of the server's; corrected for this server");
        let behind = correction(ClockChange { from_ms: 0, to_ms: 3_599_900 });
        assert!(behind.contains("1h behind") && behind.ends_with("set this machine's clock"), "{behind}");
        let set = correction(ClockChange { from_ms: -3_600_000, to_ms: 2 });
        assert_eq!(set, "this machine's clock agrees with the server's again");
    }
}
