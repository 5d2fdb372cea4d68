//! L2 in a build without the feature `redis`: there is no way to construct one.

use super::{Event, Found, Kept};
use crate::barriers::{Scope, Stamp};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};
use trm_resilience::breaker::Breaker;

/// Where Redis is. Not constructible in this build.
#[derive(Clone, Copy, Debug)]
pub struct RedisSettings(Infallible);

/// Why L2 did not answer. Not constructible in this build.
pub type L2Error = Infallible;

/// A connection that is followed.
pub struct Connected {
    /// The run id of the server.
    pub server: String,
    /// What the server reports.
    pub events: mpsc::Receiver<Event>,
    /// Signalled when the server is not the right one any more.
    pub lost: Arc<Notify>,
}

/// The shared tier. Not constructible in this build.
pub struct L2 {
    never: Infallible,
    /// Commands that failed or timed out.
    pub errors: AtomicU64,
}

impl L2 {
    pub(crate) fn new(settings: &RedisSettings, _: Breaker) -> Result<Self, String> {
        match settings.0 {}
    }

    pub(crate) async fn connect(&self, _: Stamp) -> Result<Connected, L2Error> {
        match self.never {}
    }

    pub(crate) fn open(&self, _: &Connected) {
        match self.never {}
    }

    pub(crate) fn close(&self) {
        match self.never {}
    }

    pub(crate) async fn alive(&self, _: &Connected, _: Stamp, _: Duration) -> bool {
        match self.never {}
    }

    pub(crate) fn key_of<'a>(&self, _: &'a str) -> Option<&'a str> {
        match self.never {}
    }

    pub(crate) async fn stamps(
        &self,
        _: &[String],
        _: Instant,
    ) -> Result<Vec<Option<Stamp>>, L2Error> {
        match self.never {}
    }

    pub(crate) fn breaker(&self) -> &Breaker {
        match self.never {}
    }

    pub(crate) async fn lookup(
        &self,
        _: &str,
        _: Stamp,
        _: Option<Duration>,
        _: Instant,
    ) -> Result<Found, L2Error> {
        match self.never {}
    }

    pub(crate) async fn tick(&self, _: Stamp, _: Instant) -> Result<Stamp, L2Error> {
        match self.never {}
    }

    pub(crate) async fn store(&self, _: &str, _: &Kept<'_>, _: Instant) -> Result<(), L2Error> {
        match self.never {}
    }

    pub(crate) async fn unlock(&self, _: &str, _: Stamp, _: Instant) -> Result<(), L2Error> {
        match self.never {}
    }

    pub(crate) async fn raise(&self, _: &Scope, _: Stamp, _: Instant) -> Result<Stamp, L2Error> {
        match self.never {}
    }
}
