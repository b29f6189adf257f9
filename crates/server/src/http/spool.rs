//! A request body is taken in whole and compared with its digest before anybody acts on it.

use std::io;
use std::path::Path;

use axum::body::Body;
use bytes::BytesMut;
use countersign_core::problem::Problem;
use countersign_core::signature::BodyCheck;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use super::body_violation::BodyViolation;
use super::buffer::{Budget, Buffered, Hold};

/// Bodies up to this size stay in memory, longer ones go to a file without a name.
const IN_MEMORY: usize = 256 * 1_024;

/// Where bodies go while they come in.
#[derive(Debug)]
pub struct Spool<'a> {
    /// The most octets that a body may have.
    pub limit: u64,
    /// The directory of nameless files.
    pub directory: &'a Path,
    /// The memory that all bodies share.
    pub memory: &'a Budget,
    /// The room on the disk that all long bodies share.
    pub disk: &'a Budget,
}

/// A body that has arrived whole and is the one that was signed, if one was.
#[derive(Debug)]
pub struct Spooled {
    length: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Buffered),
    File(File, Hold),
}

/// Why a body was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// What the client is told.
    #[error("the body was refused: {}", .0.code)]
    Refused(Problem),
    /// The spool file failed.
    #[error("the spool file failed")]
    Spool(#[from] io::Error),
}

impl From<Problem> for NotTaken {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl Spooled {
    /// How many octets it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The body, to be handed on.
    pub fn into_body(self) -> Body {
        match self.content {
            Content::Memory(buffered) => buffered.into_body(),
            Content::File(file, hold) => Body::from_stream(ReaderStream::new(file).map(move |piece| {
                let _until_sent = &hold;
                piece
            })),
        }
    }
}

impl Spool<'_> {
    /// Takes a body in and compares it with what was signed, if anything was.
    pub async fn take_in(&self, mut body: Body, mut check: Option<BodyCheck>) -> Result<Spooled, NotTaken> {
        let mut taken = Taken { memory: BytesMut::new(), hold: self.memory.hold(), file: None };
        let mut length: u64 = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| problem_behind(&error))?;
            let data = frame.into_data().map_err(|_| Problem::MALFORMED_REQUEST)?;
            length = length.saturating_add(data.len() as u64);
            if length > self.limit {
                return Err(Problem::TOO_LARGE.into());
            }
            if let Some(check) = &mut check {
                check.update(&data);
            }
            taken.keep(&data, self).await?;
        }
        if check.is_some_and(|check| !check.matches()) {
            return Err(Problem::DIGEST_MISMATCH.into());
        }
        Ok(Spooled { length, content: taken.finish().await? })
    }
}

/// What has arrived so far.
struct Taken {
    memory: BytesMut,
    hold: Hold,
    file: Option<File>,
}

impl Taken {
    async fn keep(&mut self, data: &[u8], spool: &Spool<'_>) -> Result<(), NotTaken> {
        if let Some(file) = &mut self.file {
            take_room(&mut self.hold, data.len())?;
            file.write_all(data).await?;
        } else if self.memory.len() + data.len() <= IN_MEMORY {
            take_room(&mut self.hold, data.len())?;
            self.memory.extend_from_slice(data);
        } else {
            let mut hold = spool.disk.hold();
            take_room(&mut hold, self.memory.len() + data.len())?;
            let mut file = File::from_std(tempfile::tempfile_in(spool.directory)?);
            file.write_all(&self.memory).await?;
            file.write_all(data).await?;
            (self.memory, self.hold, self.file) = (BytesMut::new(), hold, Some(file));
        }
        Ok(())
    }

    async fn finish(self) -> io::Result<Content> {
        match self.file {
            Some(mut file) => {
                file.flush().await?;
                file.rewind().await?;
                Ok(Content::File(file, self.hold))
            }
            None => Ok(Content::Memory(Buffered::new(self.memory.freeze(), self.hold))),
        }
    }
}

fn take_room(hold: &mut Hold, octets: usize) -> Result<(), Problem> {
    if hold.grow(octets) { Ok(()) } else { Err(Problem::UNAVAILABLE) }
}

/// The problem behind a body that broke off.
fn problem_behind(error: &axum::Error) -> Problem {
    BodyViolation::find(error).map_or(Problem::MALFORMED_REQUEST, BodyViolation::problem)
}

#[cfg(test)]
mod tests {
    use countersign_core::signature::{Field, PathForm, Received, RequestHead, sha256_digest_field};

    use super::*;

    const LONG: usize = 2 * IN_MEMORY;

    /// What a request with this body was signed with.
    fn check_of(body: &[u8]) -> BodyCheck {
        let digest = sha256_digest_field(body);
        let input = r#"cs=("content-digest");created=1763780000;nonce="AAAAAAAAAAAAAAAAAAAAAA";keyid="k";tag="countersign-req-1""#;
        let fields = [("content-digest", digest.as_str()), ("signature-input", input), ("signature", "cs=:AA==:")]
            .map(|(name, value)| Field { name, value: value.as_bytes() });
        let head = RequestHead { method: "POST", authority: "a", path: "/", query: None, fields: &fields };
        Received::read(&head, PathForm::Canonical).unwrap().content_digest().check()
    }

    /// A body that comes in pieces.
    async fn take_in(memory: &Budget, disk: &Budget, body: Vec<u8>) -> Result<Spooled, NotTaken> {
        let check = check_of(&body);
        let pieces: Vec<_> = body.chunks(100_000).map(|piece| Ok::<_, io::Error>(piece.to_vec())).collect();
        let directory = std::env::temp_dir();
        let spool = Spool { limit: u64::MAX, directory: &directory, memory, disk };
        spool.take_in(Body::from_stream(futures_util::stream::iter(pieces)), Some(check)).await
    }

    #[tokio::test]
    async fn long_bodies_share_the_room_on_the_disk_and_give_it_back_when_they_are_gone() {
        let (memory, disk) = (Budget::new(LONG as u64), Budget::new(LONG as u64));
        let body: Vec<u8> = (0..LONG).map(|place| (place % 251) as u8).collect();
        let first = take_in(&memory, &disk, body.clone()).await.unwrap();
        assert!(memory.hold().grow(LONG), "it takes no memory any more");
        assert!(!disk.hold().grow(1), "it takes all its length on the disk");
        assert!(matches!(take_in(&memory, &disk, body.clone()).await, Err(NotTaken::Refused(Problem::UNAVAILABLE))));
        let sent = first.into_body().collect().await.unwrap().to_bytes();
        assert!(sent == body);
        take_in(&memory, &disk, body).await.unwrap();
    }
}
