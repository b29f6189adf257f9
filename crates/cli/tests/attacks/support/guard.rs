//! A guard in this process, with its doors on loopback.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use countersign_core::enrolment::Card;
use countersign_server::app::SharedApp;
use countersign_server::config::{self, Checked, Config, Overrides, Sources};
use countersign_server::edge;
use countersign_server::serve::{Server, StopError};
use countersign_server::service::control::{Asked, Invite, InviteKind, Operation};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::knock::Knocker;
use super::signing::{Draft, Key, Sent};
use super::tables;
use super::transport::Door;
use super::wire::{Answer, ask};

/// Reads a configuration whose data lie in `directory`, for ports that the system picks.
pub(crate) fn configuration(directory: &Path, toml: &str) -> Checked<Config> {
    let file = directory.join("guard.toml");
    std::fs::write(&file, toml).unwrap();
    let overrides = Overrides {
        data: Some(data(directory).display().to_string()),
        listen: Some("127.0.0.1:0".to_owned()),
        admin_listen: Some("127.0.0.1:0".to_owned()),
        ..Overrides::default()
    };
    config::load(Sources { file: Some(file), overrides, ..Sources::default() }).unwrap().config
}

fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// A guard that serves.
pub(crate) struct Running {
    pub(crate) app: SharedApp,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    directory: TempDir,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), StopError>>,
    _door: Door,
}

impl Running {
    /// Starts with this configuration in a directory of its own.
    pub(crate) async fn start(toml: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), toml).await
    }

    /// Starts on what an earlier guard left.
    pub(crate) async fn start_in(directory: TempDir, toml: &str) -> Self {
        let (tls, trust) = crate::TRANSPORT.prepare(directory.path());
        let server = Server::start(configuration(directory.path(), &format!("{tls}{toml}"))).await.unwrap();
        let (app, address, admin) = (server.app().clone(), server.address(), server.admin_address());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(stop.clone()));
        let door = crate::TRANSPORT.open(address, trust);
        Self { app, address, admin, directory, stop, serving, _door: door }
    }

    /// In front of this API.
    pub(crate) async fn before(api: SocketAddr, toml: &str) -> Self {
        Self::start(&format!("upstream = \"http://{api}\"\n{toml}")).await
    }

    /// Stops in order and gives back the directory.
    pub(crate) async fn stopped(self) -> TempDir {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.directory
    }

    pub(crate) fn data(&self) -> PathBuf {
        data(self.directory.path())
    }

    pub(crate) async fn tables(&self) -> Vec<String> {
        tables::dump(&self.data().join("countersign.db")).await
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Does what an operator asks for.
    pub(crate) async fn operate<O: Operation>(&self, operation: O) -> O::Reply {
        let asked = Asked { actor: "test".to_owned(), session: None, at: edge::now().wall };
        operation.run(&self.app.accounts, &asked).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// A card for a person.
    pub(crate) async fn card(&self, kind: InviteKind) -> Card {
        self.operate(Invite { kind, role: "user".to_owned() }).await.card.parse().unwrap()
    }

    /// A card for a program, whose key signs whatever it calls.
    pub(crate) async fn service_card(&self) -> Card {
        self.operate(Invite { kind: InviteKind::Ticket, role: "service".to_owned() }).await.card.parse().unwrap()
    }

    /// A program that is enrolled by this name, confirmed.
    pub(crate) async fn service(&self, name: &str) -> Key {
        let key = Knocker::new(&self.service_card().await, name).knock(self.address).await.unwrap();
        assert_eq!(self.get("/api/auth/whoami", &key).await.status, 200);
        key
    }

    /// A request of this key, still to be signed.
    pub(crate) fn draft(&self, method: &str, target: &str, key: &Key) -> Draft {
        Draft::new(method, target, &self.authority(), &key.keyid)
    }

    /// A good GET; its answer is from the guard.
    pub(crate) async fn get(&self, target: &str, key: &Key) -> Answer {
        self.ask(&self.draft("GET", target, key).without_body().sign(key), key).await
    }

    /// Sends a request on a connection of its own; the answer is signed for it.
    pub(crate) async fn ask(&self, sent: &Sent, key: &Key) -> Answer {
        let answer = ask(self.address, &sent.octets()).await;
        sent.assert_answered(&key.keys.s2c, &answer);
        answer
    }
}
