//! [`AcceptMarks`](crate::port::AcceptMarks).

use super::sample::at;
use crate::Stores;
use crate::port::AcceptMark;

/// A new store knows of no mark.
pub async fn nothing_is_kept_at_first(stores: &Stores) {
    assert_eq!(stores.accept_marks.load().await.expect("load"), None);
}

/// Later marks take the place of earlier ones, in either direction: that is the caller's to judge.
pub async fn the_mark_that_was_kept_last_is_loaded(stores: &Stores) {
    for (mark, low_water) in [(1_000, 0), (2_000, 500), (1_500, 2_000)] {
        let mark = AcceptMark { mark: at(mark), low_water: at(low_water) };
        stores.accept_marks.keep(mark).await.expect("keep");
        assert_eq!(stores.accept_marks.load().await.expect("load"), Some(mark));
    }
}
