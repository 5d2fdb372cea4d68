//! The TRM host, as a library: its modules in the order in which a request meets them; holds no logic.
//!
//! A request meets the `listener`, then the `service` with its `edge` cache and its `router`, which names a function; the
//! function's `pool` gives an instance, the `guest` runs in it under one deadline, its `capabilities`
//! check the grant and ask `storage`: L1, L2, origin. The answer takes the same way back.

pub mod listener;

pub mod service;

pub mod endpoints;

pub mod edge;

pub mod router;

pub mod pool;

pub mod guest;

pub mod capabilities;

pub mod storage;

// Beside the way of a request: what it is made from at start, and what every step may use.
mod account;
pub mod artefact;
pub mod business;
mod chance;
pub mod chaos;
pub mod commands;
pub mod config;
pub mod console;
pub mod cores;
mod database_metrics;
pub mod engine;
pub mod error;
pub mod frozen;
pub mod grants;
mod guest_log;
pub mod handler;
pub mod host;
pub mod linker;
pub mod manifest;
pub mod metrics;
pub mod operator;
mod outbound;
mod process_metrics;
pub mod reloads;
pub mod schedule;
mod store_metrics;
pub mod telemetry;
mod time_left;
pub mod trial;
pub mod variables;
