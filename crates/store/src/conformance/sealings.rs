//! [`Sealings`](crate::port::Sealings).

use countersign_core::account::{KeyState, UserState};
use countersign_core::event::EventKind;
use countersign_core::secret::Sealed;
use countersign_core::session::{Family, OpenedBy, Session, SessionState};

use super::sample::{
    self, at, by_group, eight_at_once, enrol, enrolled, event, events, family_id, key_id, key_session, open, session,
    session_ref, user_id,
};
use crate::Stores;
use crate::port::{OWNER_OF_SERVER_SECRETS, Reseal, Resealed, Retirement, SealedPlace, Sealing};

fn sealed(version: u32, octet: u8) -> Sealed {
    Sealed { version, octets: vec![octet; 60] }
}

/// Two keys and two secrets, all of version 1.
async fn furnish(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    for (name, octet) in [("decoy", 8), ("ticket", 9)] {
        stores.server_secrets.keep_first(name, &sealed(1, octet)).await.expect("keep_first");
    }
}

/// Everything that is sealed otherwise, asked for in pages of this size.
async fn others(stores: &Stores, current: u32, limit: u32) -> Vec<Sealing> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = stores.sealings.sealed_otherwise(current, after.as_ref(), limit).await.expect("a page");
        assert_eq!(page.distrusted, 0);
        found.extend(page.sealings);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Seals these anew under version 2.
async fn reseal(stores: &Stores, sealings: &[Sealing]) -> Vec<Resealed> {
    let batch = sealings.iter().map(|sealing| Reseal {
        place: sealing.place.clone(),
        former: sealing.sealed.clone(),
        fresh: Sealed { version: 2, ..sealing.sealed.clone() },
    });
    stores.sealings.reseal(batch.collect()).await.expect("reseal")
}

/// In pages of any size, each once, with what it was sealed for; also what belongs to somebody who is gone.
pub async fn everything_that_is_sealed_otherwise_is_found_once(stores: &Stores) {
    furnish(stores).await;
    stores
        .users
        .set_state(user_id(2), UserState::Deleted, &event(EventKind::UserDeleted, at(0)))
        .await
        .expect("delete");
    for limit in [1, 2, 3, 100] {
        let found = others(stores, 2, limit).await;
        let keys = [(key_id(1).to_string(), "alice"), (key_id(2).to_string(), "bob")];
        let secrets = [("decoy".to_owned(), OWNER_OF_SERVER_SECRETS), ("ticket".to_owned(), OWNER_OF_SERVER_SECRETS)];
        let sealed_for: Vec<_> = found.iter().map(|found| (found.name.clone(), found.owner.as_str())).collect();
        assert_eq!(sealed_for, [keys, secrets].concat(), "{limit}");
        assert!(found.iter().all(|found| found.vouched && found.sealed.version == 1));
    }
    assert!(others(stores, 1, 100).await.is_empty());
}

/// It then opens under the new version, and nothing else about it has changed.
pub async fn what_is_sealed_anew_is_otherwise_the_same(stores: &Stores) {
    furnish(stores).await;
    stores.keys.revoke(&key_id(2), &event(EventKind::KeyRevoked, at(5))).await.expect("revoke");
    let told = events(stores).await;
    let found = others(stores, 2, 100).await;
    assert_eq!(reseal(stores, &found).await, [Resealed::Done; 4]);
    let key = async |number| stores.keys.find(&key_id(number)).await.expect("find").expect("a key");
    assert_eq!((key(1).await.root, key(1).await.state), (sealed(2, 1), KeyState::Active));
    assert_eq!((key(2).await.root, key(2).await.state), (sealed(2, 2), KeyState::Revoked { at: at(5) }));
    assert_eq!(stores.server_secrets.find("ticket").await.expect("find"), Some(sealed(2, 9)));
    assert!(others(stores, 2, 100).await.is_empty());
    assert_eq!(others(stores, 1, 100).await.len(), 4);
    assert_eq!(events(stores).await, told);
}

/// Whoever was quicker is not overwritten, and what is not there is not made.
pub async fn only_the_value_that_was_read_is_replaced(stores: &Stores) {
    furnish(stores).await;
    let found = others(stores, 2, 100).await;
    let told = event(EventKind::GroupRotated, at(0));
    stores.server_secrets.replace("ticket", &sealed(1, 77), &told).await.expect("replace");
    assert_eq!(reseal(stores, &found[..1]).await, [Resealed::Done]);
    let changed = [Resealed::Changed, Resealed::Done, Resealed::Done, Resealed::Changed];
    assert_eq!(reseal(stores, &found).await, changed);
    assert_eq!(stores.server_secrets.find("ticket").await.expect("find"), Some(sealed(1, 77)));
    for (table, id) in
        [("keys", key_id(3).to_string()), ("server_secrets", "other".to_owned()), ("users", String::new())]
    {
        let nowhere = Sealing { place: SealedPlace { table, id }, ..found[0].clone() };
        assert_eq!(reseal(stores, &[nowhere]).await, [Resealed::Changed]);
    }
}

