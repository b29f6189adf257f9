use super::super::desk::Desk;
use super::super::forwardable::forwardable;
use super::super::limits::Sizes;
use super::super::route::{Accept, Route, Routes};
use super::super::route_path::RoutePath;
use super::super::written::WrittenRoute;
use super::quotas::{LONGEST_BODY, MORE_THAN_SPOOLED};

pub(super) fn check(desk: &mut Desk<'_>, written: &[WrittenRoute], sizes: &Sizes, dangers: &mut Vec<String>) -> Routes {
    let mut routes: Vec<Route> = Vec::new();
    for (index, route) in written.iter().enumerate() {
        let at = format!("route[{index}]");
        let Some(route) = one(desk, &at, route, sizes) else { continue };
        if routes.iter().any(|other| other.path == route.path) {
            desk.contradiction(
                &format!("{at}.path"),
                &format!("{} stands in two routes; make one of them", route.path),
            );
        }
        if route.accept == Accept::DangerAnyone {
            dangers.push(format!("route {}: accept = \"danger-anyone\" lets everybody pass, unsigned", route.path));
        }
        routes.push(route);
    }
    Routes::new(routes, sizes.max_body)
}

fn one(desk: &mut Desk<'_>, at: &str, written: &WrittenRoute, sizes: &Sizes) -> Option<Route> {
    if written.path.is_none() {
        desk.wrong(&format!("{at}.path"), None, "it is missing");
    }
    let path: Option<RoutePath> = desk.optional(&format!("{at}.path"), written.path.as_deref());
    let accept = desk.text(&format!("{at}.accept"), written.accept.as_deref(), Accept::Signature);
    let raw_path = written.raw_path.unwrap_or(false);
    // Such a path can climb out of its route in the eyes of the API: /public/../admin would pass unsigned.
    if raw_path && accept == Accept::DangerAnyone {
        desk.contradiction(
            &format!("{at}.raw_path"),
            "must not be true where `accept` is \"danger-anyone\": a path with .. in it would lead anybody out of the \
             route; leave one of the two out",
        );
    }
    let max_body = desk.size(&format!("{at}.max_body"), written.max_body, sizes.max_body, 0..=LONGEST_BODY);
    if written.max_body.is_some() && accept != Accept::DangerAnyone && max_body > sizes.max_spooled {
        desk.contradiction(&format!("{at}.max_body"), MORE_THAN_SPOOLED);
    }
    let forward = written.forward_unsigned.as_deref();
    Some(Route {
        accept,
        forward_unsigned: desk.list(&format!("{at}.forward_unsigned"), forward, forwardable),
        max_body,
        max_stream: stream(desk, at, written),
        raw_path,
        keep_outcomes: written.keep_outcomes.unwrap_or(true),
        websocket: written.websocket.unwrap_or(false),
        path: path?,
    })
}

/// A stream is passed on as it comes and takes no room, so it has no limit unless somebody sets one.
fn stream(desk: &mut Desk<'_>, at: &str, written: &WrittenRoute) -> Option<u64> {
    let is_taken = written.stream.unwrap_or(false);
    if written.max_stream.is_some() && !is_taken {
        desk.contradiction(
            &format!("{at}.max_stream"),
            "limits streams, and this route takes none; add `stream = true`, or leave it out",
        );
    }
    let most = desk.size(&format!("{at}.max_stream"), written.max_stream, u64::MAX, 1..=u64::MAX);
    is_taken.then_some(most)
}
