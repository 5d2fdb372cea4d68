//! What the shared tier holds of a key, what is stored in it, and what it reports; asks nobody.

use crate::barriers::{Scope, Stamp};
use bytes::Bytes;
use std::time::Duration;

/// What Redis has of a key.
pub enum Found {
    /// A valid entry.
    Entry {
        /// The value.
        value: Bytes,
        /// When its fill began.
        stamp: Stamp,
        /// Its tags.
        tags: Vec<String>,
        /// How long it has left, the time as a stale one included.
        ttl: Duration,
        /// How much of that it is stale.
        stale: Duration,
        /// How long before it is stale it is due to be renewed.
        ahead: Duration,
    },
    /// None, and the stamp that a fill which begins now carries. With a lease the lock is this caller's.
    Nothing(Stamp),
    /// None, and another host computes it.
    Locked,
}

/// What is to be kept.
pub struct Kept<'a> {
    /// The value.
    pub value: &'a [u8],
    /// When its fill began.
    pub stamp: Stamp,
    /// Its tags.
    pub tags: &'a [String],
    /// How long it is valid.
    pub ttl: Duration,
    /// How long it is kept after that.
    pub stale: Duration,
    /// How long before its end it is due to be renewed.
    pub ahead: Duration,
}

/// What the server tells without being asked.
#[derive(Debug)]
pub enum Event {
    /// A host raised a barrier.
    Barrier(Stamp, Scope),
    /// Somebody changed or removed an entry; its key in Redis.
    Touched(String),
    /// Somebody emptied the server.
    Flushed,
}
