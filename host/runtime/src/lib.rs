//! Runs functions on Wasmtime: engine, compiled artefacts, instance pools, guests under one deadline, and their capabilities.
//!
//! Invariant: a guest reaches a store or another host only through a capability, and each capability checks the function's
//! grant first. The runtime does not listen: whoever has a request calls [`pool::Pool::run_until`].

pub mod account;
pub mod artefact;
pub mod capabilities;
pub mod engine;
pub mod error;
pub mod frozen;
pub mod guest;
mod guest_log;
pub mod handler;
pub mod linker;
pub mod outbound;
pub mod pool;
pub mod schedule;
