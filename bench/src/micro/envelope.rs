//! What an envelope costs, as a ratio to the bare MAC over the same octets.

use std::hint::black_box;

use countersign_core::encoding::put_lp;
use countersign_core::envelope::{Action, Addressee, Envelope, EnvelopeParams, sign_envelope};
use countersign_core::secret::{KeyPair, Root, Secret32};
use countersign_core::signature::Authentication;
use countersign_core::time::{Freshness, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::contender::Outcome;
use crate::report;
use crate::spread::Spread;
use crate::stopwatch::nanoseconds_each;

const ROUNDS: usize = 2_000;
const BATCH: u8 = 64;
const KEYID: &str = "k7f3a9c2d4e5b6a1c";
const ADDRESSEE: Addressee<'_> = Addressee { audience: "api.example.com", username: "alice" };
const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);
const ANSWER: &[u8] = br#"{"id":"tr_81","state":"done"}"#;

/// Compares, and prints what came out.
pub(crate) fn run() -> anyhow::Result<()> {
    for (title, packet) in
        [("envelope of 24 octets", &br#"{"amount":25,"to":"bob"}"#[..]), ("envelope of 4 KiB", &[b'x'; 4_096])]
    {
        let mut race = Race::of(packet)?;
        for _ in 0..ROUNDS {
            race.round()?;
        }
        report::comparison(title, &race.outcomes());
    }
    Ok(())
}

/// Messages, what their MACs cover, and the times of each round.
struct Race {
    keys: KeyPair,
    keyed: Hmac<Sha256>,
    messages: Vec<String>,
    covered: Vec<Vec<u8>>,
    times: [Vec<f64>; 3],
}

impl Race {
    fn of(packet: &[u8]) -> anyhow::Result<Self> {
        let action: Action = "transfer.create".parse()?;
        let keys = Root::new(Secret32::new([7; 32])).envelope_pair(KEYID);
        let (mut messages, mut covered) = (Vec::new(), Vec::new());
        for number in 0..BATCH {
            let Addressee { audience, username } = ADDRESSEE;
            let nonce = [number; 32];
            let params =
                EnvelopeParams { audience, keyid: KEYID, nonce, timestamp: NOW, action: &action, username, packet };
            messages.push(sign_envelope(&keys.c2s, &params)?.take_json());
            covered.push(octets(&params));
        }
        let keyed = Hmac::new(&[7; 64].into());
        Ok(Self { keys, keyed, messages, covered, times: Default::default() })
    }

    fn round(&mut self) -> anyhow::Result<()> {
        let bare = nanoseconds_each(self.covered.len(), || {
            for covered in &self.covered {
                let mut mac = self.keyed.clone();
                mac.update(black_box(covered));
                black_box(mac.finalize());
            }
        });
        let mut read = Vec::with_capacity(self.messages.len());
        let mut authentic = 0;
        let verified = nanoseconds_each(self.messages.len(), || {
            for message in &self.messages {
                let Ok(envelope) = Envelope::read(black_box(message.as_bytes())) else { continue };
                let found = envelope.authenticate(&self.keys.c2s, ADDRESSEE, Freshness::DEFAULT, NOW);
                authentic += usize::from(matches!(found, Authentication::Authentic(_)));
                read.push(envelope);
            }
        });
        anyhow::ensure!(authentic == self.messages.len(), "not every envelope was authentic");
        let answered = nanoseconds_each(read.len(), || {
            for envelope in &read {
                black_box(envelope.answer(&self.keys.s2c, 200, black_box(ANSWER), NOW));
            }
        });
        for (times, time) in self.times.iter_mut().zip([bare, verified, answered]) {
            times.push(time);
        }
        Ok(())
    }

    fn outcomes(&self) -> Vec<Outcome> {
        let [bare, ..] = &self.times;
        let names =
            ["the bare HMAC-SHA-256", "countersign, reading and verifying", "countersign, answering in 29 octets"];
        let outcome = |(name, times): (&'static str, &Vec<f64>)| Outcome {
            name,
            nanoseconds: Spread::of(times.iter().copied()),
            ratio: Spread::of(times.iter().zip(bare).map(|(own, first)| own / first)),
        };
        names.into_iter().zip(&self.times).map(outcome).collect()
    }
}

/// What the MAC of an envelope covers (protocol §8.1).
fn octets(params: &EnvelopeParams<'_>) -> Vec<u8> {
    let mut covered = b"countersign/env-req/1\0".to_vec();
    put_lp(&mut covered, params.audience.as_bytes());
    put_lp(&mut covered, &params.nonce);
    covered.extend_from_slice(&params.timestamp.as_millis().to_be_bytes());
    put_lp(&mut covered, params.action.as_str().as_bytes());
    put_lp(&mut covered, params.username.as_bytes());
    put_lp(&mut covered, params.packet);
    covered
}
