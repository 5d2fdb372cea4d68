//! The functions that share a host's instances: when it is full, idle ones make room; ends none that works.

use super::warm::Instances;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

/// Every function whose instances are called through the plain handler.
#[derive(Default)]
pub struct Neighbours(Mutex<Vec<Weak<Instances>>>);

impl Neighbours {
    pub(super) fn add(&self, instances: &Arc<Instances>) {
        let mut all = self.all();
        all.retain(|instances| instances.strong_count() > 0);
        all.push(Arc::downgrade(instances));
    }

    /// Ends the longer idle half of each function's idle instances; whether there was one.
    pub(super) fn make_room(&self) -> bool {
        let all = self.all().clone();
        let functions = all.iter().filter_map(Weak::upgrade);
        functions
            .map(|instances| instances.end_half())
            .sum::<usize>()
            > 0
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<Instances>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
