//! At most once per key and nonce, whatever happens: the rules of the replay guard (protocol §6).
//!
//! Four questions, one file each. *What time is it*, for accepting requests: [`AcceptClock`], which never goes back and
//! does not follow a clock that jumps. *How long is a nonce kept*: [`kept_until`], counted from `created`. *What may have
//! been accepted before a restart*: [`AcceptMark`], the only thing that must be durable. *What can therefore not be
//! vouched for*: [`Fence`]. The nonces themselves are kept by an adapter of the store.

mod clock;
mod fence;
mod line;
mod mark;
mod reading;
mod retention;

pub use clock::{AcceptClock, Judgement};
pub use fence::{Fence, Span};
pub use mark::AcceptMark;
pub use reading::Reading;
pub use retention::{GRACE, LONGEST_WINDOW, burnt_until, forgotten_at, kept_until};

#[cfg(test)]
mod tests;
