//! stub
use countersign_core::replay::Reading;
/// now
pub fn now() -> Reading { loop {} }
/// random
pub fn random<const N: usize>() -> [u8; N] { [0; N] }
