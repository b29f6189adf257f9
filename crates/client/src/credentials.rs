//! Who we are to one server.

use countersign_core::authority::Authority;
use countersign_core::enrolment::Answers;
use countersign_core::id::KeyId;
use countersign_core::secret::{KeyPair, Root};

/// A key and the server that it is for.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name by which requests are signed, whatever address they are sent to: the one on the card.
    pub authority: Authority,
    /// The public name of the key.
    pub keyid: KeyId,
    /// One key per direction.
    pub keys: KeyPair,
    /// The same for the frames of streams.
    pub streams: KeyPair,
    /// Which answers this server signs. Pinned at enrolment, so that nobody can talk us out of it later.
    pub answers: Answers,
}

impl Credentials {
    /// The credentials of a key whose answers are all signed.
    pub fn new(authority: Authority, keyid: KeyId, root: &Root) -> Self {
        let keys = root.key_pair(keyid.as_str());
        let streams = root.stream_pair(keyid.as_str());
        Self { authority, keyid, keys, streams, answers: Answers::AllSigned }
    }
}
