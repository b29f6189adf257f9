//! `countersign rekey`

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use countersign_server::config::{KekSource, Overrides};
use countersign_server::data::{DataDir, find_kek};
use countersign_server::service::control::{Rekey, Rekeyed};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::say;

/// Exchange the key-encryption key of a guard for a new one, and seal everything anew under it
///
/// It works beside a running guard, which goes on serving, and without one. It may be cut off at any point: nothing is lost,
/// and the next start, or this command again, goes on. The former key is removed at the end: backups of the database that were
/// made before open under nothing else, so keep it with --keep-former unless you have a copy.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign rekey --data ./countersign-data --keep-former /safe/place/kek-until-today
  countersign rekey --config /etc/countersign/countersign.toml"#)]
pub(crate) struct Args {
    #[command(flatten)]
    guard: Guard,
    /// Keep a copy of the key that is replaced in this new file (mode 0600), for backups made until now
    #[arg(long, value_name = "FILE")]
    keep_former: Option<PathBuf>,
    /// Print JSON instead.
    #[arg(long)]
    json: bool,
}

/// Exchanges the key, and says what remains to be done by a person.
pub(crate) async fn run(args: Args) -> anyhow::Result<Exit> {
    if let Some(path) = &args.keep_former {
        keep_former(&args.guard, path)?;
    }
    let rekeyed = args.guard.operate(Rekey {}).await?;
    if args.json {
        say::line(serde_json::to_string(&rekeyed)?)?;
    } else {
        report(&rekeyed, args.keep_former.as_deref())?;
    }
    Ok(Exit::Done)
}

/// Before anything is replaced, and durable: afterwards it is too late. Nothing is overwritten.
fn keep_former(guard: &Guard, path: &Path) -> anyhow::Result<()> {
    let config = guard.configuration(Overrides::default())?;
    match &config.kek {
        KekSource::DataDirectory => {}
        KekSource::File(_) | KekSource::Environment(_) => {
            bail!(
                "the key-encryption key is one of your own, and nothing here replaces it; keep it without --keep-former"
            )
        }
    }
    let Some(keys) = find_kek(&DataDir::find(&config.data)?, &config.kek)? else {
        bail!("there is no key-encryption key yet; the first `countersign serve` makes it")
    };
    let cannot = || format!("cannot keep the former key in {}; name a file that is not there yet", path.display());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(cannot)?;
    file.write_all(keys.to_text().as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).with_context(cannot)
}

fn report(rekeyed: &Rekeyed, kept: Option<&Path>) -> std::io::Result<()> {
    let Rekeyed { version, former, resealed, left_alone, resumed, finished, place, removed } = rekeyed;
    let former: Vec<_> = former.iter().map(u32::to_string).collect();
    let former = former.join(" and ");
    say::line(format_args!("version {version} of the key-encryption key is current"))?;
    if *resumed && *removed {
        say::line("it had been made before, and the exchange was not over; for another one, run this again")?;
    }
    say::line(format_args!("{resealed} secrets were sealed anew under it"))?;
    if *left_alone > 0 {
        say::line(format_args!(
            "rows that are not as the guard wrote them, and were left alone: {left_alone}; `countersign event list` names them (row_tampered)"
        ))?;
    }
    match (finished, removed) {
        (false, _) => say::line(format_args!(
            "the guard is stopping; its next start goes on, and version {former} is needed until then"
        ))?,
        (true, false) => say::line(format_args!(
            "nothing needs version {former} any more: remove it from {place}, and restart the guard"
        ))?,
        (true, true) => {
            say::line(format_args!(
                "version {former} is gone from {place}; keep a copy of that file where backups do not go"
            ))?;
        }
    }
    say::line(match kept {
        Some(path) => format!("backups made until now need version {former}, which is kept in {}", path.display()),
        None if *removed => format!(
            "backups made until now open under nothing but version {former}, which was not kept here: without a copy of your \
             own, make a backup now; --keep-former keeps it the next time"
        ),
        None => format!("backups made until now need version {former}: keep it with them as long as you keep them"),
    })
}
