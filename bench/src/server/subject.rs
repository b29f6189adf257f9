//! One server and one kind of request, measured round by round.

use std::net::SocketAddr;
use std::time::Duration;

use super::account::Account;
use super::load::Generator;
use super::requests::{Kind, request};
use super::{CONNECTIONS, REQUESTS, Target};
use crate::spread::Spread;
use crate::stopwatch::{own_time, time_of_processes, wall_time};

/// How often a round may fail before the machine is not fit for it.
const ATTEMPTS: usize = 5;

/// What is measured.
pub(crate) struct Subject<'a> {
    title: &'static str,
    address: SocketAddr,
    processes: Vec<u32>,
    kind: Kind,
    account: Option<&'a Account>,
    waiting: Waiting,
    rounds: Vec<Round>,
}

/// What the generator does while there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// It looks for one again and again, so that no server pays for waking whoever waits for its answer. It would have to
    /// where it is slower than the generator, and nowhere else; on a virtual machine that costs as much as all that the
    /// guard does, and with a client on another machine it costs nothing.
    Awake,
    /// It sleeps, because others need its processor.
    Asleep,
}

/// What one request took in one round, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Round {
    wall: f64,
    server: f64,
    generator: f64,
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// What was measured.
    pub(crate) title: &'static str,
    /// Requests in a second.
    pub(crate) rate: Spread,
    /// Microseconds of processor time of the server for one request.
    pub(crate) server: Spread,
    /// The same of the generator.
    pub(crate) generator: Spread,
    /// The rate, as a ratio to that of the first subject in the same round.
    pub(crate) rate_ratio: Spread,
    /// The server's time of the first subject as a ratio to this one's: what the rate would be if the server were the
    /// only thing that takes time.
    pub(crate) server_ratio: Spread,
}

impl<'a> Subject<'a> {
    /// A server, its processes, and what is asked of it.
    pub(crate) fn new(title: &'static str, target: Target<'_>, kind: Kind, account: Option<&'a Account>) -> Self {
        let processes = target.1.to_vec();
        Self { title, address: target.0, processes, kind, account, waiting: Waiting::Asleep, rounds: Vec::new() }
    }

    /// The same, measured by a generator that does not sleep.
    pub(crate) fn kept_awake(self) -> Self {
        Self { waiting: Waiting::Awake, ..self }
    }

    /// Measures one round. On a machine that is busy beyond measure a guard refuses everything for a moment, because its
    /// mark is not durable in time; such a round says nothing and is measured again.
    pub(crate) fn round(&mut self) -> anyhow::Result<()> {
        for _ in 1..ATTEMPTS {
            match self.attempt() {
                Ok(()) => return Ok(()),
                Err(why) => eprintln!("{}: a round is measured again, because one failed: {why}", self.title),
            }
        }
        self.attempt()
    }

    /// Signs as many requests as a round has, then sends them.
    fn attempt(&mut self) -> anyhow::Result<()> {
        let requests = (0..REQUESTS).map(|_| request(self.kind, self.address, self.account));
        let requests = requests.collect::<anyhow::Result<Vec<_>>>()?;
        let generator = Generator::connect(self.address, CONNECTIONS)?;
        let before = (wall_time(), time_of_processes(&self.processes)?, own_time());
        generator.send(requests, self.waiting == Waiting::Awake)?;
        let after = (wall_time(), time_of_processes(&self.processes)?, own_time());
        let each = |span: Duration| span.as_secs_f64() * 1e6 / REQUESTS as f64;
        self.rounds.push(Round {
            wall: each(after.0 - before.0),
            server: each(after.1 - before.1),
            generator: each(after.2 - before.2),
        });
        Ok(())
    }

    /// What came out, beside the subject that is the measure.
    pub(crate) fn outcome(&self, measure: &Subject<'_>) -> Outcome {
        let of = |what: fn(&Round) -> f64| Spread::of(self.rounds.iter().map(what));
        let pairs = || self.rounds.iter().zip(&measure.rounds);
        Outcome {
            title: self.title,
            rate: of(|round| 1e6 / round.wall),
            server: of(|round| round.server),
            generator: of(|round| round.generator),
            rate_ratio: Spread::of(pairs().map(|(own, first)| first.wall / own.wall)),
            server_ratio: Spread::of(pairs().map(|(own, first)| first.server / own.server)),
        }
    }
}
