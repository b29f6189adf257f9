use http::{HeaderValue, Method};

use countersign_core::envelope::Action;

use super::super::desk::Desk;
use super::super::envelope::{ActionMethod, ActionPath, Envelopes, MediaType, Target};
use super::super::written::{WrittenAction, WrittenEnvelope};

const KIB: u64 = 1 << 10;

pub(super) fn check(desk: &mut Desk<'_>, written: &WrittenEnvelope, max_buffered: u64) -> Envelopes {
    let max_message = desk.size("envelope.max_message", written.max_message, 256 * KIB, KIB..=64 * KIB * KIB);
    if max_message > max_buffered {
        desk.contradiction(
            "envelope.max_message",
            "is more than `max_buffered`, which all messages together may take; lower the one or raise the other",
        );
    }
    let all = desk.whole("envelope.max_connections", written.max_connections, 1_024, 1..=1_000_000);
    let from_one = written.max_connections_per_address;
    Envelopes {
        max_message: usize::try_from(max_message).unwrap_or(usize::MAX),
        in_flight: desk.whole("envelope.in_flight", written.in_flight, 16, 1..=1_024),
        idle: desk.seconds("envelope.idle_seconds", written.idle_seconds, 300, 86_400),
        max_connections: all,
        max_connections_per_address: desk.whole(
            "envelope.max_connections_per_address",
            from_one,
            all.min(64),
            1..=u64::try_from(all).unwrap_or(u64::MAX),
        ),
        actions: actions(desk, &written.action),
    }
}

fn actions(desk: &mut Desk<'_>, written: &[WrittenAction]) -> Vec<(Action, Target)> {
    let mut actions: Vec<(Action, Target)> = Vec::new();
    for (index, action) in written.iter().enumerate() {
        let at = format!("envelope.action[{index}]");
        let Some(action) = one(desk, &at, action) else { continue };
        if actions.iter().any(|(other, _)| *other == action.0) {
            let sentence = format!("{} stands for two requests; give one of them another name", action.0);
            desk.contradiction(&format!("{at}.name"), &sentence);
        }
        actions.push(action);
    }
    actions
}

fn one(desk: &mut Desk<'_>, at: &str, written: &WrittenAction) -> Option<(Action, Target)> {
    for (field, value) in [("name", &written.name), ("path", &written.path)] {
        if value.is_none() {
            desk.wrong(&format!("{at}.{field}"), None, "it is missing");
        }
    }
    let action = desk.read(&format!("{at}.name"), written.name.as_deref(), None, |text| {
        text.parse().map(Some).map_err(|_| "it is something else".to_owned())
    });
    let path: Option<ActionPath> = desk.optional(&format!("{at}.path"), written.path.as_deref());
    let method = desk.text(&format!("{at}.method"), written.method.as_deref(), ActionMethod(Method::POST));
    let content_type = written.content_type.as_deref();
    let json = MediaType(HeaderValue::from_static("application/json"));
    let content_type = desk.text(&format!("{at}.content_type"), content_type, json);
    let target = Target { method: method.0, path: path?.0, content_type: content_type.0 };
    Some((action?, target))
}
