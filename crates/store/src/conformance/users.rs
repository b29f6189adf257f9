//! [`Users`](crate::port::Users).

use countersign_core::account::{Credentials, KeyState, Role, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::permission::Permissions;
use countersign_core::username::Username;

use super::sample::{at, eight_at_once, enrol, event, events, hash, key_id, name, user, user_id};
use crate::Stores;
use crate::port::{Added, Change, PasswordSet};

fn told(state: UserState) -> Event {
    let kind = match state {
        UserState::Enabled => EventKind::UserEnabled,
        UserState::Disabled => EventKind::UserDisabled,
        UserState::Deleted => EventKind::UserDeleted,
    };
    event(kind, at(5))
}

async fn set(stores: &Stores, number: u8, state: UserState) -> Change {
    stores.users.set_state(user_id(number), state, &told(state)).await.expect("set_state")
}

async fn find(stores: &Stores, number: u8) -> User {
    stores.users.find(user_id(number)).await.expect("find").expect("a user")
}

/// Deleted is final: it is not even told apart from never having been.
pub async fn a_deleted_user_stays_deleted(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    assert_eq!(set(stores, 1, UserState::Deleted).await, Change::Made);
    for state in [UserState::Enabled, UserState::Disabled, UserState::Deleted] {
        assert_eq!(set(stores, 1, state).await, Change::Missing, "{state:?}");
    }
    assert_eq!(find(stores, 1).await.state, UserState::Deleted);
    assert_eq!(stores.users.named(&name("alice")).await.expect("named"), None);
    assert!(stores.users.list(None, 10).await.expect("list").is_empty());
    assert_eq!(events(stores).await, 2);
}

/// At the time of the event; one that was revoked before keeps its own time.
pub async fn deleting_a_user_revokes_the_keys(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    enrol(stores, 3, "carol").await;
    stores.keys.revoke(&key_id(2), &event(EventKind::KeyRevoked, at(1))).await.expect("revoke");
    set(stores, 1, UserState::Deleted).await;
    set(stores, 2, UserState::Deleted).await;
    let state = |number| async move { stores.keys.find(&key_id(number)).await.expect("find").expect("a key").state };
    assert_eq!(state(1).await, KeyState::Revoked { at: at(5) });
    assert_eq!(state(2).await, KeyState::Revoked { at: at(1) });
    assert_eq!(state(3).await, KeyState::Active);
}

/// Somebody else may have it, as somebody else.
pub async fn the_name_of_a_deleted_user_is_free(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    set(stores, 1, UserState::Deleted).await;
    enrol(stores, 2, "alice").await;
    assert_eq!(stores.users.named(&name("alice")).await.expect("named"), Some(user(2, "alice")));
    assert_eq!(find(stores, 1).await.state, UserState::Deleted);
}

/// Coming back does not lower it, and what was issued before stays dead.
pub async fn leaving_enabled_raises_the_generation(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for (state, generation) in
        [(UserState::Disabled, 2), (UserState::Enabled, 2), (UserState::Disabled, 3), (UserState::Deleted, 3)]
    {
        assert_eq!(set(stores, 1, state).await, Change::Made);
        assert_eq!((find(stores, 1).await.state, find(stores, 1).await.generation), (state, generation));
    }
    enrol(stores, 2, "bob").await;
    set(stores, 2, UserState::Deleted).await;
    assert_eq!(find(stores, 2).await.generation, 2);
}

/// Nothing has changed, so nothing is recorded.
pub async fn a_state_that_is_set_already_is_not_told_of(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    assert_eq!(set(stores, 1, UserState::Enabled).await, Change::Already);
    assert_eq!(events(stores).await, 1);
    assert_eq!(find(stores, 1).await, user(1, "alice"));
}

/// In the order of their octets, without overlap.
pub async fn users_are_listed_by_name(stores: &Stores) {
    for (number, name) in [(1, "zoë"), (2, "bob"), (3, "émile"), (4, "bob2")] {
        enrol(stores, number, name).await;
    }
    set(stores, 4, UserState::Disabled).await;
    let names = |after: Option<Username>, limit| async move {
        let users = stores.users.list(after.as_ref(), limit).await.expect("list");
        users.into_iter().map(|user| user.username).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 2).await, [name("bob"), name("bob2")]);
    assert_eq!(names(Some(name("bob2")), 9).await, [name("zoë"), name("émile")]);
    assert!(names(Some(name("émile")), 9).await.is_empty());
}

/// What was never there is neither found nor changed.
pub async fn an_unknown_user_is_missing(stores: &Stores) {
    assert_eq!(stores.users.find(user_id(1)).await.expect("find"), None);
    assert_eq!(stores.users.named(&name("alice")).await.expect("named"), None);
    assert_eq!(set(stores, 1, UserState::Disabled).await, Change::Missing);
    assert_eq!(events(stores).await, 0);
}

