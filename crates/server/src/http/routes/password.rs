//! `POST /api/auth/password`

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use http::{Method, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::grant;
use super::login::{in_plain_text, may_be_read_by_nobody, password_of, whole_seconds};
use super::sessions::session_of;
use crate::app::SharedApp;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::json::{Form, read};
use crate::http::peer::Peer;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::Undecided;
use crate::service::change_password::{NewPassword, PasswordChanged, change_password};
use crate::service::whence::Whence;

#[derive(Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema), schema(as = PasswordAsked))]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Asked {
    /// The present one; left out by somebody who has none.
    #[cfg_attr(feature = "standalone", schema(value_type = Option<String>, format = Password))]
    current_password: Option<Zeroizing<String>>,
    /// 8 to 128 characters.
    #[cfg_attr(feature = "standalone", schema(value_type = String, format = Password))]
    new_password: Zeroizing<String>,
}

impl Form for Asked {
    const EXPECTED: &'static str = "A change of password takes a JSON object with the members new_password and, if there is \
                                    a password, current_password, each once and no others.";
}

/// Changes one's password. Every session ends, and whoever asks goes on in a new one.
pub async fn password(
    State(app): State<SharedApp>,
    identity: Identity,
    Extension(peer): Extension<Peer>,
    whence: Whence,
    request: Request,
) -> Result<Response, Refused> {
    if *request.method() != Method::POST {
        return Err(Refused::method_not_allowed("POST"));
    }
    if !may_be_read_by_nobody(&app.accounts.config, peer) {
        return Err(in_plain_text());
    }
    let by = (identity.principal(), session_of(&identity)?);
    let Asked { current_password, new_password } = read(request).await?;
    let current = current_password.map(password_of).transpose()?;
    let asked = NewPassword { current, new: password_of(new_password)? };
    answer(change_password(&app, by, asked, &whence, clock::now(&app)?).await)
}

fn answer(changed: Result<PasswordChanged, Undecided>) -> Result<Response, Refused> {
    match changed.map_err(|error| undecided(&error))? {
        PasswordChanged::Done(granted) => grant::answer(&granted),
        PasswordChanged::LoggedOut => Ok(StatusCode::NO_CONTENT.into_response()),
        PasswordChanged::TooLongAgo => Err(Problem::REAUTHENTICATION_REQUIRED.into()),
        PasswordChanged::Denied => Err(Refused::from(Problem::UNPROCESSABLE)
            .saying("The current password is not right, or this user may have none. Check it and try again.")),
        PasswordChanged::Wait(wait) => Err(Refused::from(Problem::THROTTLED).retry_after(whole_seconds(wait))),
        PasswordChanged::Stale => Err(Refused::from(Problem::CONFLICT)
            .saying("This user was changed at the same moment. Log in again, then try again.")),
    }
}
