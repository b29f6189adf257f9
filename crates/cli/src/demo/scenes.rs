//! All that a man in the middle is shown to try, and what should come of it.

use countersign_client::Interference;
use countersign_core::problem::Problem;

use super::evidence::{Expected, Said};
use super::middle::Message;
use super::scene::{Act, Scene};
use super::trick::{Trick, forge, strip};

const SERVED: &[Said] = &[Said::Verified(201)];
const MISSING_SIGNATURE: &[Said] = &[Said::Interference(Interference::MissingSignature)];
const BAD_MAC: &[Said] = &[Said::Interference(Interference::BadMac)];
const DIGEST: &[Said] = &[Said::Interference(Interference::Digest)];
const WRONG_REQUEST: &[Said] = &[Said::Interference(Interference::WrongRequest)];

/// A call of the client in which the man in the middle does this.
const fn calling(name: &'static str, trick: Trick, expected: Expected, caught_by: &'static str) -> Scene {
    Scene { name, act: Act::Call, trick, expected, caught_by }
}

/// A request whose signature does not hold once it is changed. The guard signs its refusal over what it received, so the
/// client sees that this is not what it sent.
const fn changing(name: &'static str, change: fn(&mut Message)) -> Scene {
    let expected = Expected { said: BAD_MAC, acts: 0, refusals: &["unauthorized"] };
    calling(name, Trick::Change(change), expected, "guard, client")
}

/// An answer that is changed: the request has acted, and the client believes nothing.
const fn answering(name: &'static str, change: fn(&mut Message), said: &'static [Said]) -> Scene {
    calling(name, Trick::ChangeAnswer(change), Expected { said, acts: 1, refusals: &[] }, "client")
}

/// In the order in which they are shown.
pub(crate) const SCENES: &[Scene] = &[
    calling("a good call", Trick::PassOn, Expected { said: SERVED, acts: 1, refusals: &[] }, "-"),
    calling(
        "a changed body",
        Trick::Change(|request| request.set_body(r#"{"amount":2500,"to":"eve"}"#)),
        Expected { said: &[Said::Refused(&Problem::DIGEST_MISMATCH)], acts: 0, refusals: &["digest-mismatch"] },
        "guard",
    ),
    changing("a changed method", |request| replace(request, "POST ", "DELETE ")),
    changing("a changed path", |request| replace(request, "/v1/transfers", "/v1/refunds")),
    changing("a changed query", |request| replace(request, "dry=0", "dry=1")),
    changing("a changed header", |request| request.set("x-account", "1002")),
    calling(
        "an added header",
        Trick::Change(|request| request.set("x-approved-by", "eve")),
        Expected { said: SERVED, acts: 1, refusals: &[] },
        "guard, dropped it",
    ),
    calling(
        "a stripped signature",
        Trick::Change(strip),
        Expected { said: MISSING_SIGNATURE, acts: 0, refusals: &["unauthorized"] },
        "guard, client",
    ),
    calling("a replay", Trick::Replay, Expected { said: SERVED, acts: 1, refusals: &["replayed"] }, "guard"),
    Scene {
        name: "a swapped answer",
        act: Act::CallTwice,
        trick: Trick::Swap,
        expected: Expected { said: &[Said::Interference(Interference::WrongRequest); 2], acts: 1, refusals: &[] },
        caught_by: "client",
    },
    calling("a reflected request", Trick::Reflect, Expected { said: BAD_MAC, acts: 0, refusals: &[] }, "client"),
    answering("a forged answer", forge, BAD_MAC),
    answering("a changed answer", |answer| answer.set_body(r#"{"state":"lost"}"#), DIGEST),
    answering("a stripped answer", strip, MISSING_SIGNATURE),
    answering("a changed status", |answer| replace(answer, "201 Created", "500 Internal Server Error"), BAD_MAC),
    calling(
        "a genuine refusal of a spoilt copy",
        Trick::SpoilCopy,
        Expected { said: WRONG_REQUEST, acts: 1, refusals: &["unauthorized"] },
        "client",
    ),
    Scene {
        name: "a stale request, 10 s old",
        act: Act::BringStale,
        trick: Trick::PassOn,
        expected: Expected { said: &[Said::Refused(&Problem::CLOCK_SKEW)], acts: 0, refusals: &["clock-skew"] },
        caught_by: "guard",
    },
    Scene {
        name: "a future-dated request, twice",
        act: Act::BringFutureDated,
        trick: Trick::PassOn,
        expected: Expected {
            said: &[Said::Refused(&Problem::CLOCK_SKEW), Said::Refused(&Problem::REPLAYED)],
            acts: 0,
            refusals: &["clock-skew", "replayed"],
        },
        caught_by: "guard",
    },
    Scene {
        name: "a wrong clock, an hour slow",
        act: Act::CallAnHourLate,
        trick: Trick::PassOn,
        expected: Expected { said: &[Said::VerifiedOnceCorrected(201)], acts: 1, refusals: &["clock-skew"] },
        caught_by: "guard",
    },
    Scene {
        name: "an unknown key",
        act: Act::CallAsStranger,
        trick: Trick::PassOn,
        expected: Expected { said: BAD_MAC, acts: 0, refusals: &["unauthorized"] },
        caught_by: "guard",
    },
    calling(
        "a lost answer, asked for again",
        Trick::CutOnce,
        Expected { said: &[Said::VerifiedOnceAskedAgain(201)], acts: 1, refusals: &[] },
        "guard",
    ),
    calling("a cut line", Trick::Cut, Expected { said: &[Said::NoAnswer], acts: 1, refusals: &[] }, "client"),
];

/// Changes the first line of a message.
fn replace(message: &mut Message, from: &str, to: &str) {
    message.start = message.start.replace(from, to);
}
