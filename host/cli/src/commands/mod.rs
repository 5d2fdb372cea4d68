//! The commands of `trm`, one file each, and what they share; none handles a request.

pub(crate) mod admin;
pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod check;
mod client;
pub(crate) mod completions;
pub(crate) mod dev;
pub(crate) mod health;
pub(crate) mod indexes;
pub(crate) mod inspect;
pub(crate) mod new;
pub(crate) mod recording;
mod reload;
pub(crate) mod sample;
pub(crate) mod serve;
mod similar;
pub(crate) mod test;
pub(crate) mod trial;
