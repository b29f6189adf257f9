//! What one request costs, as a ratio to the MAC and the hash that any scheme of this kind has to compute.

mod answer;
mod bare;
mod contender;
mod crowd;
pub(crate) mod envelope;
mod floor;
mod guard;
mod hawk;
mod jwt;
mod library;
mod steps;
mod traffic;
mod use_case;

use std::sync::Arc;

use countersign_server::app::SharedApp;
use countersign_server::edge;

use self::answer::Answers;
use self::bare::Bare;
pub(crate) use self::contender::Outcome;
use self::contender::{Contender, Race};
pub(crate) use self::crowd::octets;
use self::crowd::{Crowd, KEYS};
use self::floor::Floor;
use self::guard::RunningGuard;
use self::hawk::Hawk;
use self::jwt::Jwt;
use self::library::Library;
use self::steps::Step;
pub(crate) use self::traffic::BATCH;
use self::traffic::Traffic;
use self::use_case::UseCase;
use crate::report;

const ROUNDS: usize = 2_000;

/// Which keys sign, and what is in the caches when a request comes.
#[derive(Clone, Copy, Debug)]
enum Senders {
    /// All keys in turn, and much else was done since the last request: nothing is in the caches.
    Many,
    /// A few keys that send a lot: all that belongs to them is in the caches.
    Few,
}

/// Compares, and prints what came out.
pub(crate) fn run() -> anyhow::Result<()> {
    let guard = RunningGuard::start()?;
    let stage = Stage::set(&guard)?;
    let mut events = [
        stage.get("GET without a body, 64 keys, warm", Senders::Few, 0)?,
        stage.get("GET without a body, 10,000 keys, cold", Senders::Many, 1)?,
        stage.post("POST of 24 octets, 64 keys, warm", br#"{"amount":25,"to":"bob"}"#, Senders::Few, 2)?,
        stage.post("POST of 4 KiB, 64 keys, warm", &[b'x'; 4_096], Senders::Few, 3)?,
        stage.post("POST of 4 KiB, 10,000 keys, cold", &[b'x'; 4_096], Senders::Many, 4)?,
    ];
    for _ in 0..ROUNDS {
        for event in &mut events {
            event.round(&stage.crowd)?;
        }
    }
    for event in events {
        report::comparison(event.title, &event.race.outcomes());
    }
    guard.stop()
}

/// One kind of request, and those who compete in verifying it.
struct Event {
    title: &'static str,
    traffic: Traffic,
    senders: Senders,
    race: Race,
}

impl Event {
    fn round(&mut self, crowd: &Crowd) -> anyhow::Result<()> {
        let now = edge::now().wall;
        let before = match self.senders {
            Senders::Few => Some(self.traffic.sign(crowd, now)?),
            Senders::Many => None,
        };
        self.race.round(before.as_ref(), &self.traffic.sign(crowd, now)?)
    }
}

impl Senders {
    const fn keys(self) -> usize {
        match self {
            Self::Many => KEYS,
            Self::Few => BATCH,
        }
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
        let (bare, floor) = (Bare::new(), Floor::new());
        Ok(vec![Box::new(bare), Box::new(floor), Box::new(library), Box::new(use_case), Box::new(Hawk::new()?)])
    }

    fn get(&self, title: &'static str, senders: Senders, series: usize) -> anyhow::Result<Event> {
        let mut contenders = self.verifiers()?;
        contenders.splice(3..3, Step::all(&self.app));
        contenders.push(Box::new(Jwt::hs256()));
        contenders.push(Box::new(Jwt::eddsa()?));
        contenders.push(Box::new(Answers { crowd: Arc::clone(&self.crowd) }));
        let traffic = Traffic::of_the_vectors("request_get", b"", senders.keys(), series)?;
        Ok(Event { title, traffic, senders, race: Race::between(contenders) })
    }

    fn post(&self, title: &'static str, body: &[u8], senders: Senders, series: usize) -> anyhow::Result<Event> {
        let traffic = Traffic::of_the_vectors("request", body, senders.keys(), series)?;
        Ok(Event { title, traffic, senders, race: Race::between(self.verifiers()?) })
    }
}
