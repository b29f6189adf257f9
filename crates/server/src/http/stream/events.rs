//! Where one event of an event stream ends and the next begins (WHATWG HTML §9.2, server-sent events).

use countersign_core::stream::MOST_DATA;

/// Whether a body of this type is a stream of events.
pub(super) fn is_media_type(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|octet| *octet == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// Cuts an event stream after each event, so that an event is released whole or not at all. Nothing is changed: the
/// pieces one after the other are what came in.
#[derive(Debug, Default)]
pub(super) struct Events {
    held: Vec<u8>,
    /// A line has ended and the next has no octet yet.
    at_line_start: bool,
    after_cr: bool,
}

impl Events {
    /// The events that end in these octets. An event that is longer than a frame is cut where the frame ends.
    pub(super) fn take(&mut self, octets: &[u8]) -> Vec<Vec<u8>> {
        let mut events = Vec::new();
        for octet in octets {
            // CR LF is one end of a line, and LF after the CR that ended an event belongs to the next piece.
            let line_ends = matches!(octet, b'\r') || (*octet == b'\n' && !self.after_cr);
            let event_ends = line_ends && self.at_line_start;
            self.held.push(*octet);
            self.at_line_start = matches!(octet, b'\r' | b'\n');
            self.after_cr = *octet == b'\r';
            if event_ends || self.held.len() == MOST_DATA {
                events.push(std::mem::take(&mut self.held));
            }
        }
        events
    }

    /// What is left when the stream ends: an event without its end.
    pub(super) fn rest(self) -> Vec<u8> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(pieces: &[&str]) -> (Vec<String>, String) {
        let mut events = Events::default();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        let whole = pieces.iter().flat_map(|piece| events.take(piece.as_bytes())).map(text).collect();
        (whole, text(events.rest()))
    }

    #[test]
    fn an_event_ends_with_an_empty_line_in_each_of_the_three_spellings() {
        let (whole, rest) = cut(&["data: one\n\ndata: two\r\n\r", "\ndata: three\r\rdata: fo", "ur\n"]);
        assert_eq!(whole, ["data: one\n\n", "data: two\r\n\r", "\ndata: three\r\r"]);
        assert_eq!(rest, "data: four\n");
    }

    #[test]
    fn an_event_of_many_lines_is_one_and_a_comment_is_one_too() {
        assert_eq!(
            cut(&["id: 1\ndata: a\ndata: b\n\n: still here\n\n"]).0,
            ["id: 1\ndata: a\ndata: b\n\n", ": still here\n\n"]
        );
        assert_eq!(cut(&["data: a\n", "\n"]).0, ["data: a\n\n"]);
    }

    #[test]
    fn an_event_longer_than_a_frame_is_cut_and_never_held_back_beyond_it() {
        let mut events = Events::default();
        let long = vec![b'x'; MOST_DATA + 5];
        assert_eq!(events.take(&long), [long[..MOST_DATA].to_vec()]);
        assert_eq!(events.take(b"\n\n"), [b"xxxxx\n\n".to_vec()]);
    }

    #[test]
    fn the_media_type_decides_whatever_its_case_and_its_parameters() {
        for text in ["text/event-stream", "Text/Event-Stream; charset=utf-8", " text/event-stream ;x"] {
            assert!(is_media_type(text.as_bytes()), "{text}");
        }
        for text in ["", "text/event-streams", "application/json", "text/plain; text/event-stream"] {
            assert!(!is_media_type(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_are_what_came_in_and_are_cut_in_the_same_places_however_it_came(
            text in "[ab\r\n]{0,60}",
            size in 1_usize..20,
        ) {
            let cut = |size: usize| {
                let mut events = Events::default();
                let mut pieces: Vec<_> = text.as_bytes().chunks(size).flat_map(|piece| events.take(piece)).collect();
                pieces.push(events.rest());
                pieces
            };
            prop_assert_eq!(cut(size).concat(), text.as_bytes());
            prop_assert_eq!(cut(size), cut(60));
        }
    }
}