/// The others find another value there.
pub async fn of_eight_sealing_a_value_anew_one_does(stores: &Stores) {
    furnish(stores).await;
    let former = others(stores, 2, 100).await.remove(0);
    let told = eight_at_once(|number| {
        let (sealings, former) = (stores.sealings.clone(), former.clone());
        let fresh = sealed(2, 100 + number);
        let batch = vec![Reseal { place: former.place, former: former.sealed, fresh }];
        async move { sealings.reseal(batch).await.expect("reseal").remove(0) }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Resealed::Done).count(), 1, "{told:?}");
}

/// Not before the last value has been sealed anew.
pub async fn a_version_that_is_needed_is_not_retired(stores: &Stores) {
    furnish(stores).await;
    for left in (1..=4).rev() {
        assert_eq!(stores.sealings.retire(2).await.expect("retire"), Retirement::Needed(left));
        let found = others(stores, 2, 1).await;
        assert_eq!(reseal(stores, &found[..1]).await, [Resealed::Done]);
    }
    // Nothing was refused meanwhile.
    stores.server_secrets.keep_first("late", &sealed(1, 5)).await.expect("keep_first");
    assert_eq!(stores.sealings.retire(2).await.expect("retire"), Retirement::Needed(1));
    let found = others(stores, 2, 1).await;
    reseal(stores, &found).await;
    assert_eq!(stores.sealings.retire(2).await.expect("retire"), Retirement::Done { distrusted: 0 });
}

/// Whoever sealed something and comes late is refused and leaves no trace; nobody could open it.
pub async fn what_was_sealed_under_a_retired_version_is_not_taken_in(stores: &Stores) {
    furnish(stores).await;
    let found = others(stores, 2, 100).await;
    reseal(stores, &found).await;
    assert_eq!(stores.sealings.retire(2).await.expect("retire"), Retirement::Done { distrusted: 0 });
    let told = events(stores).await;
    let late = by_group(3, "carol");
    stores.enrolments.confirm(&late, &enrolled()).await.expect_err("a key of version 1");
    stores.server_secrets.keep_first("late", &sealed(1, 5)).await.expect_err("a secret of version 1");
    let rotated = event(EventKind::GroupRotated, at(0));
    stores.server_secrets.replace("ticket", &sealed(1, 5), &rotated).await.expect_err("a secret of version 1");
    assert!(others(stores, 2, 100).await.is_empty());
    assert_eq!((events(stores).await, stores.users.find(user_id(3)).await.expect("find")), (told, None));
    // What goes on without touching a seal does, and what is sealed under the current version or a later one.
    stores.keys.revoke(&key_id(1), &event(EventKind::KeyRevoked, at(0))).await.expect("revoke");
    for (version, name) in [(2, "current"), (3, "later")] {
        stores.server_secrets.keep_first(name, &sealed(version, 5)).await.expect("keep_first");
    }
}

/// The roots of sessions that a password opened, and the secrets of all families.
pub async fn the_secrets_of_sessions_are_sealed_anew(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let opened_by = OpenedBy::Password { root: Some(sealed(1, 9)) };
    let with_root = Session { opened_by, ..session(1, 1) };
    open(stores, &with_root).await;
    open(stores, &key_session(2, 1)).await;
    for limit in [1, 2, 100] {
        let found = others(stores, 2, limit).await;
        let names: Vec<_> = found.iter().map(|found| found.name.clone()).collect();
        let families = [1, 2].map(|number| Family::name_of_secret(family_id(number)));
        let [one, other] = families;
        assert_eq!(names, [session_ref(1).keyid(), key_id(1).to_string(), one, other], "{limit}");
        assert!(found.iter().all(|found| found.vouched && found.owner == "alice"));
    }
    let found = others(stores, 2, 100).await;
    assert_eq!(reseal(stores, &found).await, [Resealed::Done; 4]);
    assert_eq!(reseal(stores, &found).await, [Resealed::Changed; 4]);
    let resealed = Session { opened_by: OpenedBy::Password { root: Some(sealed(2, 9)) }, ..with_root };
    assert_eq!(stores.sessions.find(session_ref(1)).await.expect("find"), Some(resealed));
    let family = stores.token_families.find(family_id(2)).await.expect("find").expect("a family");
    assert_eq!((family.secret, family.state), (sealed(2, 2), SessionState::Open));
    assert_eq!(stores.sealings.retire(2).await.expect("retire"), Retirement::Done { distrusted: 0 });
    let late = session(3, 1);
    let opens = event(EventKind::SessionOpened, at(0));
    stores.sessions.open(&late, &sample::family(&late), None, &opens).await.expect_err("a secret of version 1");
    let late = Session { opened_by: OpenedBy::Password { root: Some(sealed(1, 9)) }, ..late };
    let family = Family { secret: sealed(2, 3), ..sample::family(&late) };
    stores.sessions.open(&late, &family, None, &opens).await.expect_err("a root of version 1");
    assert_eq!(stores.sessions.find(session_ref(3)).await.expect("find"), None);
}
