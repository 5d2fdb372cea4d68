//! Instances without a request: the warmest is the first one out, and those that nobody takes end; makes none.

use super::maker::Maker;
use super::neighbours::Neighbour;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::time::{Duration, Instant};
use trm_telemetry::metrics::FunctionLabels;
use trm_telemetry::metrics::Metrics;

/// How long an instance is kept without a request.
const IDLE: Duration = Duration::from_secs(10);

/// The idle instances of one function.
pub(super) struct Idle<T> {
    /// With the time since when. The longest idle stand first.
    waiting: Mutex<Vec<(Instant, T)>>,
    metrics: Arc<Metrics>,
    labels: FunctionLabels,
}

impl<T: Send + 'static> Idle<T> {
    /// None yet, of instances that this makes.
    pub fn begin(maker: &Maker) -> Arc<Self> {
        let idle = Arc::new(Self {
            waiting: Mutex::default(),
            metrics: maker.workshop.metrics.clone(),
            labels: maker.labels.clone(),
        });
        maker.workshop.neighbours.add(idle.clone());
        tokio::spawn(reap(Arc::downgrade(&idle)));
        idle
    }

    /// The one that has come last.
    pub fn pop(&self) -> Option<T> {
        self.waiting().pop().map(|(_, instance)| instance)
    }

    /// This one has no request since then.
    pub fn push(&self, instance: T, since: Instant) {
        self.waiting().push((since, instance));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.waiting().len()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Instant, T)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send> Neighbour for Idle<T> {
    fn end_half(&self) -> usize {
        let ended: Vec<_> = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let half = waiting.len().div_ceil(2);
            waiting.drain(..half).collect()
        };
        let evicted = &self.metrics.evicted;
        evicted
            .get_or_create(&self.labels)
            .inc_by(ended.len() as u64);
        ended.len()
    }
}

/// Ends instances without requests, for as long as the function is served.
async fn reap<T: Send + 'static>(idle: Weak<Idle<T>>) {
    loop {
        tokio::time::sleep(IDLE / 4).await;
        let Some(idle) = idle.upgrade() else {
            return;
        };
        let ended: Vec<_> = {
            let mut waiting = idle.waiting();
            let kept = waiting.iter().position(|(since, _)| since.elapsed() < IDLE);
            let ended = kept.unwrap_or(waiting.len());
            waiting.drain(..ended).collect()
        };
        drop(ended);
    }
}
