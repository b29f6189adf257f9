use proptest::prelude::*;

use super::*;
use crate::secret::{MacKey, Secret32};

const MESSAGE: [u8; 32] = [7; 32];

fn key(octet: u8) -> MacKey {
    MacKey::new(&Secret32::new([octet; 32]))
}

/// A stream of these pieces, the last of them with the end.
fn written(key_octet: u8, message: [u8; 32], pieces: &[&[u8]]) -> Vec<u8> {
    let mut signer = FrameSigner::new(key(key_octet), message);
    let (last, others) = pieces.split_last().unwrap();
    let mut octets: Vec<u8> = others.iter().flat_map(|piece| signer.sign(piece)).collect();
    octets.extend(signer.finish(last));
    octets
}

/// What is released of a body that arrives in such pieces, and how it ends.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), BrokenStream>) {
    let mut reader = FrameReader::new(key(1), MESSAGE);
    let mut released = Vec::new();
    for mut piece in pieces {
        loop {
            match reader.next(&mut piece) {
                Ok(Some(data)) => released.extend(data),
                Ok(None) => break,
                Err(broken) => return (released, Err(broken)),
            }
        }
    }
    (released, reader.end())
}

#[test]
fn a_frame_has_up_to_65536_octets_of_data_and_a_longer_one_is_refused_by_its_length_alone() {
    let longest = vec![5; MOST_DATA];
    let octets = written(1, MESSAGE, &[&longest, b""]);
    assert_eq!(octets.len(), MOST_DATA + 2 * OVERHEAD);
    assert_eq!(read([octets.as_slice()]), (longest.clone(), Ok(())));
    let header = [(MOST_DATA as u32 + 1).to_be_bytes().as_slice(), &[0]].concat();
    assert_eq!(read([header.as_slice()]), (Vec::new(), Err(BrokenStream::TooLong)));
}

#[test]
fn longer_data_goes_into_as_many_frames_as_it_needs_and_only_the_last_is_final() {
    let data: Vec<u8> = (0..2 * MOST_DATA + 1).map(|place| (place % 251) as u8).collect();
    let octets = written(1, MESSAGE, &[&data]);
    assert_eq!(octets.len(), data.len() + 3 * OVERHEAD);
    assert_eq!(read([octets.as_slice()]), (data.clone(), Ok(())));
    let (first, rest) = octets.split_at(MOST_DATA + OVERHEAD);
    assert_eq!(read([first]), (data[..MOST_DATA].to_vec(), Err(BrokenStream::Truncated)));
    assert_eq!(rest[4], 0, "the second frame is not final");
}

#[test]
fn nothing_is_released_once_a_stream_is_broken_however_good_it_is() {
    let octets = written(1, MESSAGE, &[b"one", b"two"]);
    let mut reader = FrameReader::new(key(1), MESSAGE);
    let mut spoilt = octets.clone();
    spoilt[5] ^= 1;
    assert_eq!(reader.next(&mut spoilt.as_slice()), Err(BrokenStream::BadTag));
    for mut later in [octets.as_slice(), b""] {
        assert_eq!(reader.next(&mut later), Err(BrokenStream::BadTag));
    }
    assert_eq!(reader.end(), Err(BrokenStream::BadTag));
    assert!(!reader.is_complete());
}

#[test]
fn a_stream_is_complete_with_its_final_frame_and_whole_only_without_anything_after_it() {
    let octets = written(1, MESSAGE, &[b"all"]);
    let mut reader = FrameReader::new(key(1), MESSAGE);
    assert!(!reader.is_complete());
    assert_eq!(reader.next(&mut octets.as_slice()), Ok(Some(b"all".to_vec())));
    assert!(reader.is_complete());
    assert_eq!(reader.end(), Ok(()));
    assert_eq!(reader.next(&mut [0].as_slice()), Err(BrokenStream::Trailing));
    assert_eq!(reader.end(), Err(BrokenStream::Trailing));
}

#[test]
fn a_stream_belongs_to_one_key_and_one_message() {
    let data = b"one".as_slice();
    assert_eq!(read([written(2, MESSAGE, &[data]).as_slice()]), (Vec::new(), Err(BrokenStream::BadTag)));
    assert_eq!(read([written(1, [8; 32], &[data]).as_slice()]), (Vec::new(), Err(BrokenStream::BadTag)));
}

#[test]
fn no_part_of_a_stream_shows_its_key_when_printed_for_debugging() {
    let octets = [0xb7; 32];
    let signer = FrameSigner::new(MacKey::new(&Secret32::new(octets)), [0; 32]);
    let reader = FrameReader::new(MacKey::new(&Secret32::new(octets)), [0; 32]);
    for shown in [format!("{signer:?}"), format!("{reader:?}")] {
        assert!(shown.contains("redacted") && !shown.contains("183"), "{shown}");
    }
}

/// A stream in the order in which its frames were written.
fn frames_of(data: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut signer = FrameSigner::new(key(1), MESSAGE);
    let mut frames: Vec<_> = data.iter().map(|data| signer.sign(data)).collect();
    frames.push(signer.finish(b""));
    frames
}

proptest! {
    #[test]
    fn any_cuts_give_the_same_data(
        data in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
        size in 1_usize..50,
    ) {
        let body = frames_of(&data).concat();
        prop_assert_eq!(read(body.chunks(size)), (data.concat(), Ok(())));
    }

    #[test]
    fn a_changed_octet_anywhere_breaks_the_stream_there_and_releases_nothing_from_its_frame_on(
        data in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
        size in 1_usize..50,
    ) {
        let frames = frames_of(&data);
        let mut body = frames.concat();
        let at = at.index(body.len());
        body[at] ^= change;
        let mut end = 0;
        let whole = frames.iter().take_while(|frame| { end += frame.len(); end <= at }).count();
        let (released, ended) = read(body.chunks(size));
        prop_assert!(ended.is_err());
        prop_assert_eq!(released, data[..whole].concat());
    }

    #[test]
    fn frames_in_any_other_order_are_refused_where_the_order_changes(
        data in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 1..6),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let frames = frames_of(&data);
        let order: Vec<_> = order.iter().map(|index| index.index(frames.len())).collect();
        let body: Vec<u8> = order.iter().flat_map(|index| frames[*index].clone()).collect();
        let kept = order.iter().enumerate().take_while(|(place, index)| place == *index).count();
        let (released, ended) = read([body.as_slice()]);
        prop_assert_eq!(released, data[..kept.min(data.len())].concat());
        prop_assert_eq!(ended.is_ok(), kept == frames.len() && order.len() == kept);
    }
}
