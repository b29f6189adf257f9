//! Users and sessions, as a login makes them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Context as _;
use countersign_core::account::{Credentials, Role, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{FamilyId, SessionId, SessionRef, UserId};
use countersign_core::permission::Permissions;
use countersign_core::secret::Secret32;
use countersign_core::session::{Family, OpenedBy, Place, Proof, Session, SessionState, TokenHash};
use countersign_core::time::Timestamp;
use countersign_server::accounts::Accounts;
use countersign_server::edge;
use countersign_server::service::access_token::{Holder, issue_to};

const DAY: Duration = Duration::from_secs(86_400);
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A person of this number.
pub(crate) fn user(number: usize) -> anyhow::Result<User> {
    Ok(User {
        id: UserId::from_random(edge::random()),
        username: format!("person{number}").parse()?,
        role: Role::User,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 0,
        created: edge::now().wall,
    })
}

/// The same in the store.
pub(crate) async fn kept_user(accounts: &Accounts, number: usize) -> anyhow::Result<User> {
    let user = user(number)?;
    let event = event(EventKind::UserEnabled, &user);
    accounts.stores.users.add(&Credentials::new(user.clone(), None), &event).await?;
    Ok(user)
}

/// A bearer session of theirs whose token has this hash.
pub(crate) fn session(user: &User, token: TokenHash, now: Timestamp) -> Session {
    Session {
        id: SessionId(edge::random()),
        reference: SessionRef(edge::random()),
        user: user.id,
        opened_by: OpenedBy::Password { root: None },
        proof: Proof::Bearer,
        generation: user.generation,
        epoch: 0,
        created: now,
        auth_time: now,
        last_used: now,
        expires: now.saturating_add(DAY * 30),
        address: HOME,
        user_agent: None,
        device: "bench".into(),
        token,
        state: SessionState::Open,
    }
}

/// A session and the access token that it is issued.
pub(crate) fn signed_in(accounts: &Accounts, user: &User) -> anyhow::Result<(Session, String)> {
    let now = edge::now().wall;
    let mut session = session(user, TokenHash::of(""), now);
    let (reference, proof) = (session.reference, Proof::Bearer);
    let over = session.expires;
    let holder = Holder { user, session: reference, proof, auth_time: now, epoch: 0, over, address: HOME };
    let issued =
        issue_to(accounts, &holder, &edge::random(), now)?.context("a session that goes on is issued tokens")?;
    session.token = issued.hash;
    Ok((session, issued.text.to_string()))
}

/// The family of its refresh tokens.
pub(crate) fn family(accounts: &Accounts, session: &Session, user: &User) -> anyhow::Result<Family> {
    let (id, secret) = (FamilyId(edge::random()), Secret32::new(edge::random()));
    let (name, kek) = (user.username.as_str(), &accounts.secrets.kek);
    Ok(Family {
        id,
        session: session.reference,
        user: user.id,
        proof: session.proof,
        secret: kek.seal(&Family::name_of_secret(id), name, secret.expose(), edge::random())?,
        sequence: 0,
        rotated: session.created,
        place: Place::of(session.address, None),
        used: false,
        good_until: session.created.saturating_add(DAY * 7),
        expires: session.expires,
        state: SessionState::Open,
    })
}

/// That something befell this user.
pub(crate) fn event(kind: EventKind, user: &User) -> Event {
    let actor = "bench".to_owned();
    Event { at: edge::now().wall, kind, user: Some(user.id), key: None, session: None, actor, detail: String::new() }
}
