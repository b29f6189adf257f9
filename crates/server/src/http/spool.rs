//! A request body is taken in whole and compared with its digest before anybody acts on it.

use std::io;
use std::path::Path;

use axum::body::Body;
use bytes::BytesMut;
use countersign_core::problem::Problem;
use countersign_core::signature::BodyCheck;
use http_body_util::BodyExt as _;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use super::buffer::{Budget, Buffered, Hold};
use super::listener::BodyViolation;

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
    pub budget: &'a Budget,
}

/// A body that has arrived whole and is the one that was signed.
#[derive(Debug)]
pub struct Spooled {
    length: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Buffered),
    File(File),
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
            Content::File(file) => Body::from_stream(ReaderStream::new(file)),
        }
    }
}

impl Spool<'_> {
    /// Takes a body in and compares it with what was signed.
    pub async fn take_in(&self, mut body: Body, mut check: BodyCheck) -> Result<Spooled, NotTaken> {
        let mut taken = Taken { memory: BytesMut::new(), hold: self.budget.hold(), file: None };
        let mut length: u64 = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| problem_behind(&error))?;
            let data = frame.into_data().map_err(|_| Problem::MALFORMED_REQUEST)?;
            length = length.saturating_add(data.len() as u64);
            if length > self.limit {
                return Err(Problem::TOO_LARGE.into());
            }
            check.update(&data);
            taken.keep(&data, self.directory).await?;
        }
        if !check.matches() {
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
    async fn keep(&mut self, data: &[u8], directory: &Path) -> Result<(), NotTaken> {
        if let Some(file) = &mut self.file {
            file.write_all(data).await?;
        } else if self.memory.len() + data.len() <= IN_MEMORY {
            if !self.hold.grow(data.len()) {
                return Err(Problem::UNAVAILABLE.into());
            }
            self.memory.extend_from_slice(data);
        } else {
            let mut file = File::from_std(tempfile::tempfile_in(directory)?);
            file.write_all(&self.memory).await?;
            file.write_all(data).await?;
            self.memory = BytesMut::new();
            self.file = Some(file);
        }
        Ok(())
    }

    async fn finish(self) -> io::Result<Content> {
        match self.file {
            Some(mut file) => {
                file.flush().await?;
                file.rewind().await?;
                Ok(Content::File(file))
            }
            None => Ok(Content::Memory(Buffered::new(self.memory.freeze(), self.hold))),
        }
    }
}

/// The problem behind a body that broke off.
fn problem_behind(error: &axum::Error) -> Problem {
    BodyViolation::find(error).map_or(Problem::MALFORMED_REQUEST, BodyViolation::problem)
}
