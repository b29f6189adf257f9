//! What every adapter of a port must do, as sentences: public functions that are run on each adapter by its tests.

pub mod replay_guard;
