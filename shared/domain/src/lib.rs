//! The marketplace in types and rules: pure, without input, output or clock.

pub mod access;
pub mod company;
pub mod event;
pub mod fields;
pub mod job;
pub mod key;
pub mod money;
pub mod payout;
pub mod place;
pub mod referral;
pub mod sample;
pub mod schema;
pub mod state;
pub mod user;
pub mod violation;
pub mod webhook;

pub use violation::Violation;

/// A field that is there holds a value: `null` is refused, not taken for absence.
pub fn given<'de, D: serde::Deserializer<'de>, T: serde::Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
