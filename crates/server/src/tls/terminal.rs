use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::ServerConfig;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};

use super::error::TlsError;
use super::pair::Pair;
use crate::config::TlsFiles;

/// The name of HTTP/2 in ALPN (RFC 9113 §3.1).
pub const HTTP_2: &[u8] = b"h2";
/// The name of HTTP/1.1 in ALPN (RFC 7301 §6).
const HTTP_1_1: &[u8] = b"http/1.1";

/// Where TLS ends: what new connections are offered at this moment, and the files that it comes from.
#[derive(Debug)]
pub struct Terminal {
    files: TlsFiles,
    offer: ArcSwap<Offer>,
    seen: Mutex<Seen>,
}

/// What new connections are offered.
#[derive(Debug)]
pub struct Offer {
    /// For the library.
    pub config: Arc<ServerConfig>,
    /// The certificate in it, and its key.
    pub pair: Pair,
}

/// What a look at the files has shown.
#[derive(Debug)]
pub enum Look {
    /// They are those that are in use, or those that were of no use, or they are just being changed.
    Unchanged,
    /// New connections are offered another pair.
    Renewed,
    /// They have changed into something that cannot be used; the earlier pair goes on. It is said once for each change.
    Unusable(TlsError),
}

/// How the files looked.
#[derive(Debug)]
struct Seen {
    /// When they were last read.
    read: Stamps,
    /// At the last look.
    last: Stamps,
}

impl Terminal {
    /// Reads the files, and offers what is in them.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let stamps = Stamps::of(&files);
        let offer = ArcSwap::from_pointee(Offer::read(&files)?);
        let seen = Mutex::new(Seen { read: stamps.clone(), last: stamps });
        Ok(Self { files, offer, seen })
    }

    /// What a new connection is offered.
    pub fn offer(&self) -> Arc<Offer> {
        self.offer.load_full()
    }

    /// Looks at the files, and reads them when they have changed and then stayed as they were until this look: the two of
    /// a pair are not replaced in one moment.
    pub fn look(&self) -> Look {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Stamps::of(&self.files);
        let is_settled = std::mem::replace(&mut seen.last, now.clone()) == now;
        if !is_settled || seen.read == now {
            return Look::Unchanged;
        }
        seen.read = now;
        match Offer::read(&self.files) {
            Ok(offer) => {
                self.offer.store(Arc::new(offer));
                Look::Renewed
            }
            Err(error) => Look::Unusable(error),
        }
    }
}

impl Offer {
    /// What is offered with the pair in these files. It is a whole configuration of its own, with new keys for tickets: a
    /// client that resumed a session would not be shown the new certificate, and would go on with one that was replaced
    /// for a reason.
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(default_provider());
        let pair = Pair::read(files, &provider)?;
        let resolver = Arc::new(SingleCertAndKey::from(pair.certified()));
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12]);
        let mut config = builder.map_err(TlsError::Setup)?.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        config.ticketer = Ticketer::new().map_err(TlsError::Setup)?;
        config.max_early_data_size = 0;
        Ok(Self { config: Arc::new(config), pair })
    }
}

/// What changes when somebody changes a file, or which file a link leads to. Nothing for one that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamps([Option<Stamp>; 2]);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamps {
    fn of(files: &TlsFiles) -> Self {
        Self([&files.cert, &files.key].map(|path| Stamp::of(path)))
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            file: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
