use core::str::FromStr;

use countersign_core::token::AccessLifetime;

use super::super::desk::Desk;
use super::super::tokens::{TokenFormat, Tokens};
use super::super::written::Written;

const MINUTE: u32 = 60;
const DAY: u32 = 86_400;

pub(super) fn check(desk: &mut Desk<'_>, written: &Written) -> Tokens {
    let lifetime = desk.seconds("access_token_minutes", written.access_token_minutes, 15, 60) * MINUTE;
    Tokens {
        format: desk.text("token_format", written.token_format.as_deref(), TokenFormat::Jwt),
        lifetime: AccessLifetime::of(lifetime).unwrap_or(AccessLifetime::DEFAULT),
        ip_claim: written.token_ip_claim.unwrap_or(false),
        key_age: desk.seconds("token_key_days", written.token_key_days, 90, 365) * DAY,
    }
}

impl FromStr for TokenFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "jwt" => Ok(Self::Jwt),
            "opaque" => Ok(Self::Opaque),
            _ => Err("it is neither"),
        }
    }
}
