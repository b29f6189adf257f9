//! Sessions in a guard of this process, opened as a login opens them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use countersign_core::account::{Credentials, Role, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{FamilyId, SessionId, SessionRef, UserId};
use countersign_core::permission::Permissions;
use countersign_core::secret::Secret32;
use countersign_core::session::{Family, FamilySecret, OpenedBy, Place, Proof, Session, SessionState, TokenHash};
use countersign_core::time::Timestamp;
use countersign_server::edge;
use countersign_server::service::access_token::{Holder, issue_to};
use countersign_server::service::control::Asked;
use countersign_server::service::end_sessions::end;
use countersign_server::service::open_session::{Opening, open_session};
use countersign_store::port::Opened;

use super::whole::{Whole, now};

const DAY: core::time::Duration = core::time::Duration::from_secs(86_400);

/// Somebody who has logged in.
pub(crate) struct SignedIn {
    pub(crate) user: User,
    pub(crate) session: SessionRef,
    pub(crate) access_token: String,
    /// The current one, and the two after it.
    pub(crate) refresh_tokens: [String; 3],
}

/// A new person of this name and role.
pub(crate) async fn person(whole: &Whole, name: &str, role: Role, permissions: &[&str]) -> User {
    let user = User {
        id: UserId::from_random(edge::random()),
        username: name.parse().unwrap(),
        role,
        state: UserState::Enabled,
        permissions: Permissions::new(permissions.iter().map(|word| word.parse().unwrap())).unwrap(),
        has_password: false,
        generation: 0,
        created: now(),
    };
    let event = event(EventKind::UserEnabled, &user);
    whole.app.accounts.stores.users.add(&Credentials::new(user.clone(), None), &event).await.unwrap();
    user
}

/// A session of theirs, issued a token at `at`.
pub(crate) async fn logged_in(whole: &Whole, user: &User, proof: Proof, at: Timestamp) -> SignedIn {
    let accounts = &whole.app.accounts;
    let reference = SessionRef(edge::random());
    let address = whole.address.ip();
    let (epoch, over) = (accounts.sessions.epoch(), at.saturating_add(DAY * 30));
    let holder = Holder { user, session: reference, proof, auth_time: at, epoch, over, address };
    let issued = issue_to(accounts, &holder, &edge::random(), at).unwrap().unwrap();
    let root = Secret32::new([7; 32]);
    let name = user.username.as_str();
    let sealed = accounts.secrets.kek.seal(&reference.keyid(), name, root.expose(), edge::random()).unwrap();
    let session = Session {
        id: SessionId(edge::random()),
        reference,
        user: user.id,
        opened_by: OpenedBy::Password { root: (proof == Proof::Key).then_some(sealed) },
        proof,
        generation: user.generation,
        epoch,
        created: at,
        auth_time: at,
        last_used: at,
        expires: over,
        address,
        user_agent: None,
        device: "laptop".into(),
        token: issued.hash,
        state: SessionState::Open,
    };
    let (family, refresh_tokens) = family(whole, &session, name, at);
    let opening = Opening { session, family, user: user.clone(), root: None, limit: None };
    let opened = open_session(&whole.app, opening, event(EventKind::SessionOpened, user)).await.unwrap();
    assert!(matches!(opened, Opened::Done { .. }), "{opened:?}");
    SignedIn { user: user.clone(), session: reference, access_token: issued.text.to_string(), refresh_tokens }
}

fn family(whole: &Whole, session: &Session, name: &str, at: Timestamp) -> (Family, [String; 3]) {
    let (id, secret) = (FamilyId(edge::random()), Secret32::new(edge::random()));
    let kek = &whole.app.accounts.secrets.kek;
    let family = Family {
        id,
        session: session.reference,
        user: session.user,
        proof: session.proof,
        secret: kek.seal(&Family::name_of_secret(id), name, secret.expose(), edge::random()).unwrap(),
        sequence: 0,
        rotated: at,
        place: Place::of(session.address, None),
        used: false,
        good_until: at.saturating_add(DAY * 7),
        expires: session.expires,
        state: SessionState::Open,
    };
    let secret = FamilySecret::new(&secret);
    (family, [0, 1, 2].map(|number| secret.token(id, number).to_text().to_string()))
}

impl SignedIn {
    /// The hash of the access token.
    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.access_token)
    }
}

/// Ends sessions as somebody who asks for it does.
pub(crate) async fn ended(
    whole: &Whole,
    scope: countersign_core::session::Scope,
    why: countersign_core::session::EndReason,
) {
    let asked = Asked { actor: "test".to_owned(), session: None, at: now() };
    end(&whole.app, scope, why, asked).await.unwrap();
}

fn event(kind: EventKind, user: &User) -> Event {
    Event {
        at: now(),
        kind,
        user: Some(user.id),
        key: None,
        session: None,
        actor: "test".to_owned(),
        detail: String::new(),
    }
}
