//! Signing answers: for information, there is nothing to compare it with.

use std::hint::black_box;
use std::sync::Arc;

use countersign_core::signature::{AnswerHead, Field, sha256_digest_field};

use super::contender::Contender;
use super::crowd::Crowd;
use super::traffic::{Batch, read};
use crate::stopwatch::nanoseconds_each;

/// Signs a short answer to each request, digest included.
pub(crate) struct Answers {
    /// Whose requests they are.
    pub(crate) crowd: Arc<Crowd>,
}

const BODY: &[u8] = br#"{"id":"tr_81","state":"done"}"#;

impl Contender for Answers {
    fn name(&self) -> &'static str {
        "countersign, signing an answer"
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        let mut received = Vec::with_capacity(batch.calls.len());
        for call in &batch.calls {
            received.push((read(&call.message.head(&call.message.fields()))?, &self.crowd.member(call.member)?.1.s2c));
        }
        let fields = [
            Field { name: "content-type", value: b"application/json" },
            Field { name: "cache-control", value: b"no-store" },
        ];
        Ok(nanoseconds_each(received.len(), || {
            for (received, s2c) in &received {
                let content_digest = sha256_digest_field(black_box(BODY));
                let head = AnswerHead { status: 200, fields: &fields, content_digest: &content_digest };
                black_box(received.sign_answer(s2c, &head, batch.now));
            }
        }))
    }
}
