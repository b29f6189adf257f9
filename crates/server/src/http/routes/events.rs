//! `GET /api/admin/events` and `GET /api/admin/events/stream` on the administration listener.

mod query;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::account::Role;
use countersign_core::problem::Problem;
use countersign_store::port::{Selection, StoreError};
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};

use self::query::selection;
use crate::app::SharedApp;
use crate::http::identity::Identity;
use crate::http::problem::Refused;
use crate::http::stream::MayStream;
use crate::http::verify::undecided;
use crate::service::Undecided;
use crate::service::events::{EventPage, EventRow, MOST_EVENTS, next_page, page};

/// After so long without an event a stream says that it is still there.
const SILENCE: Duration = Duration::from_secs(15);

const NO_STORE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// Lists events.
pub async fn list(State(app): State<SharedApp>, identity: Identity, request: Request) -> Result<Response, Refused> {
    let selection = asked(&identity, &request)?;
    let page = page(&app.accounts, selection).await.map_err(unavailable)?;
    Ok(([NO_STORE], axum::Json(page)).into_response())
}

/// Gives each event as it is recorded, as server-sent events. It has no end, so it can be signed as a stream only: whoever
/// asks for it otherwise is told so.
pub async fn follow(State(app): State<SharedApp>, identity: Identity, request: Request) -> Result<Response, Refused> {
    let selection = asked(&identity, &request)?;
    if request.extensions().get::<MayStream>().is_none() {
        return Err(Problem::UNPROCESSABLE.into());
    }
    let after = match selection.after {
        Some(after) => after,
        None => *app.accounts.stores.events.last().borrow(),
    };
    let selection = Selection { after: Some(after), limit: MOST_EVENTS, ..selection };
    let pieces = unfold((app, selection), |(app, mut selection)| async move {
        if app.stopping.is_cancelled() {
            return None;
        }
        let EventPage { events, next } = match next_page(&app.accounts, selection.clone(), SILENCE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "a stream of events ends: the store does not answer");
                return None;
            }
        };
        selection.after = Some(next);
        Some((Ok::<_, Infallible>(written(&events)), (app, selection)))
    });
    let event_stream = (CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(([event_stream, NO_STORE], Body::from_stream(pieces)).into_response())
}

/// Events in the form of WHATWG HTML §9.2; without any a comment.
fn written(events: &[EventRow]) -> String {
    if events.is_empty() {
        return ": still here\n\n".to_owned();
    }
    let texts = events.iter().filter_map(|row| Some((row, serde_json::to_string(row).ok()?)));
    texts.map(|(row, json)| format!("id: {}\nevent: {}\ndata: {json}\n\n", row.sequence, row.event)).collect()
}

/// What an administrator asks for.
fn asked(identity: &Identity, request: &Request) -> Result<Selection, Refused> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Refused::method_not_allowed("GET, HEAD"));
    }
    match identity.role() {
        Role::Admin => selection(request.uri().query()).ok_or_else(|| Problem::MALFORMED_REQUEST.into()),
        Role::User | Role::Service => Err(Problem::FORBIDDEN.into()),
    }
}

fn unavailable(error: StoreError) -> Refused {
    undecided(&Undecided::from(error))
}
