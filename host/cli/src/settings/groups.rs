//! Which settings a command has: sets of groups, one bit for each group.

/// Where the manifest is.
pub(crate) const MANIFEST: u32 = 1 << 0;
/// Where the embedded store is.
pub(crate) const DATA: u32 = 1 << 1;
/// The port of the host.
pub(crate) const PORT: u32 = 1 << 2;
/// The other addresses that a host listens on.
pub(crate) const LISTEN: u32 = 1 << 3;
/// MongoDB and Redis.
pub(crate) const STORES: u32 = 1 << 4;
/// Both tiers of the cache.
pub(crate) const CACHE: u32 = 1 << 5;
/// Circuit breakers of the stores.
pub(crate) const BREAKERS: u32 = 1 << 6;
/// The log.
pub(crate) const LOG: u32 = 1 << 7;
/// What a host reports of its requests.
pub(crate) const REPORTS: u32 = 1 << 8;
/// Where spans are sent.
pub(crate) const TRACES: u32 = 1 << 9;
/// What runs the functions.
pub(crate) const RUNTIME: u32 = 1 << 10;
/// What operators of a host see and stop.
pub(crate) const OPERATION: u32 = 1 << 11;
/// How `trm build` signs.
pub(crate) const SIGNING: u32 = 1 << 12;
/// Not a group: the defaults are those of `trm dev`.
pub(crate) const DEV: u32 = 1 << 31;

/// A host without sockets.
pub(crate) const HOST: u32 = MANIFEST | DATA | STORES | CACHE | BREAKERS | LOG | REPORTS | RUNTIME;
/// A host that serves.
pub(crate) const SERVE: u32 = HOST | PORT | LISTEN | TRACES | OPERATION;
/// A store without a host.
pub(crate) const STORE: u32 = DATA | STORES | BREAKERS | LOG;

/// The heading of a group in the help text.
pub(super) fn heading(group: u32) -> &'static str {
    match group {
        MANIFEST | DATA => "Files",
        PORT | LISTEN => "Addresses",
        STORES => "Stores",
        CACHE => "Cache",
        BREAKERS => "Circuit breakers",
        LOG | REPORTS | TRACES => "Log, metrics and traces",
        RUNTIME | OPERATION => "Operation",
        SIGNING => "Signing",
        _ => "Settings",
    }
}
