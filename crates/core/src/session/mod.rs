//! Sessions: from a login until somebody says that it is over.
//!
//! A session is dead when it has ended, when its time is over, when its user's generation has risen above its own, or when
//! the epoch has. All of these only ever go one way.

mod family;
mod limit;
mod place;
pub(crate) mod refresh;
mod revocation;
mod rows;
mod token;
pub(crate) mod value;

pub use family::Family;
pub use limit::{Limit, OnLimit, Room};
pub use place::Place;
pub use refresh::{CONFLICT_FOR, GRACE, Presented, Presenter};
pub use revocation::{Epoch, KEEP_REVOCATIONS, KEEP_SIGNING, Revocation, Revoked};
pub use token::{FamilySecret, MalformedToken, RefreshToken};
pub use value::{
    EndReason, MAX_DEVICE, MAX_USER_AGENT, OpenedBy, Proof, Scope, Session, SessionState, TokenHash, UnknownReason, cut,
};
