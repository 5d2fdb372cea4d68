//! Counts of the driver's events as numbers of connections.

use super::*;

#[test]
fn what_is_open_in_use_and_waiting_is_a_difference_that_is_never_below_zero() {
    let watch = Watch::new(9);
    for (counter, count) in [
        (&watch.opened, 5),
        (&watch.closed, 2),
        (&watch.asked, 8),
        (&watch.taken, 4),
        (&watch.failed, 1),
        (&watch.returned, 3),
    ] {
        counter.store(count, Relaxed);
    }
    let used = PoolUse {
        open: 3,
        in_use: 1,
        waiting: 3,
        limit: 9,
    };
    assert_eq!(watch.connections(), used);
    // Two counters are not read at one moment.
    watch.closed.store(6, Relaxed);
    watch.returned.store(5, Relaxed);
    watch.failed.store(5, Relaxed);
    let none = PoolUse {
        open: 0,
        in_use: 0,
        waiting: 0,
        limit: 9,
    };
    assert_eq!(watch.connections(), none);
}
