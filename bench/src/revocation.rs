//! How long a WebSocket outlives its key: protocol §4.7 allows one second.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use countersign_client::{Client, Conversation, Credentials, Handshake, Server as Address, WebSocket};
use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, Role, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{KeyId, UserId};
use countersign_core::permission::Permissions;
use countersign_core::secret::{Root, Secret32};
use countersign_server::app::SharedApp;
use countersign_server::config::{self, Overrides, Sources};
use countersign_server::edge;
use countersign_server::serve::Server;
use countersign_server::service::control::{Asked, Operation as _, RevokeKey};
use countersign_store::port::Confirmation;
use futures_util::StreamExt as _;
use http::HeaderMap;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::report;
use crate::stopwatch::wall_time;

/// Keys that are revoked, one after the other.
const REVOCATIONS: usize = 500;
/// WebSockets of other keys, which stay open meanwhile.
const BYSTANDERS: usize = 200;

/// Nothing but its key ends a WebSocket of this guard while it is measured.
const CONFIGURATION: &str = "[limits]\nidle_seconds = 3600\nmax_connections_per_address = 2000\n\
    [[route]]\npath = \"/ws\"\nwebsocket = true\n";

/// Revokes keys whose WebSockets are open and silent, and prints how long these lasted.
pub(crate) fn run() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    tokio::runtime::Runtime::new()?.block_on(measure(home.path()))
}

async fn measure(home: &Path) -> anyhow::Result<()> {
    let server = start(home, Some(api().await?)).await?;
    let (app, address, stop) = (server.app().clone(), server.address(), CancellationToken::new());
    let serving = tokio::spawn(server.run(stop.clone()));
    while app.replay.now(edge::now()).is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut bystanders = Vec::new();
    for _ in 0..BYSTANDERS {
        bystanders.push(open(&app, address).await?);
    }
    let (mut acknowledged, mut ended) = (Vec::new(), Vec::new());
    for _ in 0..REVOCATIONS {
        let (key, socket) = open(&app, address).await?;
        let (after, end) = revoke(&app, key, socket).await?;
        acknowledged.push(after);
        ended.push(end);
    }
    report::delays(&[("revocation acknowledged", acknowledged), ("WebSocket ended at the client", ended)]);
    drop(bystanders);
    stop.cancel();
    serving.await??;
    Ok(())
}

/// When the revocation is acknowledged, and when the client's connection ends, both from the moment it is asked for.
async fn revoke(app: &SharedApp, key: KeyId, mut socket: WebSocket) -> anyhow::Result<(Duration, Duration)> {
    let asked = Asked { actor: "bench".to_owned(), session: None, at: edge::now().wall };
    let begun = wall_time();
    let operator = async {
        let done = RevokeKey { keyid: key.to_string() }.run(&app.accounts, &asked).await;
        (done, wall_time() - begun)
    };
    let client = async {
        // Silent until it ends, which a connection that is cut may do by an error.
        let read = socket.stream.read_u8().await;
        (read, wall_time() - begun)
    };
    let ((done, acknowledged), (read, ended)) = tokio::join!(operator, client);
    done?;
    match read {
        Ok(_) => bail!("the API said something"),
        Err(_) => Ok((acknowledged, ended)),
    }
}

/// A guard on a data directory below `home`, before an API or its own echo.
pub(crate) async fn start(home: &Path, api: Option<SocketAddr>) -> anyhow::Result<Server> {
    let file = home.join("countersign.toml");
    std::fs::write(&file, CONFIGURATION)?;
    let free_port = || Some("127.0.0.1:0".to_owned());
    let overrides = Overrides {
        data: Some(home.join("data").to_str().context("the path of the data directory is no text")?.to_owned()),
        listen: free_port(),
        admin_listen: free_port(),
        upstream: api.map(|api| format!("http://{api}")),
        ..Overrides::default()
    };
    let sources = Sources { file: Some(file), overrides, ..Sources::default() };
    Ok(Server::start(config::load(sources)?.config).await?)
}

/// An API that agrees to every WebSocket and says nothing.
async fn api() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await {
                    while let Some(Ok(_)) = socket.next().await {}
                }
            });
        }
    });
    Ok(address)
}

/// A WebSocket of a key of its own.
async fn open(app: &SharedApp, address: SocketAddr) -> anyhow::Result<(KeyId, WebSocket)> {
    let (key, root) = enrol(app).await?;
    let credentials = Credentials::new(address.to_string().parse()?, key.clone().into(), &root);
    let client = Client::new(Address::parse(&format!("http://{address}"))?, Conversation::new(credentials, 0))?;
    match client.open_websocket("/ws", HeaderMap::new()).await? {
        Handshake::Opened(socket) => Ok((key, socket)),
        Handshake::Declined(answer) => bail!("the guard answered {}", answer.verified.status),
    }
}

/// A program with a key, in the store as in memory.
pub(crate) async fn enrol(app: &SharedApp) -> anyhow::Result<(KeyId, Root)> {
    let (now, id) = (edge::now().wall, KeyId::from_random(edge::random()));
    let root = Root::new(Secret32::new(edge::random()));
    let user = User {
        id: UserId::from_random(edge::random()),
        username: format!("program-{id}").parse()?,
        role: Role::Service,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 0,
        created: now,
    };
    let (secret, nonce) = (root.secret().expose(), edge::random());
    let key = KeyRecord {
        id: id.clone(),
        user: user.id,
        device: String::new(),
        root: app.accounts.secrets.kek.seal(id.as_str(), user.username.as_str(), secret, nonce)?,
        origin: KeyOrigin::GroupCard,
        state: KeyState::Active,
        created: now,
    };
    let (kind, actor) = (EventKind::Enrolled, "bench".to_owned());
    let event = Event { at: now, kind, user: None, key: None, session: None, actor, detail: String::new() };
    let confirmation = Confirmation { user, key };
    app.accounts.stores.enrolments.confirm(&confirmation, &event).await?;
    app.accounts.keyring.put(&confirmation.user, confirmation.key)?;
    Ok((id, root))
}
