//! The locks and counters of the single flight: those of the standard library or, with the feature `model`, those of a
//! scheduler that chooses the interleavings (tests/models).

#[cfg(feature = "model")]
pub use shuttle::sync::{Arc, Mutex, MutexGuard, atomic::AtomicUsize};
#[cfg(not(feature = "model"))]
pub use std::sync::{Arc, Mutex, MutexGuard, atomic::AtomicUsize};
