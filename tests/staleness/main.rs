//! Tries to make the cache serve a value from before an acknowledged invalidation; knows nothing of HTTP.
//!
//! Four hosts on one Redis race over a few hot keys. The truth of a key is a version; a write raises it
//! and then invalidates. A read is a violation where it returns a version whose successor was
//! acknowledged more than the bound before the read began. `STALENESS_SECONDS` makes each part longer.

#![expect(clippy::unwrap_used, reason = "what fails here has failed")]

mod client_side;
mod faults;
mod race;

use std::time::Duration;

/// How long each part goes on.
fn part() -> Duration {
    let seconds = std::env::var("STALENESS_SECONDS").map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(12))
}
