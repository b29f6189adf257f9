use std::net::IpAddr;

use countersign_core::envelope::Envelope;
use countersign_core::problem::Problem;
use countersign_core::replay::Reading;
use countersign_core::verdict::{Principal, Prover, Refusal, Verdict};
use http::StatusCode;

use super::dispatch::dispatch;
use super::ending::Ending;
use crate::app::SharedApp;
use crate::edge;
use crate::http::buffer::{Buffered, Hold};
use crate::keyring::Purpose;
use crate::service::claim::Claim;
use crate::service::verify_request::verify_request;
use crate::service::{Undecided, session_use};

/// What became of one message.
pub(super) enum Served {
    /// It is answered; the memory is held until the answer has been sent.
    Answer(Answer, Hold),
    /// It is not, and the connection ends.
    Ends(Ending),
}

/// A signed answer, ready to be sent.
pub(super) struct Answer {
    /// The message.
    pub(super) text: String,
    /// What the guard thought of the envelope.
    pub(super) standing: Standing,
}

/// Whose envelope it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// That of the holder of this key or session, and admitted.
    Admitted(Prover),
    /// Refused, though its MAC was right; or nobody could decide.
    Refused,
    /// Nobody's.
    Unproven,
}

/// One message: who sent it, and what it is told.
pub(super) async fn serve(app: SharedApp, envelope: Envelope, from: IpAddr, hold: Option<Hold>) -> Served {
    let reading = edge::now();
    let claim = match Claim::for_purpose(Purpose::Envelopes, &app, envelope.keyid(), reading.wall) {
        Ok(claim) => claim,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "could not decide; refused");
            return Served::Ends(Ending::Undecided);
        }
    };
    let answering = Answering { app: &app, envelope: &envelope, claim: &claim };
    if hold.is_none() {
        return answering.problem(Problem::UNAVAILABLE, Standing::Refused);
    }
    match judge(&app, &claim, &envelope, (from, reading)).await {
        Ok(principal) => answering.admitted(principal).await,
        Err((problem, standing)) => answering.problem(problem, standing),
    }
}

/// Judges an envelope as a request is judged.
async fn judge(
    app: &SharedApp,
    claim: &Claim,
    envelope: &Envelope,
    (from, reading): (IpAddr, Reading),
) -> Result<Principal, (Problem, Standing)> {
    match verify_request(app, claim, envelope, from, reading).await {
        Ok(Verdict::Admit(principal)) => match session_use::note(&app.accounts, &principal, from, None) {
            Ok(()) => Ok(principal),
            Err(error) => Err(undecided(&error)),
        },
        Ok(Verdict::Refuse(refusal)) => Err((refusal.problem(), standing(refusal))),
        Err(error) => Err(undecided(&error)),
    }
}

fn undecided(error: &Undecided) -> (Problem, Standing) {
    tracing::error!(error = error as &dyn std::error::Error, "could not decide; refused");
    (Problem::UNAVAILABLE, Standing::Refused)
}

const fn standing(refusal: Refusal) -> Standing {
    match refusal {
        Refusal::BadSignature | Refusal::UnknownKey | Refusal::RevokedKey => Standing::Unproven,
        Refusal::Stale
        | Refusal::FutureDated
        | Refusal::Replayed
        | Refusal::Throttled
        | Refusal::NameTaken
        | Refusal::TicketSpent
        | Refusal::NotTheSuccessor
        | Refusal::KeyOfAnother
        | Refusal::InFlight
        | Refusal::OutcomeUnknown
        | Refusal::TooMuchKept
        | Refusal::TokenInvalid
        | Refusal::TokenRevoked
        | Refusal::TokenAlone
        | Refusal::SessionRequired
        | Refusal::WarmingUp
        | Refusal::Unavailable => Standing::Refused,
    }
}

struct Answering<'a> {
    app: &'a SharedApp,
    envelope: &'a Envelope,
    claim: &'a Claim,
}

impl Answering<'_> {
    /// Has it done, unless its key is taken back meanwhile: then it ends without an answer, for nobody knows how far it
    /// got, and a refusal would say that it was not done.
    async fn admitted(&self, principal: Principal) -> Served {
        let prover = principal.prover.clone();
        let answer = tokio::select! {
            biased;
            () = self.app.accounts.ended(&prover) => return Served::Ends(Ending::KeyEnded),
            answer = dispatch(self.app, principal, self.envelope) => answer,
        };
        match answer {
            Ok((status, body)) => self.packet(status, &body, prover),
            Err(problem) => self.problem(problem, Standing::Admitted(prover)),
        }
    }

    fn packet(&self, status: StatusCode, body: &Buffered, prover: Prover) -> Served {
        let mut hold = self.app.budget.hold();
        if !hold.grow(body.octets().len().saturating_mul(4) / 3) {
            return self.problem(Problem::UNAVAILABLE, Standing::Admitted(prover));
        }
        self.signed(status.as_u16(), body.octets(), Standing::Admitted(prover), hold)
    }

    /// A problem takes no part of the budget: where there is no memory for an answer, it is what says so.
    fn problem(&self, problem: Problem, standing: Standing) -> Served {
        self.signed(problem.status, problem.json().as_bytes(), standing, self.app.budget.hold())
    }

    fn signed(&self, status: u16, packet: &[u8], standing: Standing, hold: Hold) -> Served {
        let text = self.envelope.answer(self.claim.s2c(), status, packet, edge::now().wall);
        Served::Answer(Answer { text, standing }, hold)
    }
}
