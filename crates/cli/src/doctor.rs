//! `countersign doctor`

use anyhow::bail;
use countersign_core::event::{Event, EventKind};
use countersign_server::accounts::Accounts;
use countersign_server::config::{Checked, Config, Overrides};
use countersign_server::data::{DataDir, LockError};
use countersign_server::doctor::{self, Finding, Severity};
use countersign_server::service::control::{Asking, Examination, Examine};
use countersign_server::{control, edge};

use crate::exit::Exit;
use crate::operate::{Guard, on_the_store};
use crate::print::moment;
use crate::say;

/// Look at configuration, files, clock and store of a guard, and say what to do about what is wrong
///
/// It changes nothing, and may be run beside a running guard. Exits with 1 when something does not work or is not safe.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign doctor --config /etc/countersign/countersign.toml
  countersign doctor --data ./countersign-data --reset-clock"#)]
pub(crate) struct Args {
    #[command(flatten)]
    guard: Guard,
    /// Undo a wrong jump of the clock, after setting the clock right. Only while the guard does not run
    #[arg(long)]
    reset_clock: bool,
}

/// Ends with 1 when something does not work or is not safe.
pub(crate) async fn run(args: Args) -> anyhow::Result<Exit> {
    let loaded = args.guard.load(Overrides::default());
    if args.reset_clock {
        return reset_clock(loaded?.config).await;
    }
    let mut findings = doctor::configuration(&loaded);
    findings.push(doctor::clock(edge::now().wall));
    if let Ok(loaded) = loaded {
        findings.extend(doctor::tls(&loaded.config, edge::now().wall));
        findings.extend(doctor::data_directory(&loaded.config));
        let more = examine(loaded.config).await;
        // Who opens the store meets what was found in the directory again.
        findings.extend(more.into_iter().filter(|finding| !findings.contains(finding)).collect::<Vec<_>>());
    }
    for Finding { severity, what, remedy } in &findings {
        let mark = match severity {
            Severity::Good => "ok     ",
            Severity::Warning => "warning",
            Severity::Fault => "FAULT  ",
        };
        let remedy = if remedy.is_empty() { String::new() } else { format!("\n         {remedy}") };
        say::line(format_args!("{mark}  {what}{remedy}"))?;
    }
    let sound = findings.iter().all(|finding| finding.severity < Severity::Fault);
    Ok(if sound { Exit::Done } else { Exit::Usage })
}

/// Who has the data directory, and what they know of the store.
async fn examine(config: Checked<Config>) -> Vec<Finding> {
    let Ok(directory) = DataDir::find(&config.data) else { return Vec::new() };
    let lock = directory.lock();
    let held = doctor::lock(&lock);
    let examination: anyhow::Result<Examination> = match lock {
        Ok(lock) if directory.database().exists() => on_the_store(config, &directory, &lock, Examine {}).await,
        Ok(_) => return vec![held],
        Err(LockError::Held { .. }) => {
            control::call(&directory, &Asking::from(Examine {})).await.map_err(anyhow::Error::from)
        }
        Err(_) => return vec![held],
    };
    let store = examination.map_or_else(|error| vec![Finding::fault(error.as_ref())], |found| doctor::store(&found));
    [vec![held], store].concat()
}

/// The accept clock goes back to what the machine shows now. What was accepted under the wrong clock stays refused when
/// its time comes.
async fn reset_clock(config: Checked<Config>) -> anyhow::Result<Exit> {
    let directory = DataDir::find(&config.data)?;
    let lock = match directory.lock() {
        Err(LockError::Held { .. }) => bail!("the guard runs; stop it, set the clock right, and run this again"),
        lock => lock?,
    };
    let accounts = Accounts::open(config, &directory, &lock).await?;
    let marks = &accounts.stores.accept_marks;
    let Some(mark) = marks.load().await? else { bail!("this guard has never run; there is no clock to reset") };
    let now = edge::now().wall;
    let reset = mark.reset(now);
    marks.keep(&reset).await?;
    let detail = format!("the accept clock was set back from {}", moment(mark.mark.as_millis()));
    let actor = format!("uid {}", rustix::process::getuid().as_raw());
    let event = Event { at: now, kind: EventKind::ClockAlarm, user: None, key: None, session: None, actor, detail };
    accounts.stores.events.record(&event).await?;
    accounts.sqlite.close().await;
    say::line(format_args!("the accept clock is back at {}", moment(now.as_millis())))?;
    say::line(format_args!("requests signed at or before {} stay refused", moment(reset.low_water().as_millis())))?;
    Ok(Exit::Done)
}
