//! [`ServerSecrets`](crate::port::ServerSecrets).

use countersign_core::event::EventKind;
use countersign_core::secret::Sealed;

use super::sample::{at, eight_at_once, event, events};
use crate::Stores;

fn sealed(octet: u8) -> Sealed {
    Sealed { version: 1, octets: vec![octet; 60] }
}

/// Two processes that start at the same time do not end up with two keys.
pub async fn of_eight_first_secrets_all_get_the_same(stores: &Stores) {
    assert_eq!(stores.server_secrets.find("ticket").await.expect("find"), None);
    let told = eight_at_once(|number| {
        let secrets = stores.server_secrets.clone();
        async move { secrets.keep_first("ticket", &sealed(number)).await.expect("keep_first") }
    });
    let told = told.await;
    let kept = stores.server_secrets.find("ticket").await.expect("find");
    assert!(told.iter().all(|told| Some(told) == kept.as_ref()), "{told:?}");
    let other = stores.server_secrets.keep_first("decoy", &sealed(9)).await.expect("keep_first");
    assert_eq!(other, sealed(9));
}

/// The former one is gone.
pub async fn a_secret_is_replaced_and_told_of(stores: &Stores) {
    stores.server_secrets.keep_first("group", &sealed(1)).await.expect("keep_first");
    let told = event(EventKind::GroupRotated, at(0));
    stores.server_secrets.replace("group", &sealed(2), &told).await.expect("replace");
    assert_eq!(stores.server_secrets.find("group").await.expect("find"), Some(sealed(2)));
    assert_eq!(stores.server_secrets.keep_first("group", &sealed(3)).await.expect("keep_first"), sealed(2));
    assert_eq!(stores.events.latest(1).await.expect("latest").remove(0).event, told);
}

/// Replacing asks for no former one.
pub async fn a_secret_that_was_not_there_can_be_replaced(stores: &Stores) {
    let told = event(EventKind::GroupRotated, at(0));
    stores.server_secrets.replace("group", &sealed(1), &told).await.expect("replace");
    assert_eq!(stores.server_secrets.find("group").await.expect("find"), Some(sealed(1)));
}

/// All of them, and one event tells of it.
pub async fn secrets_are_exchanged_together(stores: &Stores) {
    let told = event(EventKind::ServerKeySwitched, at(5));
    let (one, two) = (sealed(1), sealed(2));
    let first: [(&'static str, _); 2] = [("now", Some(one.clone())), ("next", Some(two.clone()))];
    stores.server_secrets.exchange(&first, &told).await.expect("exchange");
    let then = [("now", Some(two.clone())), ("former", Some(one.clone())), ("next", None), ("never", None)];
    stores.server_secrets.exchange(&then, &told).await.expect("exchange");
    for (name, kept) in [("now", Some(two)), ("former", Some(one)), ("next", None), ("never", None)] {
        assert_eq!(stores.server_secrets.find(name).await.expect("find"), kept, "{name}");
    }
    assert_eq!(events(stores).await, 2);
}
