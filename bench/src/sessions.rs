//! What a million sessions cost in memory, how long one is looked for among them, and how long a guard takes to start with them.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use countersign_core::event::EventKind;
use countersign_core::id::SessionRef;
use countersign_core::session::TokenHash;
use countersign_server::edge;
use countersign_server::sessions::{Sessions, Standing};
use futures_util::future::try_join_all;

use crate::micro::octets;
use crate::people;
use crate::report;
use crate::revocation::start;
use crate::spread::Spread;
use crate::stopwatch::{nanoseconds_each, wall_time};

const MANY: usize = 1_000_000;
const FEW: usize = 100_000;
/// Sessions of one user.
const OF_ONE: usize = 10;
/// Look-ups that are timed together.
const BATCH: usize = 1_024;
const BATCHES: usize = 500;
/// How many sessions are written at one time before a restart.
const AT_ONCE: usize = 512;
/// How many of them there are then, unless the command line says otherwise.
const KEPT: usize = 100_000;

/// Measures and prints.
pub(crate) fn run(kept: Option<&str>) -> anyhow::Result<()> {
    let few = Table::fill(FEW)?;
    let many = Table::fill(MANY)?;
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        times.0.push(few.look_ups()?);
        times.1.push(many.look_ups()?);
    }
    let ratio = Spread::of(times.0.iter().zip(&times.1).map(|(few, many)| many / few));
    report::sessions(
        &[(FEW, few.octets_each, Spread::of(times.0)), (MANY, many.octets_each, Spread::of(times.1))],
        ratio,
    );
    drop((few, many));
    let home = tempfile::tempdir()?;
    let kept = kept.map_or(Ok(KEPT), str::parse)?;
    tokio::runtime::Runtime::new()?.block_on(restart(home.path(), kept))
}

/// A table in memory, and who is in it.
struct Table {
    sessions: Sessions,
    names: Vec<SessionRef>,
    /// Octets of resident memory that each session has added.
    octets_each: f64,
}

impl Table {
    fn fill(count: usize) -> anyhow::Result<Self> {
        let now = edge::now().wall;
        let sessions = Sessions::new(Duration::from_secs(7 * 86_400));
        let mut names = Vec::with_capacity(count);
        // The names are ours, not the table's.
        names.resize(count, SessionRef([1; 16]));
        let before = resident()?;
        for number in 0..count / OF_ONE {
            let user = people::user(number)?;
            for place in 0..OF_ONE {
                let session = people::session(&user, TokenHash::of(""), now);
                sessions.put(&session, &user)?;
                if let Some(name) = names.get_mut(number * OF_ONE + place) {
                    *name = session.reference;
                }
            }
        }
        let octets_each = resident()?.saturating_sub(before) as f64 / count as f64;
        Ok(Self { sessions, names, octets_each })
    }

    /// Nanoseconds that it takes to find one at random and to say that it is open.
    fn look_ups(&self) -> anyhow::Result<f64> {
        let now = edge::now().wall;
        let number = |place: usize| u64::from_be_bytes(*octets(place).first_chunk().unwrap_or(&[0; 8])) as usize;
        let begin = u64::from_be_bytes(edge::random()) as usize;
        let chosen: Vec<_> = (0..BATCH)
            .filter_map(|place| self.names.get(number(begin.wrapping_add(place)) % self.names.len()))
            .collect();
        let mut open = 0;
        let time = nanoseconds_each(BATCH, || {
            for name in &chosen {
                if let Ok(Some(entry)) = self.sessions.find(**name) {
                    open += usize::from(self.sessions.standing(&entry, now) == Standing::Open);
                }
            }
            black_box(open);
        });
        ensure!(open == BATCH, "a session is missing");
        Ok(time)
    }
}

/// The resident memory of this process, in octets.
fn resident() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split(' ').nth(1).context("statm has no second number")?.parse()?;
    Ok(pages * 4_096)
}

/// Writes sessions into a guard's store, and starts a guard on it.
async fn restart(home: &Path, count: usize) -> anyhow::Result<()> {
    let server = start(home, None).await?;
    let accounts = &server.app().accounts;
    let begun = wall_time();
    for number in 0..count.div_ceil(AT_ONCE) {
        let user = people::kept_user(accounts, number).await?;
        let event = people::event(EventKind::SessionOpened, &user);
        let mut pairs = Vec::with_capacity(AT_ONCE);
        for _ in 0..AT_ONCE.min(count - number * AT_ONCE) {
            let session =
                people::session(&user, TokenHash::of(&SessionRef(edge::random()).to_string()), edge::now().wall);
            let family = people::family(accounts, &session, &user)?;
            pairs.push((session, family));
        }
        let opening =
            pairs.iter().map(|(session, family)| accounts.stores.sessions.open(session, family, None, &event));
        try_join_all(opening).await?;
    }
    let written = wall_time() - begun;
    stop(server).await?;
    let begun = wall_time();
    let server = start(home, None).await?;
    let took = wall_time() - begun;
    ensure!(server.app().accounts.sessions.len()? == count, "all sessions are back");
    println!(
        "\n{count} sessions: written in {:.1} s ({:.0} a second), a start with them {:.2} s ({:.1} µs each)",
        written.as_secs_f64(),
        count as f64 / written.as_secs_f64(),
        took.as_secs_f64(),
        took.as_secs_f64() * 1e6 / count as f64
    );
    stop(server).await
}

async fn stop(server: countersign_server::serve::Server) -> anyhow::Result<()> {
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    Ok(server.run(stop).await?)
}
