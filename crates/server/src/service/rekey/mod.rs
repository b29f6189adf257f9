//! The exchange of the key-encryption key: a new one is made, everything is sealed anew under it, and the former one goes.
//!
//! It may be cut off between any two steps, and within one. What has been done stands in the key file and in the store:
//! while the file holds two versions the exchange is not over, and whoever opens the data directory next goes on. At no
//! moment does the store need a key that the file does not hold.

mod error;
mod survey;
#[cfg(test)]
mod tests;

pub use error::RekeyError;
pub use survey::{Survey, survey};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_core::event::{Event, EventKind};
use countersign_core::secret::{KeyEncryptionKeys, Secret32};
use countersign_store::port::{Reseal, Resealed, Retirement, SealedPlace, Sealing};
use tokio::sync::MutexGuard;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::Undecided;
use crate::accounts::Accounts;
use crate::edge;

/// Who exchanges the key, if anybody does.
#[derive(Debug, Default)]
pub struct Rekeying {
    turn: tokio::sync::Mutex<()>,
    unfinished: AtomicBool,
    stop: CancellationToken,
}

impl Rekeying {
    /// As it is found at a start, with these keys.
    pub fn found(keys: &KeyEncryptionKeys) -> Self {
        Self { unfinished: AtomicBool::new(keys.former().next().is_some()), ..Self::default() }
    }

    /// Whether an exchange has been begun and is not over.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished.load(Ordering::Relaxed)
    }

    /// Ends an exchange after the step that it is at; the next start goes on.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

/// What an exchange has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The version that is current now.
    pub version: u32,
    /// The versions before.
    pub former: Vec<u32>,
    /// How many secrets were sealed anew by this run.
    pub resealed: u64,
    /// How many rows were left alone because they are not as they were written.
    pub distrusted: u64,
    /// Whether the former versions are gone from where the keys are kept. Where these are not the guard's to write,
    /// somebody has to remove them.
    pub removed: bool,
    /// Whether nothing needs the former versions any more. Otherwise the guard is stopping, and the next start goes on.
    pub finished: bool,
}

/// An exchange under way. While it lives nobody else makes one.
#[derive(Debug)]
pub struct Exchange<'a> {
    accounts: &'a Accounts,
    _turn: MutexGuard<'a, ()>,
    keys: KeyEncryptionKeys,
    actor: String,
    stage: Stage,
    resealed: u64,
    distrusted: u64,
    /// Whether it was begun before.
    pub resumed: bool,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// To seal anew what stands after this place.
    Reseal(Option<SealedPlace>),
    /// The same for what a clean stop left.
    Ring,
    /// To let the store go of the former versions.
    Retire,
    /// To see to it that nobody holds in memory what was sealed under one of them.
    Keyring,
    /// To remove them from where they are kept.
    Remove,
    /// Nothing.
    Done,
}

/// How many secrets are sealed anew in one transaction. Confirmations and the accept mark wait for no more than that.
const PAGE: u32 = 20;

/// Makes the next version, or goes on with what was begun before.
///
/// The new key is durable before it is used: a key that has sealed anything is never lost.
pub async fn begin<'a>(accounts: &'a Accounts, actor: &str) -> Result<Exchange<'a>, RekeyError> {
    let turn = accounts.rekeying.turn.try_lock().map_err(|_| RekeyError::UnderWay)?;
    let keys = accounts.secrets.kek.keys();
    if keys.former().next().is_some() {
        return go_on(accounts, turn, actor).await;
    }
    let next = keys.with_next(&Secret32::new(edge::random())).map_err(crate::data::NotReplaced::from)?;
    replace(accounts, keys, next.clone()).await?;
    accounts.rekeying.unfinished.store(true, Ordering::Relaxed);
    accounts.secrets.kek.replace(&next, edge::now().wall);
    let detail =
        format!("version {} of the key-encryption key was made; everything is being sealed anew", next.current());
    record(accounts, EventKind::RekeyBegun, actor, detail).await?;
    Ok(Exchange::new(accounts, turn, actor, false))
}

/// Goes on with an exchange that was begun before; `None` when there is none, or when somebody is at it.
pub async fn resume<'a>(accounts: &'a Accounts, actor: &str) -> Result<Option<Exchange<'a>>, RekeyError> {
    let Ok(turn) = accounts.rekeying.turn.try_lock() else { return Ok(None) };
    if accounts.rekeying.is_unfinished() { go_on(accounts, turn, actor).await.map(Some) } else { Ok(None) }
}

async fn go_on<'a>(accounts: &'a Accounts, turn: MutexGuard<'a, ()>, actor: &str) -> Result<Exchange<'a>, RekeyError> {
    let current = accounts.secrets.kek.current();
    let left = survey(&*accounts.stores.sealings, current).await.map_err(Undecided::from)?.count();
    tracing::info!(version = current, left, "going on with the exchange of the key-encryption key");
    if left > 0 {
        let detail = format!(
            "going on with version {current} of the key-encryption key: {left} secrets are sealed under another"
        );
        record(accounts, EventKind::RekeyBegun, actor, detail).await?;
    }
    Ok(Exchange::new(accounts, turn, actor, true))
}

impl<'a> Exchange<'a> {
    fn new(accounts: &'a Accounts, turn: MutexGuard<'a, ()>, actor: &str, resumed: bool) -> Self {
        let (keys, actor, stage) = (accounts.secrets.kek.keys(), actor.to_owned(), Stage::Reseal(None));
        Self { accounts, _turn: turn, keys, actor, stage, resealed: 0, distrusted: 0, resumed }
    }

