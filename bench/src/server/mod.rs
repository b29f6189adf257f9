//! What the whole server costs: its own guarded echo beside its unguarded one, and the guard as a proxy beside nginx.
//!
//! Two things are counted: requests in a second, and the processor time that the server itself takes for one, which other
//! work on the machine changes less.

mod account;
mod api;
pub(crate) mod child;
mod cores;
mod guard;
pub(crate) mod load;
pub(crate) mod message;
mod nginx;
mod requests;
mod subject;

use std::net::SocketAddr;
use std::path::Path;

use self::account::Account;
use self::api::Api;
use self::cores::Cores;
use self::guard::Guard;
use self::nginx::Nginx;
use self::requests::Kind;
use crate::report;

pub(crate) use self::api::serve as serve_api;
pub(crate) use self::subject::{Outcome, Subject};

/// How often everything is measured, by turns.
const ROUNDS: usize = 15;
/// Requests of one subject in one round.
const REQUESTS: usize = 8_000;
/// Connections that are kept open; each has one request under way.
const CONNECTIONS: usize = 32;

/// Runs everything and prints what came out.
pub(crate) fn run() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let stage = Stage::set(home.path())?;
    let mut tables = [
        ("GET without a body, own echo", stage.own_echo(Kind::OpenGet, Kind::SignedGet)),
        ("POST of 4 KiB, own echo", stage.own_echo(Kind::OpenPost, Kind::SignedPost)),
        ("GET without a body, as a proxy", stage.proxies(Kind::OpenGet, Kind::SignedGet)?),
        ("POST of 4 KiB, as a proxy", stage.proxies(Kind::OpenPost, Kind::SignedPost)?),
    ];
    for _ in 0..ROUNDS {
        for subject in tables.iter_mut().flat_map(|(_, subjects)| subjects) {
            subject.round()?;
        }
    }
    for (title, subjects) in &tables {
        report::servers(title, subjects);
    }
    Ok(())
}

/// Where something listens, and the processes that serve it.
type Target<'a> = (SocketAddr, &'a [u32]);

/// The servers, and an account at each guard.
struct Stage {
    _api: Api,
    nginx: Nginx,
    echo: (Guard, Account),
    proxy: (Guard, Account),
}

impl Stage {
    /// Starts them, with all that they keep below `home`.
    fn set(home: &Path) -> anyhow::Result<Self> {
        let cores = Cores::divide()?;
        let api = Api::start()?;
        let nginx = cores.serve(|| Nginx::start(&home.join("nginx"), api.address(), cores.serving()))?;
        let guard = |name: &str, upstream| {
            let guard = cores.serve(|| Guard::start(&home.join(name), upstream))?;
            let account = Account::open(&guard, &home.join(name).join("client"))?;
            anyhow::Ok((guard, account))
        };
        let (echo, proxy) = (guard("echo", None)?, guard("proxy", Some(api.address()))?);
        Ok(Self { _api: api, nginx, echo, proxy })
    }

    /// The guard's own echo, where everybody may ask and where a signature is due.
    fn own_echo(&self, open: Kind, signed: Kind) -> Vec<Subject<'_>> {
        let (guard, account) = &self.echo;
        let target: Target<'_> = (guard.address(), &[guard.pid()]);
        vec![
            Subject::new("the guard's open route", target, open, None).kept_awake(),
            Subject::new("the guard's guarded route", target, signed, Some(account)).kept_awake(),
        ]
    }

    /// What may stand before one and the same API.
    fn proxies(&self, open: Kind, signed: Kind) -> anyhow::Result<Vec<Subject<'_>>> {
        let (guard, account) = &self.proxy;
        let target: Target<'_> = (guard.address(), &[guard.pid()]);
        Ok(vec![
            Subject::new("nginx, a plain proxy", (self.nginx.address(), &self.nginx.pids()?), open, None),
            Subject::new("the guard, its open route", target, open, None),
            Subject::new("the guard, its guarded route", target, signed, Some(account)),
        ])
    }
}
