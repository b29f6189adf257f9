//! `countersign serve`

use countersign_server::config::Overrides;
use countersign_server::data::LockError;
use countersign_server::serve::{Server, StartError};
use countersign_server::service::control::{Asked, Invite, InviteKind, Operation as _};
use countersign_server::{edge, telemetry};
use std::io::{IsTerminal as _, Write as _};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::operate::Guard;

/// Run the guard
///
/// Every option is also a key of the configuration file and a variable of the environment: --admin-listen is
/// `admin_listen` and COUNTERSIGN_ADMIN_LISTEN. docs/configuration.md has them all.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign serve
  countersign serve --upstream http://127.0.0.1:3000 --public-url https://api.example.com
  countersign serve --listen 0.0.0.0:443 --public-url https://api.example.com \
    --tls-cert /etc/countersign/tls/fullchain.pem --tls-key /etc/countersign/tls/privkey.pem
  countersign serve --config /etc/countersign/countersign.toml"#)]
pub(crate) struct Args {
    #[command(flatten)]
    guard: Guard,
    /// Where to listen [default: 127.0.0.1:8470].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where /healthz and /readyz listen [default: 127.0.0.1:8471].
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<String>,
    /// Speak TLS (HTTP/1.1 and HTTP/2): the certificate and its chain, in PEM; read anew when it changes.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// The private key of the certificate, in PEM, which only its owner can read.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// The API to guard; without one a built-in echo answers.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
}

/// Runs until it is told to stop, then saves what must outlive it.
pub(crate) async fn run(args: Args) -> anyhow::Result<Exit> {
    let Args { guard, listen, admin_listen, tls_cert, tls_key, upstream } = args;
    let overrides = Overrides { listen, admin_listen, tls_cert, tls_key, upstream, ..Overrides::default() };
    let config = guard.configuration(overrides)?;
    telemetry::start(&config.log);
    for danger in config.dangers() {
        eprintln!("danger: {danger}");
    }
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let server = Server::start(config).await.map_err(with_remedy)?;
    if server.is_new() {
        say_how_to_go_on(&server).await?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {}", server.url())?;
    out.flush()?;
    drop(out);
    server.run(stop).await?;
    Ok(Exit::Done)
}

/// A second server on one directory would accept what the first has seen, so there is no way round the lock.
fn with_remedy(error: StartError) -> anyhow::Error {
    match error {
        StartError::Lock(LockError::Held { .. }) => {
            anyhow::anyhow!("{error}; stop that server, or name another directory with --data")
        }
        error => error.into(),
    }
}

/// Said when there is nobody yet. A card is a secret, so it is shown to a terminal only.
async fn say_how_to_go_on(server: &Server) -> anyhow::Result<()> {
    let data = server.app().accounts.config.data.display();
    if !std::io::stderr().is_terminal() {
        eprintln!("Nobody is enrolled yet. Invite the first administrator:");
        eprintln!("  countersign user invite --ticket --role admin --data {data}");
        return Ok(());
    }
    let asked = Asked { actor: "first start".to_owned(), session: None, at: edge::now().wall };
    let invite = Invite { kind: InviteKind::Ticket, role: "admin".to_owned() };
    let card = invite.run(&server.app().accounts, &asked).await?.card;
    eprintln!("Nobody is enrolled yet. This card makes one administrator, once:\n\n{card}\n");
    eprintln!("  countersign enrol --server {} --card {card} --username NAME", server.url());
    eprintln!("Invite others:  countersign user invite --data {data}");
    Ok(())
}

/// SIGINT and SIGTERM stop the guard in order; a second one does nothing more, since saving takes a moment only.
pub(crate) fn stop_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}
