//! Where it is played: a guard in this process, the API behind it, and a client that has enrolled.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, ensure};
use countersign_client::{Client, Conversation, Credentials, Person, Server as Address};
use countersign_core::id::KeyId;
use countersign_core::secret::{Root, Secret32};
use countersign_server::config::{self, Checked, Config, Overrides, Sources};
use countersign_server::edge;
use countersign_server::serve::{Server, StopError};
use countersign_server::service::control::{Asked, Invite, InviteKind, Operation as _};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::api::{Api, USER};
use super::middle::Middle;
use super::trick::{Trick, Trickster};

/// Everything but the man in the middle.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Where the man in the middle sends on to: the guard.
    pub(crate) server: SocketAddr,
    pub(crate) api: Api,
    pub(crate) credentials: Credentials,
    stop: CancellationToken,
    running: JoinHandle<Result<(), StopError>>,
    directory: TempDir,
}

impl Stage {
    /// Starts a guard on free ports of loopback with a data directory of its own, and enrols with a card.
    pub(crate) async fn set_up() -> anyhow::Result<Self> {
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix("countersign-demo-").permissions(private).tempdir();
        let directory =
            directory.context("cannot make a temporary directory; set TMPDIR to a place where one can be")?;
        let api = Api::start().await?;
        let guard = Server::start(configuration(&directory, &api)?).await?;
        let server = guard.address();
        let asked = Asked { actor: "demo".to_owned(), session: None, at: edge::now().wall };
        let invite = Invite { kind: InviteKind::Ticket, role: "service".to_owned() };
        let card = invite.run(&guard.app().accounts, &asked).await?.card;
        let stop = CancellationToken::new();
        let running = tokio::spawn(guard.run(stop.clone()));
        let credentials = enrol(server, &card).await?;
        Ok(Self { server, api, credentials, stop, running, directory })
    }

    /// The client, with all its requests on the way through this man's hands. Its idea of the guard's time is wrong by
    /// `wrong_by_ms`, as that of a client is whose own clock is.
    pub(crate) fn client(&self, middle: &Middle, wrong_by_ms: i64) -> anyhow::Result<Client> {
        client(middle, Conversation::new(self.credentials.clone(), wrong_by_ms))
    }

    /// A client with a key that nobody has given it.
    pub(crate) fn stranger(&self, middle: &Middle) -> anyhow::Result<Client> {
        let keyid = KeyId::from_random(edge::random());
        let root = Root::new(Secret32::new(edge::random()));
        let credentials = Credentials::new(self.credentials.authority.clone(), keyid.into(), &root);
        client(middle, Conversation::new(credentials, 0))
    }

    /// Stops the guard and removes what it kept.
    pub(crate) async fn clear_away(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.await??;
        self.directory.close().context("the temporary directory could not be removed")
    }
}

/// Neither a file nor the environment has a say: what is shown must not depend on where it is shown.
fn configuration(directory: &TempDir, api: &Api) -> anyhow::Result<Checked<Config>> {
    let free_port = || Some("127.0.0.1:0".to_owned());
    let overrides = Overrides {
        data: Some(directory.path().to_str().context("the name of the temporary directory is no text")?.to_owned()),
        listen: free_port(),
        admin_listen: free_port(),
        upstream: Some(format!("http://{}", api.address)),
        ..Overrides::default()
    };
    Ok(config::load(Sources { overrides, ..Sources::default() })?.config)
}

fn client(middle: &Middle, conversation: Conversation) -> anyhow::Result<Client> {
    Ok(Client::new(address(middle)?, conversation)?)
}

fn address(middle: &Middle) -> anyhow::Result<Address> {
    Ok(Address::parse(&format!("http://{}", middle.address()))?)
}

/// Enrols through the man in the middle, who passes everything on: there is nothing else that he could do.
async fn enrol(guard: SocketAddr, card: &str) -> anyhow::Result<Credentials> {
    let middle = Middle::before(guard, Trickster::from(Trick::PassOn)).await?;
    let person = Person { username: USER, device: "demo" };
    let enrolment = countersign_client::enrol(&address(&middle)?, &card.parse()?, &person).await?;
    let confirmed = enrolment.client(address(&middle)?)?.whoami().await?;
    ensure!(confirmed.verified.status.is_success(), "the new key was not confirmed");
    Ok(enrolment.credentials)
}
