//! stub
use countersign_core::problem::Problem;
/// stub
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct BodyViolation;
impl BodyViolation { /// stub
pub fn problem(&self) -> Problem { Problem::MALFORMED_REQUEST } }
