use tokio::io::ReadBuf;

/// Octets that were received and are not with hyper yet: first those that may go, then those that may not.
#[derive(Debug, Default)]
pub(super) struct Held {
    octets: Vec<u8>,
    given: usize,
    released: usize,
}

impl Held {
    /// All octets. Only what was never released and given in part is judged, so this begins at a boundary.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    pub(super) fn extend(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// So many more octets may go.
    pub(super) fn release(&mut self, count: usize) {
        self.released += count;
    }

    pub(super) fn release_all(&mut self) {
        self.released = self.octets.len();
    }

    /// Puts `octets`, which may go, in the place of those that may not.
    pub(super) fn replace_unreleased(&mut self, octets: &[u8]) {
        self.octets.truncate(self.released);
        self.octets.extend_from_slice(octets);
        self.released = self.octets.len();
    }

    /// Gives of what may go as much as there is room for.
    pub(super) fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let ready = self.octets.get(self.given..self.released).unwrap_or_default();
        let part = ready.get(..buf.remaining()).unwrap_or(ready);
        if part.is_empty() {
            return;
        }
        buf.put_slice(part);
        self.given += part.len();
        if self.given == self.released {
            self.octets.drain(..self.given);
            (self.given, self.released) = (0, 0);
            self.octets.shrink_to(4096);
        }
    }
}