/// One deletion, one event.
pub async fn of_eight_deleting_a_user_one_does(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let changes = eight_at_once(|_| {
        let users = stores.users.clone();
        let deleted = UserState::Deleted;
        async move { users.set_state(user_id(1), deleted, &told(deleted)).await.expect("set_state") }
    });
    let changes = changes.await;
    assert_eq!(changes.iter().filter(|change| **change == Change::Made).count(), 1, "{changes:?}");
    assert_eq!(events(stores).await, 2);
}

async fn add(stores: &Stores, user: &User, password: Option<&str>) -> Added {
    let credentials = Credentials::new(user.clone(), password.map(hash));
    stores.users.add(&credentials, &event(EventKind::UserAdded, at(4))).await.expect("add")
}

/// The user of this name, and the hash of the password as text.
async fn credentials(stores: &Stores, username: &str) -> (User, Option<String>) {
    let found = stores.users.credentials(&name(username)).await.expect("credentials").expect("a user");
    let password = found.password().map(|hash| hash.expose().to_owned());
    (found.into_user(), password)
}

async fn set_password(stores: &Stores, number: u8, generation: u32, text: &str) -> PasswordSet {
    let event = event(EventKind::PasswordChanged, at(6));
    stores.users.set_password(user_id(number), generation, &hash(text), &event).await.expect("set_password")
}

fn some(text: &str) -> Option<String> {
    Some(hash(text).expose().to_owned())
}

/// By every way to the user.
pub async fn an_added_user_has_the_password_and_no_key(stores: &Stores) {
    let permissions: Permissions = "orders:read orders:write".parse().expect("permissions");
    let alice = User { role: Role::Admin, permissions, ..user(1, "alice") };
    assert_eq!(add(stores, &alice, Some("a")).await, Added::Done);
    let alice = User { has_password: true, ..alice };
    assert_eq!(credentials(stores, "alice").await, (alice.clone(), some("a")));
    assert_eq!(find(stores, 1).await, alice);
    assert_eq!(stores.users.list(None, 9).await.expect("list"), [alice]);
    assert!(stores.keys.of_user(user_id(1)).await.expect("of_user").is_empty());
    assert_eq!(events(stores).await, 1);
    assert_eq!(add(stores, &user(2, "bob"), None).await, Added::Done);
    assert_eq!(credentials(stores, "bob").await, (user(2, "bob"), None));
}

/// Neither of the user nor of an event.
pub async fn a_taken_name_leaves_no_trace_of_the_second_user(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    assert_eq!(add(stores, &user(2, "alice"), Some("a")).await, Added::NameTaken);
    assert_eq!(stores.users.find(user_id(2)).await.expect("find"), None);
    assert_eq!(credentials(stores, "alice").await, (user(1, "alice"), None));
    assert_eq!(events(stores).await, 1);
}

/// The others are told so.
pub async fn of_eight_wanting_to_be_added_by_one_name_one_is(stores: &Stores) {
    let added = eight_at_once(|number| {
        let users = stores.users.clone();
        let credentials = Credentials::new(user(number, "alice"), Some(hash("a")));
        async move { users.add(&credentials, &event(EventKind::UserAdded, at(0))).await.expect("add") }
    });
    assert_eq!(added.await.iter().filter(|added| **added == Added::Done).count(), 1);
    assert_eq!(events(stores).await, 1);
}

/// As somebody else, with a password of their own.
pub async fn the_name_of_a_deleted_user_can_be_added_again(stores: &Stores) {
    add(stores, &user(1, "alice"), Some("a")).await;
    set(stores, 1, UserState::Deleted).await;
    assert!(stores.users.credentials(&name("alice")).await.expect("credentials").is_none());
    assert_eq!(add(stores, &user(2, "alice"), None).await, Added::Done);
    assert_eq!(credentials(stores, "alice").await, (user(2, "alice"), None));
}

/// So that what the old one opened is shut.
pub async fn a_new_password_raises_the_generation(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    assert_eq!(set_password(stores, 1, 1, "a").await, PasswordSet::Done);
    let alice = User { has_password: true, generation: 2, ..user(1, "alice") };
    assert_eq!(credentials(stores, "alice").await, (alice.clone(), some("a")));
    assert_eq!(set_password(stores, 1, 2, "b").await, PasswordSet::Done);
    assert_eq!(credentials(stores, "alice").await, (User { generation: 3, ..alice }, some("b")));
    assert_eq!(events(stores).await, 3);
}

/// Somebody proved the old password before it was changed, and comes after: their word no longer counts.
pub async fn a_password_for_an_earlier_generation_is_not_set(stores: &Stores) {
    add(stores, &user(1, "alice"), Some("a")).await;
    set_password(stores, 1, 1, "b").await;
    for generation in [0, 1, 3] {
        assert_eq!(set_password(stores, 1, generation, "c").await, PasswordSet::Stale);
    }
    assert_eq!(credentials(stores, "alice").await.1, some("b"));
    assert_eq!(events(stores).await, 2);
}

