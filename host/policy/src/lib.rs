//! The manifest of an application and what it decides: routes, grants, limits, variables and the outbound hosts of each function.
//!
//! Invariant: a decision depends only on the manifest, the environment and the request. Nothing here opens a connection or
//! depends on a store, on Wasmtime or on hyper.

pub mod grants;
pub mod manifest;
pub mod reach;
pub mod request_form;
pub mod routes;
pub mod variables;
