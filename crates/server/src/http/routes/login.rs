//! `POST /api/auth/login`

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use countersign_core::password::{BadPassword, Password};
use countersign_core::problem::Problem;
use countersign_core::session::Proof;
use http::Method;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::grant;
use crate::app::SharedApp;
use crate::config::Config;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::json::{Form, read};
use crate::http::peer::Peer;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::Undecided;
use crate::service::login::{ByPassword, Device, Login, by_key, by_password};
use crate::service::whence::Whence;

/// The login of somebody who knows the password.
#[derive(Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema), schema(as = LoginByPassword))]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct WithPassword {
    /// The name of the user.
    username: String,
    /// 8 to 128 characters.
    #[cfg_attr(feature = "standalone", schema(value_type = String, format = Password))]
    password: Zeroizing<String>,
    /// What the user calls the device; 64 octets of it are kept.
    #[serde(default)]
    device: String,
    /// What the requests of the session will prove.
    #[serde(default)]
    proof: WantedProof,
}

impl Form for WithPassword {
    const EXPECTED: &'static str = "A login by password takes a JSON object with the members username and password and, if \
                                    wanted, device and proof (bearer or key), each once and no others.";
}

/// The login of somebody whose key has signed the request.
#[derive(Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema), schema(as = LoginByKey))]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct WithKey {
    /// What the user calls the device; 64 octets of it are kept.
    #[serde(default)]
    device: String,
}

impl Form for WithKey {
    const EXPECTED: &'static str = "A login by key takes a JSON object with the member device, or with none. Who logs in stands \
                                    in the signature.";
}

#[derive(Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
enum WantedProof {
    #[default]
    Bearer,
    Key,
}

/// Opens a session: for whoever has signed the request, else for whoever knows the password in it.
pub async fn login(
    State(app): State<SharedApp>,
    identity: Option<Identity>,
    Extension(peer): Extension<Peer>,
    whence: Whence,
    request: Request,
) -> Result<Response, Refused> {
    if *request.method() != Method::POST {
        return Err(Refused::method_not_allowed("POST"));
    }
    let login = match identity {
        Some(identity) => {
            let WithKey { device } = read(request).await?;
            by_key(&app, identity.principal(), Device::new(&device, whence), clock::now(&app)?).await
        }
        None if !may_be_read_by_nobody(&app.accounts.config, peer) => return Err(in_plain_text()),
        None => {
            let asked: WithPassword = read(request).await?;
            let device = Device::new(&asked.device, whence);
            by_password(&app, asked.checked()?, device, clock::now(&app)?).await
        }
    };
    answer(login)
}

impl WithPassword {
    fn checked(self) -> Result<ByPassword, Refused> {
        let Self { username, password, proof, .. } = self;
        let proof = match proof {
            WantedProof::Bearer => Proof::Bearer,
            WantedProof::Key => Proof::Key,
        };
        Ok(ByPassword { username, password: password_of(password)?, proof })
    }
}

/// A password, or the rule that it breaks.
pub(super) fn password_of(text: Zeroizing<String>) -> Result<Password, Refused> {
    Password::new(text).map_err(|bad| {
        Refused::from(Problem::UNPROCESSABLE).saying(match bad {
            BadPassword::TooShort => "A password has at least 8 characters, and this one has fewer. Use a longer one.",
            BadPassword::TooLong | BadPassword::TooManyOctets => {
                "A password has at most 128 characters, and this one has more. Use a shorter one."
            }
        })
    })
}

fn answer(login: Result<Login, Undecided>) -> Result<Response, Refused> {
    match login.map_err(|error| undecided(&error))? {
        Login::Opened(granted) => grant::answer(&granted),
        Login::Denied => Err(Refused::from(Problem::UNAUTHORIZED)
            .saying("Nobody has this name and this password. Check both, or ask an administrator.")),
        Login::UserChanged => Err(Refused::from(Problem::UNAUTHORIZED).saying(
            "The key is good, but its user was changed at the same moment. Try again, or ask an administrator.",
        )),
        Login::Wait(wait) => Err(Refused::from(Problem::THROTTLED).retry_after(whole_seconds(wait))),
        Login::LimitReached => Err(Refused::from(Problem::CONFLICT)
            .saying("This user has as many sessions as may be. End one of them, then log in again.")),
        Login::NotThisKey => Err(Refused::from(Problem::FORBIDDEN)
            .saying("The key of a person opens a session; a program signs every request with its key and needs none.")),
    }
}

/// Rounded up: whoever comes back then need not wait again.
pub(super) fn whole_seconds(wait: core::time::Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Whether nobody on the line has read what came from this client: it is on this machine, or TLS ends with us, or with a
/// trusted proxy of a public URL that says so.
pub(in crate::http) fn may_be_read_by_nobody(config: &Config, peer: Peer) -> bool {
    let behind_proxy = config.client_address.trusted.contains(peer.socket.ip());
    config.sessions.plain_passwords
        || config.tls.is_some()
        || peer.client.is_loopback()
        || (behind_proxy && config.names.public_url().is_secure())
}

pub(super) fn in_plain_text() -> Refused {
    Refused::from(Problem::FORBIDDEN).saying(
        "A password is taken over TLS or on the same machine only, and this one came in plain text: change it, and use the \
         https address.",
    )
}
