//! stub
use countersign_core::replay::Reading; use countersign_core::signature::Authentic; use countersign_core::time::Timestamp; use countersign_core::verdict::Refusal; use countersign_store::port::*;
/// stub
#[derive(Debug)] pub struct ReplayState;
impl ReplayState {
/// stub
pub fn now(&self, _r: Reading) -> Result<Timestamp, Refusal> { Err(Refusal::Unavailable) }
/// stub
pub async fn remember(&self, _r: &Authentic<'_>, _n: Timestamp) -> Result<Seen, StoreError> { Ok(Seen::Before) }
/// stub
pub async fn burn(&self, _r: &Authentic<'_>) -> Result<Burning, StoreError> { Ok(Burning::Already) }
}
