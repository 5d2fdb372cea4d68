//! The HTTP server: a request meets the listener, then the service with its edge cache and its router, which names a function;
//! the function's pool in `trm-runtime` answers it.
//!
//! Invariant: every request gets a response, by its deadline. A host is assembled in [`host`] and does not depend on a command line.

pub mod listener;

pub mod service;

pub mod endpoints;

pub mod router;

// Beside the path of a request.
pub mod config;
pub mod console;
mod env;
pub mod host;
pub mod operator;
pub mod reloads;
