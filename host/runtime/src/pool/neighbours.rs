//! The functions that share a host's instances: when it is full, idle ones make room; ends none that works.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

/// A function that has idle instances.
pub(super) trait Neighbour: Send + Sync {
    /// Ends the longer idle half of them, at least one; how many.
    fn end_half(&self) -> usize;
}

/// Every function whose instances are called through a plain door.
#[derive(Default)]
pub struct Neighbours(Mutex<Vec<Weak<dyn Neighbour>>>);

impl Neighbours {
    pub(super) fn add(&self, neighbour: Arc<dyn Neighbour>) {
        let mut all = self.all();
        all.retain(|neighbour| neighbour.strong_count() > 0);
        all.push(Arc::downgrade(&neighbour));
    }

    /// Ends the longer idle half of each function's idle instances; whether there was one.
    pub(super) fn make_room(&self) -> bool {
        let all = self.all().clone();
        let functions = all.iter().filter_map(Weak::upgrade);
        functions
            .map(|neighbour| neighbour.end_half())
            .sum::<usize>()
            > 0
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<dyn Neighbour>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
