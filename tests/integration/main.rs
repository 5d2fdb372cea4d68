//! TRM through its HTTP door, on the embedded default and on real servers; looks inside nothing.

#![expect(missing_docs, reason = "tests say what they show by their names")]

mod cache_tiers;
mod documents;
mod endpoints;
mod faults;
mod limits;
mod routes;
mod two_hosts;
