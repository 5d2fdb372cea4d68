//! The host's own sources of L1, compiled where they are: nothing of them is copied.

#[expect(dead_code, reason = "the bench raises no barrier")]
#[path = "../../../../host/src/storage/barriers.rs"]
pub mod barriers;
#[expect(dead_code, reason = "the bench only reads and inserts")]
#[path = "../../../../host/src/storage/l1/mod.rs"]
pub mod l1;
