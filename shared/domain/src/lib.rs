//! The marketplace in types and rules: pure, without input, output or clock.

pub mod job;
pub mod money;
pub mod place;
#[cfg(feature = "sample")]
pub mod sample;
pub mod schema;
pub mod violation;

pub use violation::Violation;
