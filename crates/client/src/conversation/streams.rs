//! Bodies and answers that are signed frame by frame (protocol §9.2).

use core::time::Duration;

use countersign_core::signature::{Interference, StreamHead, sha256_digest_field};
use countersign_core::stream::{FrameReader, FrameSigner};
use countersign_core::time::Timestamp;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::pending::Taken;
use super::{
    CannotSign, ClockChange, Conversation, Outgoing, Reading, Receipt, Signed, Waiting, covered, fields, lock,
    unreserved, value,
};

/// How long the answer to an upload is waited for. The upload itself is part of that, and takes as long as it takes.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The head of an answer whose body is a stream, before anything of it is believed.
#[derive(Clone, Copy, Debug)]
pub struct StreamedHead<'a> {
    /// The status.
    pub status: StatusCode,
    /// Every field.
    pub headers: &'a HeaderMap,
}

/// The server's own answer to one request, whose body is still to come.
#[derive(Clone, Debug)]
pub struct VerifiedStream {
    /// The status.
    pub status: StatusCode,
    /// The fields that the signature covers; all others were dropped.
    pub headers: HeaderMap,
    /// The server's clock when it signed the head.
    pub server_time: Timestamp,
    /// That this answer showed our idea of the server's clock to be wrong; it has been corrected.
    pub clock_change: Option<ClockChange>,
    /// Reads the body: what it releases is verified, and its end says whether that is all.
    pub frames: FrameReader,
}

impl Conversation {
    /// Signs a request whose answer may be a stream, and lets it wait for its answer. The answer goes to
    /// [`receive_stream`](Self::receive_stream) when it has the field `countersign-stream`, and to
    /// [`receive`](Self::receive) else.
    pub fn sign_asking_for_stream(
        &self,
        request: &Outgoing<'_>,
        nonce: [u8; 32],
        now: Reading,
    ) -> Result<Signed, CannotSign> {
        unreserved(request.headers.keys())?;
        let mut added = asking_for_stream();
        added.insert("content-digest", value(&sha256_digest_field(request.body))?);
        self.sign_adding(request, added, nonce, (now, self.patience)).map(|(signed, _)| signed)
    }

    /// The same for a request whose body is a stream, too: what the signer that comes with it makes of the data.
    /// [`Outgoing::body`] is not looked at.
    pub fn sign_upload(
        &self,
        request: &Outgoing<'_>,
        nonce: [u8; 32],
        now: Reading,
    ) -> Result<(Signed, FrameSigner), CannotSign> {
        unreserved(request.headers.keys())?;
        let mut added = asking_for_stream();
        added.insert("countersign-stream", HeaderValue::from_static("1"));
        let (signed, mac) = self.sign_adding(request, added, nonce, (now, UPLOAD_PATIENCE))?;
        Ok((signed, FrameSigner::new(self.credentials.streams.c2s.clone(), mac)))
    }

    /// Judges the head of an answer that says it is a stream. It spends the receipt whatever it finds.
    ///
    /// # Errors
    /// Somebody stands between. Whether the request was carried out is unknown.
    pub fn receive_stream(
        &self,
        receipt: &Receipt,
        answer: &StreamedHead<'_>,
        now: Reading,
    ) -> Result<VerifiedStream, Interference> {
        let taken = lock(&self.pending).take(&receipt.0, now);
        match taken {
            Taken::Waiting(sent, waiting) => self.judge_stream(&waiting, sent, answer, now),
            Taken::Answered => Err(Interference::Replayed),
            Taken::Gone => Err(Interference::Stale),
        }
    }

    fn judge_stream(
        &self,
        waiting: &Waiting,
        sent: Reading,
        answer: &StreamedHead<'_>,
        now: Reading,
    ) -> Result<VerifiedStream, Interference> {
        let StreamedHead { status, headers } = *answer;
        let fields: Vec<_> = fields(headers).collect();
        let head = StreamHead { status: status.as_u16(), fields: &fields };
        let proof = waiting.signed.verify_stream_answer(&self.credentials.keys.s2c, &head)?;
        let (is_timely, clock_change) = self.look_at_the_clock(waiting, sent, &proof, now);
        if !is_timely {
            return Err(Interference::Stale);
        }
        Ok(VerifiedStream {
            status,
            headers: covered(headers, &proof),
            server_time: proof.server_time(),
            clock_change,
            frames: FrameReader::new(self.credentials.streams.s2c.clone(), proof.mac()),
        })
    }
}

fn asking_for_stream() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("countersign-accept-stream"), HeaderValue::from_static("1"))])
}
