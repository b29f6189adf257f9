use core::num::NonZeroU32;
use core::str::FromStr;

use countersign_core::session::{Limit, OnLimit};

use super::super::desk::Desk;
use super::super::sessions::{OnNetworkChange, SessionRules};
use super::super::written::{Written, WrittenSecurity};

const MINUTE: u32 = 60;
const DAY: u32 = 86_400;

/// The most sessions that may be set as a limit: each login looks at all of its user.
const MOST: u64 = 10_000;

pub(super) fn check(desk: &mut Desk<'_>, written: &Written, dangers: &mut Vec<String>) -> SessionRules {
    let idle = desk.seconds("session_idle_days", written.session_idle_days, 7, 365) * DAY;
    let absolute = desk.seconds("session_days", written.session_days, 30, 365) * DAY;
    if idle > absolute {
        desk.contradiction(
            "session_idle_days",
            "is more than `session_days`, after which a session is over whether it is used or not; lower the one or raise \
             the other",
        );
    }
    let plain_passwords = written.danger_plain_passwords == Some(true);
    if plain_passwords {
        dangers.push("danger_plain_passwords: whoever is on the line can read passwords and bearer tokens".to_owned());
    }
    SessionRules {
        idle,
        absolute,
        limit: limit(desk, written),
        sensitive: desk.seconds("sensitive_minutes", written.sensitive_minutes, 5, 60) * MINUTE,
        plain_passwords,
        on_network_change: on_network_change(desk, &written.security),
    }
}

fn limit(desk: &mut Desk<'_>, written: &Written) -> Option<Limit> {
    let AtLimit(on_limit) = desk.text("on_limit", written.on_limit.as_deref(), AtLimit(OnLimit::Reject));
    if written.on_limit.is_some() && written.max_sessions.is_none() {
        desk.contradiction("on_limit", "has a use with `max_sessions` only; set that, or leave it out");
    }
    let max: u32 = desk.whole("max_sessions", written.max_sessions, 0, 1..=MOST);
    NonZeroU32::new(max).map(|max| Limit { max, on_limit })
}

struct AtLimit(OnLimit);

impl FromStr for AtLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "reject" => Ok(Self(OnLimit::Reject)),
            "evict_oldest" => Ok(Self(OnLimit::EvictOldest)),
            "evict_idle" => Ok(Self(OnLimit::EvictIdle)),
            _ => Err("it is none of them"),
        }
    }
}

fn on_network_change(desk: &mut Desk<'_>, written: &WrittenSecurity) -> OnNetworkChange {
    if written.challenge_on_network_change == Some(true) {
        desk.contradiction(
            "security.challenge_on_network_change",
            "cannot be true: this version of the guard has no challenges yet; leave it out, and choose \
             `security.on_network_change` to be \"warn\" or \"revoke\"",
        );
    }
    desk.text("security.on_network_change", written.on_network_change.as_deref(), OnNetworkChange::Warn)
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