/// They all proved the same.
pub async fn of_eight_setting_a_password_one_does(stores: &Stores) {
    add(stores, &user(1, "alice"), Some("a")).await;
    let set = eight_at_once(|number| {
        let users = stores.users.clone();
        let event = event(EventKind::PasswordChanged, at(1));
        let hash = hash(&number.to_string());
        async move { users.set_password(user_id(1), 1, &hash, &event).await.expect("set_password") }
    });
    let set = set.await;
    assert_eq!(set.iter().filter(|set| **set == PasswordSet::Done).count(), 1, "{set:?}");
    assert_eq!(find(stores, 1).await.generation, 2);
    assert_eq!(events(stores).await, 2);
}

/// It signs. Whoever becomes one loses the password, and has none when they are a person again.
pub async fn a_program_has_no_password(stores: &Stores) {
    add(stores, &User { role: Role::Service, ..user(1, "backup") }, None).await;
    assert_eq!(set_password(stores, 1, 1, "a").await, PasswordSet::Missing);
    assert_eq!(credentials(stores, "backup").await.1, None);
    add(stores, &user(2, "alice"), Some("a")).await;
    for role in [Role::Service, Role::User] {
        let changed = stores.users.set_role(user_id(2), role, &event(EventKind::RoleChanged, at(1))).await;
        assert_eq!(changed.expect("set_role"), Change::Made);
        let (alice, password) = credentials(stores, "alice").await;
        assert_eq!((alice.has_password, password), (false, None), "{role}");
    }
}

/// And nobody is told. What was changed meanwhile stays.
pub async fn a_hash_in_another_form_changes_nothing_else(stores: &Stores) {
    add(stores, &user(1, "alice"), Some("a")).await;
    let rehash = |former, fresh| async move { stores.users.rehash(user_id(1), &hash(former), &hash(fresh)).await };
    assert_eq!(rehash("a", "A").await.expect("rehash"), Change::Made);
    let alice = User { has_password: true, ..user(1, "alice") };
    assert_eq!(credentials(stores, "alice").await, (alice.clone(), some("A")));
    assert_eq!(rehash("a", "B").await.expect("rehash"), Change::Already);
    assert_eq!(credentials(stores, "alice").await, (alice, some("A")));
    assert_eq!(events(stores).await, 1);
    enrol(stores, 2, "bob").await;
    assert_eq!(stores.users.rehash(user_id(2), &hash("a"), &hash("b")).await.expect("rehash"), Change::Already);
    assert_eq!(credentials(stores, "bob").await.1, None);
}

/// Tokens say what their bearer was and could do.
pub async fn a_new_role_or_other_permissions_raise_the_generation(stores: &Stores) {
    add(stores, &user(1, "alice"), Some("a")).await;
    let role = |role| async move {
        stores.users.set_role(user_id(1), role, &event(EventKind::RoleChanged, at(1))).await.expect("set_role")
    };
    let permit = |text: &'static str| async move {
        let (permissions, event) = (text.parse().expect("permissions"), event(EventKind::PermissionsChanged, at(1)));
        stores.users.set_permissions(user_id(1), &permissions, &event).await.expect("set_permissions")
    };
    assert_eq!(role(Role::User).await, Change::Already);
    assert_eq!(permit("").await, Change::Already);
    assert_eq!((find(stores, 1).await.generation, events(stores).await), (1, 1));
    assert_eq!(role(Role::Admin).await, Change::Made);
    assert_eq!(permit("a b").await, Change::Made);
    assert_eq!(permit("b a").await, Change::Already);
    let (alice, password) = credentials(stores, "alice").await;
    assert_eq!((alice.role, alice.permissions.to_string(), alice.generation), (Role::Admin, "a b".to_owned(), 3));
    assert_eq!(password, some("a"));
    assert_eq!(permit("").await, Change::Made);
    assert_eq!((find(stores, 1).await.generation, events(stores).await), (4, 4));
}

/// As if they had never been.
pub async fn a_deleted_user_is_given_nothing(stores: &Stores) {
    add(stores, &user(1, "alice"), Some("a")).await;
    set(stores, 1, UserState::Deleted).await;
    let before = find(stores, 1).await;
    let told = event(EventKind::UserRevoked, at(7));
    for id in [user_id(1), user_id(2)] {
        let users = &stores.users;
        assert_eq!(users.set_password(id, 2, &hash("b"), &told).await.expect("set_password"), PasswordSet::Missing);
        assert_eq!(users.rehash(id, &hash("a"), &hash("b")).await.expect("rehash"), Change::Missing);
        assert_eq!(users.set_role(id, Role::Admin, &told).await.expect("set_role"), Change::Missing);
        let permissions = "a".parse().expect("permissions");
        assert_eq!(users.set_permissions(id, &permissions, &told).await.expect("set_permissions"), Change::Missing);
    }
    assert_eq!(find(stores, 1).await, before);
    assert_eq!(events(stores).await, 2);
}
