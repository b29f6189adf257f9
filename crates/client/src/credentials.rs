//! Who we are to one server.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use countersign_core::authority::Authority;
use countersign_core::enrolment::Answers;
use countersign_core::id::{KeyId, MalformedId, SessionRef};
use countersign_core::secret::{KeyPair, Root};

/// Whose keys sign: a key's own, or those of a session. Displayed as the `keyid` of signatures.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signer(Name);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Key(KeyId),
    Session(SessionRef, Arc<str>),
}

impl Signer {
    /// The `keyid` of signatures: the key's, or `s.` and the reference of the session.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Key(key) => key.as_str(),
            Name::Session(_, keyid) => keyid,
        }
    }

    /// The key, where one signs itself.
    pub const fn key(&self) -> Option<&KeyId> {
        match &self.0 {
            Name::Key(key) => Some(key),
            Name::Session(..) => None,
        }
    }

    /// The session, where one signs.
    pub const fn session(&self) -> Option<SessionRef> {
        match self.0 {
            Name::Key(_) => None,
            Name::Session(session, _) => Some(session),
        }
    }
}

impl FromStr for Signer {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        match SessionRef::from_keyid(text) {
            Some(session) => Ok(session.into()),
            None => text.parse().map(|key: KeyId| key.into()),
        }
    }
}

impl From<KeyId> for Signer {
    fn from(key: KeyId) -> Self {
        Self(Name::Key(key))
    }
}

impl From<SessionRef> for Signer {
    fn from(session: SessionRef) -> Self {
        Self(Name::Session(session, session.keyid().into()))
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The keys of a key or a session, and the server that they are for.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name by which requests are signed, whatever address they are sent to: the one on the card.
    pub authority: Authority,
    /// The public name of whoever signs.
    pub keyid: Signer,
    /// One key per direction.
    pub keys: KeyPair,
    /// The same for the frames of streams.
    pub streams: KeyPair,
    /// Which answers this server signs. Pinned at enrolment, so that nobody can talk us out of it later.
    pub answers: Answers,
}

impl Credentials {
    /// The credentials of a key or a session, by its root, whose answers are all signed.
    pub fn new(authority: Authority, keyid: Signer, root: &Root) -> Self {
        let keys = root.key_pair(keyid.as_str());
        let streams = root.stream_pair(keyid.as_str());
        Self { authority, keyid, keys, streams, answers: Answers::AllSigned }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_signs_under_a_name_that_no_key_can_have() {
        let session = SessionRef([7; 16]);
        let signer = Signer::from(session);
        assert_eq!(signer.as_str(), format!("s.{session}"));
        assert!(signer.as_str().parse::<KeyId>().is_err());
        assert_eq!((signer.session(), signer.key()), (Some(session), None));
        assert_eq!(signer.as_str().parse(), Ok(signer));
        for text in ["", "s.", "s.AAAA", "kshort", "AQEBAQEBAQEBAQEBAQEBAQ"] {
            assert!(text.parse::<Signer>().is_err(), "{text}");
        }
    }
}
