use std::collections::BTreeMap;

use countersign_store::port::{Sealings, StoreError};

/// What is sealed under another version than the current one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many secrets need each version.
    pub versions: BTreeMap<u32, u64>,
    /// How many rows besides are not as they were written; they need none.
    pub distrusted: u64,
}

impl Survey {
    /// How many secrets there are in all.
    pub fn count(&self) -> u64 {
        self.versions.values().sum()
    }
}

/// How many rows are looked at together.
const PAGE: u32 = 1_000;

/// Looks through everything that is sealed.
pub async fn survey(sealings: &dyn Sealings, current: u32) -> Result<Survey, StoreError> {
    let (mut survey, mut after) = (Survey::default(), None);
    loop {
        let page = sealings.sealed_otherwise(current, after.as_ref(), PAGE).await?;
        survey.distrusted += page.distrusted;
        for sealing in page.sealings {
            if sealing.vouched {
                *survey.versions.entry(sealing.sealed.version).or_default() += 1;
            } else {
                survey.distrusted += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(survey);
        }
    }
}
