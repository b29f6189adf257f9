//! [`AcceptMarks`](crate::port::AcceptMarks).

use countersign_core::replay::AcceptMark;

use super::sample::{accept_mark, eight_at_once};
use crate::Stores;

async fn keep(stores: &Stores, mark: &AcceptMark) {
    stores.accept_marks.keep(mark).await.expect("keep");
}

async fn load(stores: &Stores) -> Option<AcceptMark> {
    stores.accept_marks.load().await.expect("load")
}

/// A new store knows of no mark.
pub async fn nothing_is_kept_at_first(stores: &Stores) {
    assert_eq!(load(stores).await, None);
}

/// Of the same run or of the next, and with everything that is in it.
pub async fn a_later_mark_takes_the_place_of_an_earlier_one(stores: &Stores) {
    for (run, time) in [(0, 1_000), (0, 2_000), (1, 1_500), (1, 1_501)] {
        let mark = accept_mark(run, time);
        keep(stores, &mark).await;
        assert_eq!(load(stores).await, Some(mark));
    }
}

/// A write that was given up and arrives late must not take the mark back: after a crash that would let in what had been
/// accepted before it.
pub async fn a_late_mark_changes_nothing(stores: &Stores) {
    let kept = accept_mark(1, 2_000);
    keep(stores, &kept).await;
    for (run, time) in [(1, 1_999), (0, 9_000)] {
        keep(stores, &accept_mark(run, time)).await;
        assert_eq!(load(stores).await.as_ref(), Some(&kept), "{run}, {time}");
    }
}

/// Whatever the order in which they are written.
pub async fn of_eight_marks_at_once_the_latest_is_kept(stores: &Stores) {
    let kept = eight_at_once(|number| {
        let marks = stores.accept_marks.clone();
        async move { marks.keep(&accept_mark(0, u64::from(number))).await.is_ok() }
    });
    assert_eq!(kept.await, [true; 8]);
    assert_eq!(load(stores).await, Some(accept_mark(0, 8)));
}
