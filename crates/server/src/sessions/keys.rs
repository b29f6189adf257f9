use std::sync::{Mutex, OnceLock, PoisonError};

use countersign_core::id::SessionRef;
use countersign_core::secret::{KeyPair, Root, Sealed, Unsealable};
use countersign_core::username::Username;

use crate::keyring::Purpose;
use crate::shared_kek::SharedKek;

/// The keys of a session that signs, each pair derived on first use.
#[derive(Debug, Default)]
pub(super) struct SessionKeys {
    /// The root of a session that a password opened. Else it is derived from that of the key.
    sealed: Option<Mutex<Sealed>>,
    requests: OnceLock<Box<KeyPair>>,
    envelopes: OnceLock<Box<KeyPair>>,
}

impl SessionKeys {
    pub(super) fn new(sealed: Option<Sealed>) -> Self {
        Self { sealed: sealed.map(Mutex::new), ..Self::default() }
    }

    pub(super) fn pair(&self, purpose: Purpose) -> Option<&KeyPair> {
        self.place(purpose).get().map(Box::as_ref)
    }

    pub(super) fn derive(&self, purpose: Purpose, root: &Root, session: SessionRef) -> &KeyPair {
        self.place(purpose).get_or_init(|| Box::new(purpose.pair_of(root, &session.keyid())))
    }

    fn place(&self, purpose: Purpose) -> &OnceLock<Box<KeyPair>> {
        match purpose {
            Purpose::Requests => &self.requests,
            Purpose::Envelopes => &self.envelopes,
        }
    }

    /// The root that was sealed for this session; none where it is derived from that of a key.
    pub(super) fn root(
        &self,
        session: SessionRef,
        owner: &Username,
        kek: &SharedKek,
    ) -> Result<Option<Root>, Unsealable> {
        let Some(sealed) = &self.sealed else { return Ok(None) };
        let sealed = sealed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kek.open32(&session.keyid(), owner.as_str(), &sealed).map(Root::new).map(Some)
    }

    /// From now on the root is sealed as `fresh`, if it was sealed as `former` until now.
    pub(super) fn reseal(&self, former: &Sealed, fresh: &Sealed) {
        if let Some(sealed) = &self.sealed {
            let mut sealed = sealed.lock().unwrap_or_else(PoisonError::into_inner);
            if *sealed == *former {
                *sealed = fresh.clone();
            }
        }
    }
}
