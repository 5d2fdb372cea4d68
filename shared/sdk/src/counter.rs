//! `trm:platform/counter`: counters that end with a window, for limits of a rate; decides no limit.

use crate::bindings::trm::platform::counter as host;
pub use crate::bindings::trm::platform::counter::Error;
use std::time::Duration;

/// A counter after an addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Its value.
    pub value: u64,
    /// When it is back at 0.
    pub resets_in: Duration,
}

/// Adds to a counter, on all hosts in one step; it ends a window after its first addition.
///
/// A limit reads as `counter::add(&format!("login:{email}"), 1, MINUTE).await?.value > 5`.
pub async fn add(key: &str, by: u32, window: Duration) -> Result<Counted, Error> {
    let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
    let counted = host::add(key, by, window)?;
    Ok(Counted {
        value: counted.value,
        resets_in: Duration::from_millis(counted.resets_in_ms),
    })
}

/// A counter as it is.
pub async fn get(key: &str) -> Result<Counted, Error> {
    add(key, 0, Duration::from_millis(1)).await
}

/// Puts a counter back to 0.
pub async fn reset(key: &str) -> Result<(), Error> {
    host::reset(key)
}
