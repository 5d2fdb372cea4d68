//! Those modules of the host that stand alone, as tests/parts/run lays them out; holds no code of its own.
#![allow(dead_code, reason = "whoever calls them is not here")]

#[cfg(test)]
mod allocator;
pub mod grants;
pub mod time_left;

/// The way out, without what connects.
pub mod outbound {
    pub mod reach;
}

/// The cache without what speaks to Redis.
pub mod storage {
    pub mod barriers;
    pub mod breaker;
    pub mod flight;
    pub mod l1;
    mod primitives;
    pub mod soft;
}

/// The edge cache's rules without its tiers.
pub mod edge {
    pub mod directives;
    pub mod range;
    pub mod rules;
    pub mod stored;
}
