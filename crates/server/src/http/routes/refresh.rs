//! `POST /api/auth/refresh`

use axum::extract::{Request, State};
use axum::response::Response;
use countersign_core::problem::Problem;
use http::Method;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::grant;
use crate::app::{App, SharedApp};
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::json::{Form, read};
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::refresh::{Refresh, refresh as exchange};
use crate::service::whence::Whence;

/// How long a source that brought too many tokens is told to wait, in seconds.
const PAUSE: u64 = 60;

#[derive(Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema), schema(as = RefreshAsked))]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Asked {
    /// The refresh token that came last.
    #[cfg_attr(feature = "standalone", schema(value_type = String))]
    refresh_token: Zeroizing<String>,
}

impl Form for Asked {
    const EXPECTED: &'static str = "A refresh takes a JSON object with the member refresh_token and no other.";
}

/// Exchanges a refresh token for the next one and an access token. A session with a key signs this.
pub async fn refresh(
    State(app): State<SharedApp>,
    identity: Option<Identity>,
    whence: Whence,
    request: Request,
) -> Result<Response, Refused> {
    if *request.method() != Method::POST {
        return Err(Refused::method_not_allowed("POST"));
    }
    let Asked { refresh_token } = read(request).await?;
    let Ok(token) = refresh_token.parse() else { return Err(unknown(&app, &whence)) };
    let signer = identity.as_ref().map(Identity::principal);
    let exchanged = exchange(&app, &token, signer, &whence, clock::now(&app)?).await;
    match exchanged.map_err(|error| undecided(&error))? {
        Refresh::Granted(granted) => grant::answer(&granted),
        Refresh::Conflict => Err(Refused::from(Problem::CONFLICT)
            .saying("Another request has refreshed this session a moment ago. Use the tokens that it got.")),
        Refresh::Reused => Err(Problem::REFRESH_REUSED.into()),
        Refresh::Unproven => Err(Refused::unsigned()),
        Refresh::Unknown => Err(unknown(&app, &whence)),
        Refresh::Invalid => Err(Problem::TOKEN_INVALID.into()),
        Refresh::Ended => Err(Problem::TOKEN_REVOKED.into()),
    }
}

/// Anybody can bring tokens that are none of ours; all other refusals need one that is. Whoever brings many is told to
/// slow down; they are looked for all the same, for a good one is always taken.
fn unknown(app: &App, whence: &Whence) -> Refused {
    if app.throttle.unknown_token(whence.address) {
        Problem::TOKEN_INVALID.into()
    } else {
        Refused::from(Problem::THROTTLED).retry_after(PAUSE)
    }
}
