//! Which renewals may be cut short because the value from before can serve; cuts none itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// The most keys that are remembered.
const MAX_KEYS: usize = 10_000;

/// The keys whose last renewal was given its soft time and has not landed.
pub struct Soft {
    after: Duration,
    short: Mutex<HashSet<Arc<str>>>,
}

impl Soft {
    /// Cuts after so long; never where it is zero.
    pub fn new(after: Duration) -> Self {
        Self {
            after,
            short: Mutex::default(),
        }
    }

    /// Until when a renewal that begins now may take, where it may be cut short. The one after it has its whole
    /// deadline, so that a store which is always slower than the soft time still renews.
    pub fn until(&self, key: &Arc<str>) -> Option<Instant> {
        if self.after.is_zero() {
            return None;
        }
        let mut short = self.short.lock().unwrap_or_else(PoisonError::into_inner);
        if short.remove(key) {
            return None;
        }
        // Forgotten: the next renewal of each is cut short once more.
        if short.len() >= MAX_KEYS {
            short.clear();
        }
        short.insert(key.clone());
        Some(Instant::now() + self.after)
    }

    /// A renewal landed.
    pub fn landed(&self, key: &Arc<str>) {
        let mut short = self.short.lock().unwrap_or_else(PoisonError::into_inner);
        short.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_renewal_in_a_row_that_does_not_land_has_its_whole_deadline() {
        let (soft, key) = (Soft::new(Duration::from_secs(1)), Arc::from("k"));
        assert!(soft.until(&key).is_some());
        assert!(soft.until(&key).is_none());
        assert!(soft.until(&key).is_some());
        soft.landed(&key);
        assert!(soft.until(&key).is_some());
        assert!(Soft::new(Duration::ZERO).until(&key).is_none());
    }

    #[test]
    fn a_renewal_is_cut_after_the_soft_time() {
        let after = Duration::from_secs(60);
        let soft = Soft::new(after);
        let begun = Instant::now();
        let until = soft.until(&Arc::from("k")).unwrap();
        assert!(until >= begun + after && until <= Instant::now() + after);
    }

    #[test]
    fn each_key_is_remembered_by_itself_and_all_are_forgotten_where_there_is_no_room() {
        let soft = Soft::new(Duration::from_secs(1));
        let key = |number: usize| Arc::from(number.to_string());
        for number in 0..MAX_KEYS {
            assert!(soft.until(&key(number)).is_some());
        }
        let remembered = || soft.short.lock().unwrap().len();
        assert_eq!(remembered(), MAX_KEYS);
        assert!(soft.until(&key(0)).is_none() && soft.until(&key(0)).is_some());
        assert_eq!(remembered(), MAX_KEYS);
        assert!(soft.until(&key(MAX_KEYS)).is_some());
        assert_eq!(remembered(), 1);
        assert!(soft.until(&key(0)).is_some());
    }
}
