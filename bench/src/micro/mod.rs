//! What one request costs, as a ratio to the MAC and the hash that any scheme of this kind has to compute.

mod answer;
mod bare;
mod contender;
mod crowd;
pub(crate) mod envelope;
mod guard;
mod hawk;
mod jwt;
mod library;
mod traffic;
mod use_case;

use std::sync::Arc;

use countersign_server::app::SharedApp;
use countersign_server::edge;

use self::answer::Answers;
use self::bare::Bare;
pub(crate) use self::contender::Outcome;
use self::contender::{Contender, Race};
pub(crate) use self::crowd::{Crowd, octets};
pub(crate) use self::guard::RunningGuard;
use self::hawk::Hawk;
use self::jwt::Jwt;
use self::library::Library;
use self::traffic::Traffic;
use self::use_case::UseCase;
use crate::report;

const ROUNDS: usize = 2_000;

/// Compares, and prints what came out.
pub(crate) fn run() -> anyhow::Result<()> {
    let guard = RunningGuard::start()?;
    let stage = Stage::set(&guard)?;
    let mut get = stage.get()?;
    let mut post = stage.post("POST of 24 octets", br#"{"amount":25,"to":"bob"}"#, 1)?;
    let mut large = stage.post("POST of 4 KiB", &[b'x'; 4_096], 2)?;
    for _ in 0..ROUNDS {
        for event in [&mut get, &mut post, &mut large] {
            event.round(&stage.crowd)?;
        }
    }
    for event in [get, post, large] {
        report::comparison(event.title, &event.race.outcomes());
    }
    guard.stop()
}

/// One kind of request, and those who compete in verifying it.
struct Event {
    title: &'static str,
    traffic: Traffic,
    race: Race,
}

impl Event {
    fn round(&mut self, crowd: &Crowd) -> anyhow::Result<()> {
        self.race.round(&self.traffic.sign(crowd, edge::now().wall)?)
    }
}

/// What all events have in common.
struct Stage {
    app: SharedApp,
    crowd: Arc<Crowd>,
}

impl Stage {
    fn set(guard: &RunningGuard) -> anyhow::Result<Self> {
        let app = guard.app().clone();
        let crowd = Arc::new(Crowd::enrolled_in(&app.accounts.keyring, &app.accounts.secrets.kek)?);
        Ok(Self { app, crowd })
    }

    /// Those who verify requests; the first is the measure.
    fn verifiers(&self) -> anyhow::Result<Vec<Box<dyn Contender>>> {
        let (library, use_case) = (Library::new(self.app.clone()), UseCase::new(self.app.clone()));
        Ok(vec![Box::new(Bare::new()), Box::new(library), Box::new(use_case), Box::new(Hawk::new()?)])
    }

    fn get(&self) -> anyhow::Result<Event> {
        let mut contenders = self.verifiers()?;
        contenders.push(Box::new(Jwt::hs256()));
        contenders.push(Box::new(Jwt::eddsa()?));
        contenders.push(Box::new(Answers { crowd: Arc::clone(&self.crowd) }));
        let traffic = Traffic::of_the_vectors("request_get", b"", 0)?;
        Ok(Event { title: "GET without a body", traffic, race: Race::between(contenders) })
    }

    fn post(&self, title: &'static str, body: &[u8], series: usize) -> anyhow::Result<Event> {
        let traffic = Traffic::of_the_vectors("request", body, series)?;
        Ok(Event { title, traffic, race: Race::between(self.verifiers()?) })
    }
}
