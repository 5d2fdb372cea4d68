//! The `trm` program: its command line, its commands, and a host without sockets that tests and recordings use.
//!
//! Invariant: a command reads its flags and the environment once, in `settings`, and passes values on. No other crate
//! depends on this one.

mod arguments;
mod commands;
mod run;
mod settings;
mod status;
mod trial;

pub use run::main;
