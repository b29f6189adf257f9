//! Domain separation of everything that is derived.

use crate::encoding::put_lp;

/// The HKDF info of a derived key: `"countersign/1 " ‖ name ‖ 0x00 ‖ lp(context)` (protocol §1).
pub fn label(name: &str, context: &[u8]) -> Vec<u8> {
    let mut info = Vec::with_capacity(32 + name.len() + context.len());
    info.extend_from_slice(b"countersign/1 ");
    info.extend_from_slice(name.as_bytes());
    info.push(0);
    put_lp(&mut info, context);
    info
}
