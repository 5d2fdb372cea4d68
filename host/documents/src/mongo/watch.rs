//! What the driver tells of its connections and servers, counted; decides nothing.

use super::super::PoolUse;
use mongodb::event::EventHandler;
use mongodb::event::cmap::{CmapEvent, ConnectionClosedReason};
use mongodb::event::sdam::SdamEvent;
use mongodb::options::ClientOptions;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Counts since the start; what is open or in use now is a difference of two.
#[derive(Default)]
pub(super) struct Watch {
    limit: u64,
    opened: AtomicU64,
    closed: AtomicU64,
    taken: AtomicU64,
    returned: AtomicU64,
    asked: AtomicU64,
    failed: AtomicU64,
    errors: AtomicU64,
}

impl Watch {
    /// Nothing counted yet, of a pool of so many connections at most.
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit: u64::from(limit),
            ..Self::default()
        }
    }

    /// Counts what a client with these options does.
    pub(super) fn listen(self: &Arc<Self>, options: &mut ClientOptions) {
        let (pool, servers) = (self.clone(), self.clone());
        options.cmap_event_handler = Some(EventHandler::callback(move |event| pool.pool(&event)));
        options.sdam_event_handler =
            Some(EventHandler::callback(move |event| servers.server(&event)));
    }

    fn pool(&self, event: &CmapEvent) {
        let counter = match event {
            CmapEvent::ConnectionCreated(_) => &self.opened,
            CmapEvent::ConnectionClosed(closed) => {
                if closed.reason == ConnectionClosedReason::Error {
                    self.errors.fetch_add(1, Relaxed);
                }
                &self.closed
            }
            CmapEvent::ConnectionCheckoutStarted(_) => &self.asked,
            CmapEvent::ConnectionCheckedOut(_) => &self.taken,
            CmapEvent::ConnectionCheckedIn(_) => &self.returned,
            CmapEvent::ConnectionCheckoutFailed(_) => {
                self.errors.fetch_add(1, Relaxed);
                &self.failed
            }
            _ => return,
        };
        counter.fetch_add(1, Relaxed);
    }

    fn server(&self, event: &SdamEvent) {
        if let SdamEvent::ServerHeartbeatFailed(failed) = event {
            self.errors.fetch_add(1, Relaxed);
            tracing::warn!(server = %failed.server_address, "MongoDB does not answer: {}", failed.failure);
        }
    }

    /// Connections that broke, could not be had, or whose server no longer answers.
    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Relaxed)
    }

    /// What is open, in use and waited for now.
    pub(super) fn connections(&self) -> PoolUse {
        let apart = |more: &AtomicU64, less: u64| more.load(Relaxed).saturating_sub(less);
        let taken = self.taken.load(Relaxed);
        PoolUse {
            open: apart(&self.opened, self.closed.load(Relaxed)),
            in_use: taken.saturating_sub(self.returned.load(Relaxed)),
            waiting: apart(&self.asked, taken + self.failed.load(Relaxed)),
            limit: self.limit,
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
