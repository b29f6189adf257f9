use core::str::FromStr;

use super::super::desk::Desk;
use super::super::sessions::{OnNetworkChange, SessionRules};
use super::super::written::Written;

const DAY: u32 = 86_400;

pub(super) fn check(desk: &mut Desk<'_>, written: &Written) -> SessionRules {
    let idle = desk.seconds("session_idle_days", written.session_idle_days, 7, 365) * DAY;
    let absolute = desk.seconds("session_days", written.session_days, 30, 365) * DAY;
    if idle > absolute {
        desk.contradiction(
            "session_idle_days",
            "is more than `session_days`, after which a session is over whether it is used or not; lower the one or raise \
             the other",
        );
    }
    if written.security.challenge_on_network_change == Some(true) {
        desk.contradiction(
            "security.challenge_on_network_change",
            "cannot be true: this version of the guard has no challenges yet; leave it out, and choose \
             `security.on_network_change` to be \"warn\" or \"revoke\"",
        );
    }
    let on_network_change = written.security.on_network_change.as_deref();
    SessionRules {
        idle,
        absolute,
        on_network_change: desk.text("security.on_network_change", on_network_change, OnNetworkChange::Warn),
    }
}

impl FromStr for OnNetworkChange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "warn" => Ok(Self::Warn),
            "revoke" => Ok(Self::Revoke),
            "challenge" => Err("this version of the guard has no challenges yet"),
            _ => Err("it is neither"),
        }
    }
}
