//! What the marketplace's functions share that needs a store: callers, writes with their events; serves no route.

pub mod account;
pub mod caller;
pub mod collections;
pub mod jobs;
pub mod keys;
pub mod names;
pub mod read;
pub mod session;
pub mod throttle;
pub mod webhook;
pub mod write;

pub use caller::Caller;
pub use write::Change;

use trm_domain::Violation;
use trm_sdk::Problem;

/// A broken rule as the answer that names it.
pub fn broken(Violation { pointer, rule }: Violation) -> Problem {
    let detail = format!("{pointer} {rule}");
    Problem::rule(&pointer, detail.trim_start())
}
