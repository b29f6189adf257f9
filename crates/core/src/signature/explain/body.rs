//! Whether a body is the one that was signed.

use super::Keys;
use crate::secret::Root;
use crate::signature::received::Received;
use crate::stream::{BrokenStream, FrameReader};

/// What the signature is to the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// It vouches for it.
    Matches,
    /// `content-digest` is that of another body.
    OtherDigest,
    /// The body is a stream, and breaks.
    Broken {
        /// How many frames are good before.
        good: usize,
        /// What is wrong then.
        why: BrokenStream,
    },
    /// The body is a stream, and the root that the key of its frames comes from is not known.
    Unjudged,
}

/// Compares the body with its digest, or reads it as a stream.
pub(super) fn judge(received: &Received, body: &[u8], keys: &Keys<'_>) -> Body {
    if !received.is_stream() {
        let mut check = received.content_digest().check();
        check.update(body);
        return if check.matches() { Body::Matches } else { Body::OtherDigest };
    }
    let Some(root) = keys.root else { return Body::Unjudged };
    let key = Root::new(root.clone()).stream_pair(received.keyid()).c2s;
    match frames(FrameReader::new(key, received.mac()), body) {
        Ok(()) => Body::Matches,
        Err((good, why)) => Body::Broken { good, why },
    }
}

fn frames(mut reader: FrameReader, mut body: &[u8]) -> Result<(), (usize, BrokenStream)> {
    let mut good = 0;
    while reader.next(&mut body).map_err(|why| (good, why))?.is_some() {
        good += 1;
    }
    reader.end().map_err(|why| (good, why))
}
