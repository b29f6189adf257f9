//! What a signed stream costs, as a ratio to one bare HMAC-SHA-256 over the same octets.

use std::hint::black_box;

use anyhow::ensure;
use countersign_core::secret::{MacKey, Secret32};
use countersign_core::stream::{FrameReader, FrameSigner, MOST_DATA};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::spread::Spread;
use crate::stopwatch::nanoseconds_each;

const ROUNDS: usize = 200;

/// The data of one stream.
const LENGTH: usize = 4 << 20;

/// The octets that arrive at once: what a connection reads into its buffer.
const PIECE: usize = 64 << 10;

/// Octets of data in a frame: files, smaller buffers, and events.
const FRAMES: [usize; 4] = [MOST_DATA, 16 << 10, 1 << 10, 100];

/// The frames of a body, and the times that it took to do each of three things with it.
struct Lane {
    data_each: usize,
    bare: Vec<f64>,
    signing: Vec<f64>,
    reading: Vec<f64>,
}

/// Compares, and prints what came out.
pub(crate) fn run() -> anyhow::Result<()> {
    let data: Vec<u8> = (0..LENGTH).map(|place| (place % 251) as u8).collect();
    let mut lanes = FRAMES.map(|data_each| Lane { data_each, bare: vec![], signing: vec![], reading: vec![] });
    for _ in 0..ROUNDS {
        for lane in &mut lanes {
            lane.round(&data)?;
        }
    }
    println!("A stream of 4 MiB, in processor time of one thread; the ratio is to one bare MAC over the same octets");
    println!("{:<14} {:>10} {:>12} {:>22} {:>12}", "data in a", "bare MAC,", "signing,", "", "reading,");
    println!(
        "{:<14} {:>10} {:>12} {:>7} {:>14} {:>12} {:>7} {:>14}",
        "frame", "MB/s", "MB/s", "ratio", "quartiles", "MB/s", "ratio", "quartiles"
    );
    for lane in &lanes {
        lane.print();
    }
    Ok(())
}

impl Lane {
    fn round(&mut self, data: &[u8]) -> anyhow::Result<()> {
        let keyed = Hmac::<Sha256>::new(&[7; 64].into());
        self.bare.push(nanoseconds_each(LENGTH, || {
            black_box(keyed.clone().chain_update(black_box(data)).finalize());
        }));
        let key = MacKey::new(&Secret32::new([7; 32]));
        let mut body = Vec::with_capacity(2 * LENGTH);
        let mut signer = FrameSigner::new(key.clone(), [1; 32]);
        self.signing.push(nanoseconds_each(LENGTH, || {
            for piece in data.chunks(self.data_each) {
                body.extend_from_slice(&signer.sign(black_box(piece)));
            }
        }));
        body.extend(signer.finish(b""));
        let (mut reader, mut released) = (FrameReader::new(key, [1; 32]), 0);
        self.reading.push(nanoseconds_each(LENGTH, || {
            for mut piece in body.chunks(PIECE) {
                while let Ok(Some(data)) = reader.next(black_box(&mut piece)) {
                    released += black_box(data).len();
                }
            }
        }));
        ensure!(released == LENGTH && reader.end().is_ok(), "a stream of our own does not hold");
        Ok(())
    }

    fn print(&self) {
        let rate = |times: &[f64]| 1_000.0 / Spread::of(times.iter().copied()).median;
        let ratio = |times: &[f64]| Spread::of(times.iter().zip(&self.bare).map(|(own, bare)| own / bare));
        let shown = |times: &[f64]| {
            let Spread { lower, median, upper } = ratio(times);
            format!("{:>12.0} {median:>7.2} {:>14}", rate(times), format!("{lower:.2} to {upper:.2}"))
        };
        println!("{:<14} {:>10.0} {} {}", self.data_each, rate(&self.bare), shown(&self.signing), shown(&self.reading));
    }
}
