//! The host's own single flight over the scheduler's locks and counters: nothing of it is copied.

/// What it takes from the standard library elsewhere.
pub mod primitives {
    pub use shuttle::sync::atomic::AtomicUsize;
    pub use shuttle::sync::{Arc, Mutex, MutexGuard};
}

#[expect(dead_code, reason = "the model asks no turn for its key")]
#[path = "../../../host/src/storage/flight.rs"]
pub mod flight;
