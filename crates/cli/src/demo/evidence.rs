//! What came of a scene, and whether that is what should have.

use core::fmt;

use countersign_client::{Answer, CallError, Interference};
use countersign_core::problem::Problem;

use super::api::{Entry, Order};
use super::middle::Message;

/// What a client said in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The answer, verified.
    Verified(u16),
    /// The same, after the guard had said, verifiably, that the client's clock is wrong.
    VerifiedOnceCorrected(u16),
    /// The same, asked for once more after the first answer got lost.
    VerifiedOnceAskedAgain(u16),
    /// The guard's own refusal, verified.
    Refused(&'static Problem),
    /// Somebody stands between; the answer is withheld, the outcome unknown.
    Interference(Interference),
    /// An error that nobody signed, which is said to be one.
    Unproven(u16),
    /// There was no answer; the outcome is unknown.
    NoAnswer,
    /// Nothing was sent.
    SentNothing,
}

impl Said {
    /// What the client made of a call.
    pub(crate) fn of(called: &Result<Answer, CallError>) -> Self {
        match called {
            Ok(answer) => match answer.verified.problem {
                Some(problem) => Self::Refused(problem),
                None if answer.answer_was_lost => Self::VerifiedOnceAskedAgain(answer.verified.status.as_u16()),
                None if answer.retried => Self::VerifiedOnceCorrected(answer.verified.status.as_u16()),
                None => Self::Verified(answer.verified.status.as_u16()),
            },
            Err(CallError::Interference(class)) => Self::Interference(*class),
            Err(CallError::Unverified(answer)) => Self::Unproven(answer.status.as_u16()),
            Err(CallError::Network(network)) if network.outcome_is_unknown() => Self::NoAnswer,
            Err(_) => Self::SentNothing,
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Verified(_) | Self::VerifiedOnceCorrected(_) | Self::VerifiedOnceAskedAgain(_) | Self::Refused(_) => {
                "verified"
            }
            Self::Interference(_) => "interference",
            Self::Unproven(_) => "not proven",
            Self::NoAnswer => "no answer",
            Self::SentNothing => "an error",
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified(status) | Self::Unproven(status) => write!(f, "{status}"),
            Self::VerifiedOnceCorrected(status) => write!(f, "{status} once corrected"),
            Self::VerifiedOnceAskedAgain(status) => write!(f, "{status} once asked again"),
            Self::Refused(problem) => write!(f, "{} {}", problem.status, problem.code),
            Self::Interference(class) => write!(f, "{class}"),
            Self::NoAnswer => f.write_str("outcome unknown"),
            Self::SentNothing => f.write_str("nothing was sent"),
        }
    }
}

/// What should come of a scene.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// What the client says of each of its requests.
    pub(crate) said: &'static [Said],
    /// How often the API carries each of them out.
    pub(crate) acts: usize,
    /// The refusals that the guard gives the man in the middle, by their codes.
    pub(crate) refusals: &'static [&'static str],
}

/// What came of a scene.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// What the client has signed.
    pub(crate) signed: &'static [Order],
    /// What the client said of each of its requests.
    pub(crate) said: Vec<Said>,
    /// What the API carried out.
    pub(crate) carried_out: Vec<Entry>,
    /// The refusals that the guard gave the man in the middle, by their codes.
    pub(crate) refusals: Vec<&'static str>,
}

/// How a scene ended otherwise than it should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotCaught {
    /// The API carried out what the client has not signed.
    Unsigned,
    /// The API carried out a request this often, and should have that often.
    Acted(usize, usize),
    /// The client said this, and should have said that.
    Said(String, String),
    /// The guard gave these refusals, and should have given those.
    Refusals(Vec<&'static str>, &'static [&'static str]),
}

impl fmt::Display for NotCaught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("the API carried out what the client has not signed"),
            Self::Acted(acts, due) => write!(f, "the API carried it out {acts} times instead of {due}"),
            Self::Said(said, due) => write!(f, "the client was given \"{said}\" instead of \"{due}\""),
            Self::Refusals(refusals, due) => write!(f, "the guard's refusals were {refusals:?} instead of {due:?}"),
        }
    }
}

impl Evidence {
    /// Holds what came of a scene against what should have.
    pub(crate) fn judge(&self, expected: &Expected) -> Result<(), NotCaught> {
        if self.unsigned() > 0 {
            return Err(NotCaught::Unsigned);
        }
        if let Some(acts) = self.acts().find(|acts| *acts != expected.acts) {
            return Err(NotCaught::Acted(acts, expected.acts));
        }
        if self.said != expected.said {
            return Err(NotCaught::Said(in_words(&self.said), in_words(expected.said)));
        }
        if self.refusals != expected.refusals {
            return Err(NotCaught::Refusals(self.refusals.clone(), expected.refusals));
        }
        Ok(())
    }

    /// What the client said, in a few words.
    pub(crate) fn said(&self) -> String {
        in_words(&self.said)
    }

    /// What the API did, in a few words.
    pub(crate) fn done(&self) -> String {
        match self.acts().max() {
            _ if self.unsigned() > 0 => "acted unsigned".to_owned(),
            None | Some(0) => "saw nothing".to_owned(),
            Some(1) => "acted once".to_owned(),
            Some(acts) => format!("acted {acts} times"),
        }
    }

    /// How much the API carried out that the client has not signed.
    fn unsigned(&self) -> usize {
        self.carried_out.iter().filter(|entry| !self.signed.iter().any(|order| entry.is(order))).count()
    }

    /// How often the API carried out each of the requests that the client has signed.
    fn acts(&self) -> impl Iterator<Item = usize> {
        self.signed.iter().map(|order| self.carried_out.iter().filter(|entry| entry.is(order)).count())
    }
}

/// The refusal in an answer of the guard, if it is one.
pub(crate) fn refusal(answer: &Message) -> Option<&'static Problem> {
    #[derive(serde::Deserialize)]
    struct Body {
        r#type: String,
    }
    let body: Body = serde_json::from_slice(&answer.body).ok()?;
    Problem::of_type(&body.r#type)
}

/// The kind before the first of its kind, and nothing twice in a row.
pub(crate) fn in_words(said: &[Said]) -> String {
    let mut words = String::new();
    let mut last: Option<Said> = None;
    for said in said.iter().copied() {
        match last {
            Some(last) if last == said => continue,
            Some(last) if last.kind() == said.kind() => words += ", ",
            Some(_) => words += &format!("; {}: ", said.kind()),
            None => words += &format!("{}: ", said.kind()),
        }
        words += &said.to_string();
        last = Some(said);
    }
    words
}