    /// Makes every step that is left, or stops between two of them when the guard does.
    pub async fn to_its_end(&mut self) -> Result<Outcome, RekeyError> {
        while !self.accounts.rekeying.stop.is_cancelled() && self.step().await? {}
        Ok(Outcome {
            version: self.keys.current(),
            former: self.keys.former().collect(),
            resealed: self.resealed,
            distrusted: self.distrusted,
            removed: self.accounts.kek_keeper.place().1 && self.stage == Stage::Done,
            finished: self.stage == Stage::Done,
        })
    }

    /// Makes the next step; false when there is none.
    async fn step(&mut self) -> Result<bool, RekeyError> {
        self.stage = match &self.stage {
            Stage::Reseal(after) => match self.reseal_page(after.clone()).await? {
                Some(last) => Stage::Reseal(Some(last)),
                None => Stage::Ring,
            },
            Stage::Ring => self.reseal_ring().await?,
            Stage::Retire => self.retire().await?,
            Stage::Keyring => self.look_at_keyring().await?,
            Stage::Remove => self.remove().await?,
            Stage::Done => return Ok(false),
        };
        Ok(true)
    }

    /// In the store, and in the same breath in memory.
    async fn reseal_page(&mut self, after: Option<SealedPlace>) -> Result<Option<SealedPlace>, RekeyError> {
        let accounts = self.accounts;
        let _alone = accounts.changing.lock().await;
        let sealings = &accounts.stores.sealings;
        let page =
            sealings.sealed_otherwise(self.keys.current(), after.as_ref(), PAGE).await.map_err(Undecided::from)?;
        let mut batch = Vec::with_capacity(page.sealings.len());
        for sealing in page.sealings {
            batch.extend(self.sealed_anew(sealing)?);
        }
        let told = sealings.reseal(batch.clone()).await.map_err(Undecided::from)?;
        for (Reseal { place, former, fresh }, told) in batch.iter().zip(told) {
            match told {
                Resealed::Done => {
                    self.resealed += 1;
                    accounts.resealed(place, former, fresh)?;
                }
                Resealed::Changed | Resealed::Distrusted => {}
            }
        }
        Ok(page.next)
    }

    /// What does not open is left where somebody has changed whom it belongs to; elsewhere the former key is still needed.
    fn sealed_anew(&self, sealing: Sealing) -> Result<Option<Reseal>, RekeyError> {
        let Sealing { place, name, owner, sealed: former, vouched } = sealing;
        match self.keys.open(&name, &owner, &former) {
            Ok(plain) => {
                let fresh = self.keys.seal(&name, &owner, &plain, edge::random()).map_err(Undecided::from)?;
                Ok(Some(Reseal { place, former, fresh }))
            }
            Err(_) if !vouched => Ok(None),
            Err(source) => Err(RekeyError::DoesNotOpen { place, source }),
        }
    }

    async fn reseal_ring(&self) -> Result<Stage, RekeyError> {
        let ring = self.accounts.saved_ring.clone();
        let resealed = spawn_blocking(move || ring.reseal(edge::random())).await.map_err(Undecided::from)?;
        resealed.map_err(RekeyError::Ring)?;
        Ok(Stage::Retire)
    }

    async fn retire(&mut self) -> Result<Stage, RekeyError> {
        match self.accounts.stores.sealings.retire(self.keys.current()).await.map_err(Undecided::from)? {
            // Somebody had sealed it before the exchange, and was slow to have it kept.
            Retirement::Needed(_) => Ok(Stage::Reseal(None)),
            Retirement::Done { distrusted } => {
                self.distrusted = distrusted;
                Ok(Stage::Keyring)
            }
        }
    }

    /// Only a key whose row was tampered with since it was read can be there; read again, it counts as revoked.
    async fn look_at_keyring(&self) -> Result<Stage, RekeyError> {
        let accounts = self.accounts;
        let _alone = accounts.changing.lock().await;
        let current = self.keys.current();
        if accounts.keyring.count(|key| key.root.version != current).map_err(Undecided::from)? > 0 {
            accounts.load().await?;
        }
        Ok(Stage::Remove)
    }

    async fn remove(&self) -> Result<Stage, RekeyError> {
        let (place, is_ours) = self.accounts.kek_keeper.place();
        if is_ours {
            let alone = self.keys.without_former();
            replace(self.accounts, self.keys.clone(), alone.clone()).await?;
            self.accounts.secrets.kek.replace(&alone, edge::now().wall);
        }
        self.accounts.rekeying.unfinished.store(false, Ordering::Relaxed);
        if is_ours || self.resealed > 0 {
            let detail = format!(
                "{} secrets were sealed anew under version {}, and {} rows left alone; {} {place}",
                self.resealed,
                self.keys.current(),
                self.distrusted,
                if is_ours {
                    "the former version is gone from"
                } else {
                    "nothing needs the former version any more in"
                },
            );
            record(self.accounts, EventKind::RekeyFinished, &self.actor, detail).await?;
        }
        Ok(Stage::Done)
    }
}

/// Where the keys are kept, not in memory.
async fn replace(accounts: &Accounts, former: KeyEncryptionKeys, keys: KeyEncryptionKeys) -> Result<(), RekeyError> {
    let keeper = Arc::clone(&accounts.kek_keeper);
    Ok(spawn_blocking(move || keeper.replace(&former, &keys)).await.map_err(Undecided::from)??)
}

async fn record(accounts: &Accounts, kind: EventKind, actor: &str, detail: String) -> Result<(), Undecided> {
    let event =
        Event { at: edge::now().wall, kind, user: None, key: None, session: None, actor: actor.to_owned(), detail };
    Ok(accounts.stores.events.record(&event).await?)
}
