//! [`EventChain`](crate::port::EventChain).

use countersign_core::event::{EventKind, SealedHead};

use super::sample::{at, event};
use crate::Stores;
use crate::port::{ChainFault, End, Pruned};

async fn record(stores: &Stores, times: impl IntoIterator<Item = u64>) {
    for time in times {
        stores.events.record(&event(EventKind::Replay, at(time))).await.expect("record");
    }
}

async fn seal(stores: &Stores, time: u64) -> SealedHead {
    match stores.event_chain.seal(at(time)).await.expect("seal") {
        End::New(head) | End::Already(head) => head,
    }
}

async fn sequences(stores: &Stores) -> Vec<u64> {
    stores.events.list(0, 1_000).await.expect("list").iter().map(|recorded| recorded.sequence).collect()
}

/// A head of the empty log, and one of each length at which it is asked for.
pub async fn the_end_is_sealed_once_for_each_length(stores: &Stores) {
    let begun = stores.event_chain.begin(at(0)).await.expect("begin").expect("it begins");
    assert_eq!((begun.taken, begun.first.sequence), (0, 0));
    assert_eq!(stores.event_chain.begin(at(1)).await.expect("begin"), None);
    record(stores, [1, 2]).await;
    let End::New(head) = stores.event_chain.seal(at(3)).await.expect("seal") else { panic!("a new head") };
    assert_eq!((head.sequence, head.at), (2, at(3)));
    assert_eq!(stores.event_chain.seal(at(4)).await.expect("seal"), End::Already(head));
    record(stores, [5]).await;
    assert_eq!(seal(stores, 6).await.sequence, 3);
    let heads = stores.event_chain.heads(None, 10).await.expect("heads");
    assert_eq!(heads.first(), Some(&begun.first));
    assert_eq!(heads.iter().map(|head| head.sequence).collect::<Vec<_>>(), [0, 2, 3]);
    assert_eq!(stores.event_chain.heads(Some(0), 1).await.expect("heads"), [head]);
}

/// With and without heads.
pub async fn what_was_written_holds(stores: &Stores) {
    assert!(stores.event_chain.verify(&[]).await.expect("verify").holds());
    record(stores, 0..3).await;
    let head = seal(stores, 3).await;
    record(stores, 3..5).await;
    let found = stores.event_chain.verify(&[head]).await.expect("verify");
    assert_eq!((found.rows, found.last, found.heads, found.faults.len()), (5, 5, 1, 0));
}

/// A head is one line that anybody can make up; only ours count, and only as they were.
pub async fn a_head_that_is_not_ours_is_found(stores: &Stores) {
    record(stores, 0..3).await;
    let head = seal(stores, 3).await;
    for forged in [SealedHead { sequence: 2, ..head }, SealedHead { mac: [0; 32], ..head }] {
        let found = stores.event_chain.verify(&[forged]).await.expect("verify");
        assert_eq!(found.faults, [ChainFault::ForgedHead { sequence: forged.sequence }]);
    }
}

/// Nothing that no head has sealed, nothing from after the time, and nothing behind what must stay.
pub async fn only_sealed_rows_from_before_the_time_are_removed(stores: &Stores) {
    record(stores, [10, 20, 15, 30]).await;
    let nothing = Pruned::Done { rows: 0, through: 0 };
    assert_eq!(stores.event_chain.prune(at(100), 10, at(100)).await.expect("prune"), nothing, "no head");
    seal(stores, 40).await;
    record(stores, [11]).await;
    assert_eq!(stores.event_chain.prune(at(10), 10, at(100)).await.expect("prune"), nothing, "to the millisecond");
    let first = stores.event_chain.prune(at(16), 10, at(100)).await.expect("prune");
    assert_eq!(first, Pruned::Done { rows: 1, through: 1 }, "the third is old, the second is not");
    let rest = stores.event_chain.prune(at(1_000), 10, at(100)).await.expect("prune");
    assert_eq!(rest, Pruned::Done { rows: 3, through: 4 }, "the fifth is behind the head");
    assert_eq!(sequences(stores).await, [5]);
}

/// In small steps too, and to the last row.
pub async fn the_rest_holds_after_old_rows_were_removed(stores: &Stores) {
    record(stores, 0..5).await;
    let head = seal(stores, 5).await;
    for through in [2, 4, 5] {
        let pruned = stores.event_chain.prune(at(100), 2, at(100)).await.expect("prune");
        assert_eq!(pruned, Pruned::Done { rows: 2.min(5 - (through - 1) / 2 * 2), through });
        let found = stores.event_chain.verify(&[head]).await.expect("verify");
        assert!(found.holds(), "{found:?}");
        assert_eq!((found.pruned_through, found.rows, found.last), (through, 5 - through, 5));
    }
    record(stores, [6]).await;
    assert_eq!(sequences(stores).await, [6], "a number is given out once");
    let found = stores.event_chain.verify(&[]).await.expect("verify");
    assert!(found.holds(), "{found:?}");
}

/// A head of rows that are gone is held to the heads of its time that are kept.
pub async fn a_head_from_before_the_removal_is_not_held_against_the_log(stores: &Stores) {
    record(stores, 0..2).await;
    let early = seal(stores, 2).await;
    record(stores, 2..4).await;
    seal(stores, 4).await;
    stores.event_chain.prune(at(100), 3, at(100)).await.expect("prune");
    let found = stores.event_chain.verify(&[early]).await.expect("verify");
    assert!(found.holds(), "{found:?}");
    assert_eq!((found.pruned_through, found.unchecked_heads), (3, 1));
}
