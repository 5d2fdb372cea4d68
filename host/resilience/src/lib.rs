//! What protects a caller from a failing upstream: circuit breakers, the deadline of a request, and fault injection that tests both.
//!
//! Invariant: nothing here opens a connection. Stores ask before each call whether they may make it and until when.

pub mod breaker;
pub mod chaos;
pub mod time_left;
