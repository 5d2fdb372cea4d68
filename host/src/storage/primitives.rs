//! The locks and counters of the single flight; tests/models puts others in their place, which it schedules itself.

pub use std::sync::Arc;
pub use std::sync::Mutex;
pub use std::sync::MutexGuard;
pub use std::sync::atomic::AtomicUsize;
