//! [`AcceptMarks`](crate::port::AcceptMarks).

use super::sample::mark;
use crate::Stores;

/// A new store knows of no mark.
pub async fn nothing_is_kept_at_first(stores: &Stores) {
    assert_eq!(stores.accept_marks.load().await.expect("load"), None);
}

/// A later mark takes the place of an earlier one, whole.
pub async fn the_mark_that_was_kept_last_is_loaded(stores: &Stores) {
    let mut kept = None;
    for wall in [1_000, 2_000, 90_000, 90_000] {
        let next = mark(kept.as_ref(), wall);
        stores.accept_marks.keep(&next).await.expect("keep");
        assert_eq!(stores.accept_marks.load().await.expect("load").as_ref(), Some(&next));
        kept = Some(next);
    }
}

/// A write that was given up and arrives late must not undo what was kept since.
pub async fn a_mark_that_arrives_late_changes_nothing(stores: &Stores) {
    let late = mark(None, 1_000);
    let kept = mark(Some(&late), 2_000);
    stores.accept_marks.keep(&kept).await.expect("keep");
    stores.accept_marks.keep(&late).await.expect("keep");
    assert_eq!(stores.accept_marks.load().await.expect("load"), Some(kept));
}
