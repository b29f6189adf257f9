//! An event as it stands in its row, and the walk along the chain of rows: the same for every adapter.

use std::collections::{BTreeMap, HashSet};

use countersign_core::event::{ChainValue, EventKey, SealedHead, Sealing};

use crate::port::{ChainFault, Recorded, Verification};

/// The columns of a row as they stand there, whatever they mean: what the chain is over.
#[derive(Clone, Debug)]
pub(crate) struct EventRow {
    pub(crate) sequence: i64,
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    pub(crate) user_id: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) actor: String,
    pub(crate) detail: String,
}

impl EventRow {
    pub(crate) fn of(recorded: &Recorded) -> Self {
        let Recorded { sequence, event } = recorded;
        Self {
            sequence: i64::try_from(*sequence).unwrap_or(i64::MAX),
            at_ms: i64::try_from(event.at.as_millis()).unwrap_or(i64::MAX),
            kind: event.kind.to_string(),
            user_id: event.user.map(|user| user.to_string()),
            key_id: event.key.as_ref().map(|key| key.to_string()),
            session: event.session.map(|session| session.to_string()),
            actor: event.actor.clone(),
            detail: event.detail.clone(),
        }
    }

    /// The value of this row after the row of this value.
    pub(crate) fn value(&self, key: &EventKey, former: &ChainValue) -> ChainValue {
        let text = |text: &'_ Option<String>| text.as_ref().map(|text| text.as_bytes().to_vec());
        let (user_id, key_id, session) = (text(&self.user_id), text(&self.key_id), text(&self.session));
        key.link(
            former,
            &[
                ("sequence", Some(&self.sequence.to_be_bytes())),
                ("at_ms", Some(&self.at_ms.to_be_bytes())),
                ("kind", Some(self.kind.as_bytes())),
                ("user_id", user_id.as_deref()),
                ("key_id", key_id.as_deref()),
                ("session", session.as_deref()),
                ("actor", Some(self.actor.as_bytes())),
                ("detail", Some(self.detail.as_bytes())),
            ],
        )
    }
}

/// The end of a chain: the number of its last row, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) sequence: u64,
    pub(crate) chain: ChainValue,
}

impl Tip {
    pub(crate) const BEGINNING: Self = Self { sequence: 0, chain: ChainValue::BEGINNING };
}

impl From<SealedHead> for Tip {
    fn from(SealedHead { sequence, chain, .. }: SealedHead) -> Self {
        Self { sequence, chain }
    }
}

/// Goes along the chain from the rows that were removed in their time to its end.
pub(crate) struct Walk<'k> {
    key: &'k EventKey,
    tip: Tip,
    /// Heads that have not been met yet, all of them ours.
    heads: BTreeMap<u64, Vec<Vouching>>,
    found: Verification,
}

/// What a head of ours says of its row, and whether it is kept with the log.
struct Vouching {
    chain: ChainValue,
    is_kept: bool,
}

impl<'k> Walk<'k> {
    /// A walk that begins behind what `pruning` says was removed, and holds the rows to the heads that are kept with them
    /// and to those that are given.
    pub(crate) fn new(
        key: &'k EventKey,
        pruning: Option<&SealedHead>,
        kept: &[SealedHead],
        given: &[SealedHead],
    ) -> Self {
        let mut found = Verification::default();
        if pruning.is_some_and(|pruning| !key.sealed(Sealing::Pruned, pruning)) {
            found.find(ChainFault::ForgedPruning);
        }
        let tip = pruning.map_or(Tip::BEGINNING, |pruning| Tip::from(*pruning));
        found.pruned_through = tip.sequence;
        let mut walk = Self { key, tip, heads: BTreeMap::new(), found };
        let mut known = HashSet::new();
        for (head, is_kept) in kept.iter().map(|head| (head, true)).chain(given.iter().map(|head| (head, false))) {
            if !known.insert((head.sequence, head.at, head.chain.0, head.mac)) {
                continue;
            }
            walk.found.heads += 1;
            if key.sealed(Sealing::Head, head) {
                walk.heads.entry(head.sequence).or_default().push(Vouching { chain: head.chain, is_kept });
            } else {
                walk.found.find(ChainFault::ForgedHead { sequence: head.sequence });
            }
        }
        walk.compare_with_heads(tip.sequence, &tip.chain);
        walk
    }

    /// The next row, and the value that stands in it. A row that cannot be read has neither.
    pub(crate) fn step(&mut self, sequence: u64, row: Option<(&EventRow, ChainValue)>) {
        self.found.rows += 1;
        let expected = self.tip.sequence + 1;
        let gap = sequence > expected;
        if gap {
            self.found.find(ChainFault::Missing { from: expected, through: sequence - 1 });
        }
        let holds = row.is_some_and(|(row, chain)| row.value(self.key, &self.tip.chain) == chain);
        // Behind a gap nothing can be said of the one row that followed it.
        if sequence < expected || !(holds || gap && row.is_some()) {
            self.found.find(ChainFault::Changed { sequence });
        }
        let chain = row.map_or(ChainValue::BEGINNING, |(_, chain)| chain);
        self.tip = Tip { sequence, chain };
        self.compare_with_heads(sequence, &chain);
    }

    /// What was found, when the chain has ended. `written` is the last number that this process had committed before the
    /// walk began; zero if it had not committed any.
    pub(crate) fn end(mut self, written: u64) -> Verification {
        let last = self.tip.sequence;
        self.found.last = last;
        for (sequence, heads) in std::mem::take(&mut self.heads) {
            if sequence > last {
                self.found.find(ChainFault::Truncated { last, head: sequence });
            } else if sequence > self.found.pruned_through {
                self.found.find(ChainFault::OtherHead { sequence });
            } else if heads.iter().any(|head| !head.is_kept) {
                self.found.find(ChainFault::MissingHead { sequence });
            } else {
                self.found.unchecked_heads += 1;
            }
        }
        if written > last {
            self.found.find(ChainFault::Cut { last, written });
        }
        self.found
    }

    fn compare_with_heads(&mut self, sequence: u64, chain: &ChainValue) {
        for head in self.heads.remove(&sequence).unwrap_or_default() {
            if head.chain != *chain {
                self.found.find(ChainFault::OtherHead { sequence });
            } else if !head.is_kept {
                // Each is kept before anybody is told of it, and none is ever removed.
                self.found.find(ChainFault::MissingHead { sequence });
            }
        }
    }
}
