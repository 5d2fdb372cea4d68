//! TRM through its HTTP door, on the embedded default and on real servers; looks inside nothing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here has failed"
)]

mod access;
mod auth;
mod cache_cluster;
mod cache_tiers;
mod caprice;
mod check;
mod cli;
mod contract;
mod dev;
mod dev_chaos;
mod documents;
mod documents_generated;
mod documents_indexes;
mod documents_pipelines;
mod drafts;
mod endpoints;
mod faults;
mod grants;
mod languages;
mod limits;
mod new;
mod plans;
mod readme;
mod reload;
mod routes;
mod security;
mod several;
mod signed;
mod spin;
mod standard;
mod story;
mod tokens;
mod transactions;
mod trial;
mod tutorial;
mod two_hosts;
mod writes;
