//! Whose reads are counted and whose entries L1 keeps; reads and keeps none itself.

use super::l1::Owner;
use super::read_through::Cache;
use super::stats::Reads;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// The functions of one host, and the routes at its edge.
pub(super) struct Owners {
    /// One for each function that was ever loaded, so bounded by the manifest.
    readers: Mutex<Vec<Arc<Reads>>>,
    /// Whose entries L1 keeps, by number: the functions, and the routes at the edge.
    names: Mutex<Vec<Arc<str>>>,
}

impl Owners {
    /// The host itself, which has the number 0.
    pub(super) fn new(host: &Arc<Reads>) -> Self {
        Self {
            readers: Mutex::new(vec![host.clone()]),
            names: Mutex::new(vec![host.function.clone()]),
        }
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Arc<Reads>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self, name: &Arc<str>) -> Owner {
        let mut names = self.names();
        let known = names.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            names.push(name.clone());
            names.len() - 1
        });
        at as Owner
    }
}

impl Cache {
    /// The same cache, with its reads counted for a function, which has its own share of L1.
    pub fn of_function(&self, function: &Arc<str>) -> Self {
        let owners = &self.0.owners;
        let mut readers = owners.readers();
        let known = readers.iter().find(|reads| reads.function == *function);
        let reads = known.cloned().unwrap_or_else(|| {
            let reads = Arc::new(Reads::of(function.clone()));
            readers.push(reads.clone());
            reads
        });
        drop(readers);
        Self(self.0.clone(), reads, owners.number(function))
    }

    /// The same cache, whose entries from now on are this owner's, who has its own share of L1.
    pub fn owned_by(&self, owner: &Arc<str>) -> Self {
        Self(self.0.clone(), self.1.clone(), self.0.owners.number(owner))
    }

    /// What each function asked of the tiers.
    pub fn reads(&self) -> Vec<Arc<Reads>> {
        self.0.owners.readers().clone()
    }

    /// The same cache for an owner that there is already.
    pub(super) fn known(&self, owner: &str) -> Option<Self> {
        let names = self.0.owners.names();
        let at = names.iter().position(|name| &**name == owner)?;
        Some(Self(self.0.clone(), self.1.clone(), at as Owner))
    }

    /// The keys of L1 that were asked for most often: whose, which, and how often since they were kept.
    pub fn hottest(&self, most: usize) -> Vec<(String, String, u32)> {
        let names = self.0.owners.names().clone();
        let hottest = self.0.l1.hottest(most).into_iter();
        let named = hottest.filter_map(|(owner, key, asked)| {
            Some((
                names.get(owner as usize)?.to_string(),
                key.to_string(),
                asked,
            ))
        });
        named.collect()
    }

    /// Whose entries L1 keeps: the name, keys and bytes.
    pub fn usage(&self) -> Vec<(Arc<str>, usize, usize)> {
        let usage = self.0.l1.usage();
        let of = |(at, name): (usize, &Arc<str>)| {
            let (keys, bytes) = usage.get(&(at as Owner)).copied().unwrap_or_default();
            (name.clone(), keys, bytes)
        };
        self.0.owners.names().iter().enumerate().map(of).collect()
    }
}
